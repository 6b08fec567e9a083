import { copyFile, lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { failed, ok, type Result } from '../core/result.ts';
import type { Origin } from '../inputs/lock.ts';
import { errorCode } from '../core/fault.ts';
import type { Apt } from './apt.ts';
import { revisionsWith } from './debian-index.ts';
import type { FetchFault } from './fetch-fault.ts';

/**
 * Fetches the orig file of a Debian source package into `part`. The suite may have several Debian revisions of one upstream
 * release; the newest one that lists the file with the pinned hash is used. The bytes are not verified here.
 *
 * @param directory an empty directory on the same file system as `part`
 */
export async function fetchDebian(
  origin: Extract<Origin, { kind: 'debian' }>,
  apt: Apt,
  directory: string,
  part: string,
  progress: (line: string) => void,
): Promise<Result<void, FetchFault>> {
  progress(`looking for ${origin.file} in Debian's indexes`);
  let found = await revisions(origin, apt);
  if (found.ok && found.value.length === 0) {
    progress(`fetching Debian's source index of ${origin.suite}`);
    const updated = await apt.update(origin.suite);
    // What was fetched may suffice in spite of an error.
    found = await revisions(origin, apt);
    if (!updated.ok && found.ok && found.value.length === 0) return unavailable(updated.failure);
  }
  if (!found.ok) return unavailable(found.failure);
  if (found.value.length === 0) {
    const where = `no source package ${origin.package} in ${origin.suite} of the machine's Debian archive`;
    return unavailable(`${where} has ${origin.file} with the pinned hash`);
  }
  let why = '';
  for (const version of [...found.value].reverse()) {
    progress(`downloading ${origin.file} of ${origin.package} ${version}`);
    const downloaded = await apt.downloadTars(origin.suite, origin.package, version, directory);
    if (downloaded.ok) {
      if (await taken(join(directory, origin.file), part)) return ok(undefined);
      why = `apt-get downloaded no ${origin.file}`;
    } else {
      why = downloaded.failure;
    }
  }
  return unavailable(why);
}

async function revisions(
  origin: Extract<Origin, { kind: 'debian' }>,
  apt: Apt,
): Promise<Result<readonly string[], string>> {
  const shown = await apt.showSource(origin.suite, origin.package);
  return shown.ok ? ok(revisionsWith(shown.value, origin)) : shown;
}

function unavailable(why: string): Result<never, FetchFault> {
  return failed({ kind: 'unavailable', why });
}

/** Takes over the file. If the mirror is a local directory, apt leaves a link to a file there, which may change. */
async function taken(from: string, to: string): Promise<boolean> {
  try {
    const found = await lstat(from);
    if (found.isDirectory()) return false;
    if (found.isSymbolicLink()) await copyFile(from, to);
    else await rename(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
