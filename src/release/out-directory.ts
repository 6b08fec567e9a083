import { lstat, open, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { describeSystemError, errorCode, StoreFault } from '../core/fault.ts';
import { makeDirectory } from '../core/make-directory.ts';
import { withProcessLock } from '../core/process-lock.ts';
import { probeProcess, processStamp } from '../core/process-stamp.ts';
import { finishSwap } from './swap.ts';

/** Prefix of what is in an output directory only while a product is being copied. */
const temporary = '.bootstrap-';
const lockName = '.bootstrap-lock';
const asideSuffix = '.old';
/** Name of the manifest beside the products. */
export const manifestName = 'manifest.json';
/** Name of the checksum list beside the products. */
export const sumsName = 'SHA256SUMS';

/**
 * Creates the directory and tries to write there and to list it, so that an unusable one is reported before a long build.
 * Fails with `unwritable`, `unreadable-user-file` or `no-room`.
 */
export async function prepareOutDirectory(directory: string): Promise<Result<void, Failure>> {
  return withFailures(directory, async () => {
    makeDirectory(directory);
    const probe = temporaryPath(directory, 'probe');
    await writeFile(probe, '');
    await unlink(probe);
    await readdir(directory).catch((error: unknown) => {
      throw unreadable(directory, error);
    });
    // A rename over a directory would fail only after hours of building.
    for (const name of [manifestName, sumsName]) await refuseDirectory(path.join(directory, name));
  });
}

/** What is left there is looked for in its list of names. */
function unreadable(directory: string, error: unknown): unknown {
  const code = errorCode(error) ?? '';
  if (!['EACCES', 'EPERM'].includes(code)) return error;
  const hint = 'Make it readable for you, or choose another place (--out DIR for products).';
  return new StoreFault({
    reason: 'unreadable-user-file',
    what: 'the output directory',
    path: directory,
    code,
    hint,
  });
}

async function refuseDirectory(file: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  const detail = 'It is a directory, and a file is written there.';
  throw new StoreFault({ reason: 'unwritable', path: file, detail });
}

/** What follows the prefix of a temporary name: see `temporaryPath`. */
const leftover = /^([0-9]+\.[0-9]+\.[0-9]+)-(?:[0-9]+-)?(.*)$/s;

/** Distinguishes unfinished files of several builds in one process. */
let unfinishedCount = 0;

/** A unique name in the same directory for something unfinished. */
export function temporaryPath(directory: string, name: string): string {
  unfinishedCount += 1;
  return path.join(directory, `${temporary}${processStamp()}-${String(unfinishedCount)}-${name}`);
}

/** Where a product is while another takes its place. */
export function asidePath(directory: string, product: string): string {
  return temporaryPath(directory, `${product}${asideSuffix}`);
}

/** Writes a file so that it never appears incomplete under its name. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const unfinished = temporaryPath(path.dirname(file), path.basename(file));
  const handle = await open(unfinished, 'w', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}

/**
 * Runs `work` while no other process does so in the same output directory, after removing what killed processes left
 * there. Two builds of one arch for different hosts may end at the same moment, and both update one manifest.
 */
export async function exclusively<Value>(
  directory: string,
  work: () => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  const done = await withFailures(directory, () =>
    withProcessLock(path.join(directory, lockName), async () => {
      await sweep(directory);
      return work();
    }),
  );
  return done.ok ? done.value : done;
}

/**
 * Runs `work`; errors that the user can do something about (permissions, space, a file in the way) become a failure.
 */
async function withFailures<Value>(
  directory: string,
  work: () => Promise<Value>,
): Promise<Result<Value, Failure>> {
  try {
    return ok(await work());
  } catch (error) {
    if (error instanceof StoreFault) return failed(error.failure);
    const known = describeSystemError(error, directory);
    if (known !== undefined) return failed(known);
    if (!['EEXIST', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ENOENT'].includes(errorCode(error) ?? ''))
      throw error;
    return failed({ reason: 'unwritable', path: directory, detail: (error as Error).message });
  }
}

async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(temporary) || name === lockName) continue;
    const [, stamp = '', rest = ''] = leftover.exec(name.slice(temporary.length)) ?? [];
    if (stamp === processStamp() || probeProcess(stamp) !== 'dead') continue;
    const place = path.join(directory, name);
    if (rest.endsWith(asideSuffix)) {
      await finishSwap(path.join(directory, rest.slice(0, -asideSuffix.length)), place);
    } else await rm(place, { recursive: true, force: true });
  }
}
