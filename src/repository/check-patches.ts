import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Failure, Fault } from '../core/failure.ts';
import { nearest } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { errorCode } from '../core/system-error.ts';

const directory = 'patches';
const patchName = /^\d{4}-[A-Za-z0-9._+-]+\.patch$/;

/** A source as the lock pins it. */
interface PinnedVersion {
  readonly name: string;
  readonly version: string;
}

/**
 * Checks the names below `patches/`: a patch that would never be applied, because it is outside the directory of a version of
 * its source or is misnamed, is a fault. README files and editors' leftovers are ignored.
 *
 * @param pinned all versions of all sources
 */
export async function checkPatches(
  root: string,
  pinned: readonly PinnedVersion[],
): Promise<Result<void, Failure>> {
  const faults: Fault[] = [];
  const names = [...new Set(pinned.map(({ name }) => name))];
  for (const entry of await entriesOf(path.join(root, directory))) {
    const { name } = entry;
    if (!entry.isDirectory()) {
      const message = 'is not a directory; patches belong in patches/SOURCE/VERSION';
      faults.push({ field: name, message });
    } else if (!names.includes(name)) {
      const [near] = nearest(name, names);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      faults.push({ field: name, message: `names no source of sources.lock${hint}` });
    } else {
      const versions = pinned.filter((source) => source.name === name).map(({ version }) => version);
      faults.push(...(await sourceFaults(root, name, versions)));
    }
  }
  return faults.length === 0 ? ok(undefined) : failed({ reason: 'bad-input', file: directory, faults });
}

async function sourceFaults(
  root: string,
  source: string,
  versions: readonly string[],
): Promise<readonly Fault[]> {
  const faults: Fault[] = [];
  for (const entry of await entriesOf(path.join(root, directory, source))) {
    const field = `${source}/${entry.name}`;
    if (!entry.isDirectory()) {
      const message = `belongs to a version: move it to ${versions.map((version) => `${source}/${version}`).join(' or ')}`;
      faults.push({ field, message });
    } else if (!versions.includes(entry.name)) {
      faults.push({
        field,
        message: `names no version of ${source} in sources.lock, which has ${versions.join(', ')}`,
      });
    } else {
      for (const file of await entriesOf(path.join(root, directory, source, entry.name))) {
        if (file.isFile() && patchName.test(file.name)) continue;
        const message = file.isFile()
          ? 'is not named NNNN-name.patch and would not be applied'
          : 'is not a regular file and would not be applied';
        faults.push({ field: `${field}/${file.name}`, message });
      }
    }
  }
  return faults;
}

async function entriesOf(place: string) {
  try {
    const entries = await readdir(place, { withFileTypes: true });
    return entries
      .filter(({ name }) => !name.startsWith('.') && !name.endsWith('~') && !/^README(\.\w+)?$/.test(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
