import { open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { describeSystemError, errorCode } from '../core/fault.ts';
import { makeDirectory } from '../core/make-directory.ts';
import { probeProcess, processStamp } from '../core/process-stamp.ts';

/** Prefix of what lies in an output directory only while a product is copied. */
const temporary = '.bootstrap-';
const lockName = '.bootstrap-lock';
/** The list of sums beside the products. */
export const sumsName = 'SHA256SUMS';
/** After this time the lock of a process in another pid namespace counts as abandoned; copying takes seconds. */
const foreignMilliseconds = 120_000;

/** Makes the directory and tries to write there, so that a long build does not find out at its end. */
export async function prepareOutDirectory(directory: string): Promise<Result<void, Failure>> {
  return withFailures(directory, async () => {
    await makeDirectory(directory);
    const probe = temporaryPath(directory, 'probe');
    await writeFile(probe, '');
    await unlink(probe);
  });
}

/** Tells apart what several builds of one process have unfinished. */
let unfinishedCount = 0;

/** A name in the same directory for something unfinished, another one each time. */
export function temporaryPath(directory: string, name: string): string {
  unfinishedCount += 1;
  return path.join(directory, `${temporary}${processStamp()}-${String(unfinishedCount)}-${name}`);
}

/** Writes a file so that its name never shows half of it. */
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
 * Does something that only one process at a time may do in an output directory, after removing what killed ones
 * left there. Two builds of one arch for different hosts may end at the same moment, and both add to one manifest.
 */
export async function exclusively<Value>(
  directory: string,
  work: () => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  const locked = await withFailures(directory, () => lock(path.join(directory, lockName)));
  if (!locked.ok) return locked;
  try {
    const done = await withFailures(directory, async () => {
      await sweep(directory);
      return work();
    });
    return done.ok ? done.value : done;
  } finally {
    await rm(path.join(directory, lockName), { force: true });
  }
}

/** Runs `work`; what the user can help (rights, room, a file in the way) becomes a failure. */
async function withFailures<Value>(
  directory: string,
  work: () => Promise<Value>,
): Promise<Result<Value, Failure>> {
  try {
    return ok(await work());
  } catch (error) {
    const known = describeSystemError(error, directory);
    if (known !== undefined) return failed(known);
    if (!['EEXIST', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ENOENT'].includes(errorCode(error) ?? ''))
      throw error;
    return failed({ reason: 'unwritable', path: directory, detail: (error as Error).message });
  }
}

async function lock(file: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(file, processStamp(), { flag: 'wx' });
      return;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const holder = await readFile(file, 'utf8').catch(() => '');
    // An empty file is one whose holder was killed, or has not written its name yet: only time tells.
    if (holder === '') await sleep(200);
    const again = await readFile(file, 'utf8').catch(() => undefined);
    if (again === holder && (holder === '' || (await isAbandoned(file, holder))))
      await takeAway(file, holder);
    else await sleep(50);
  }
}

/** Of a process in another container nothing can be told but how long ago it took the lock. */
async function isAbandoned(file: string, holder: string): Promise<boolean> {
  const state = probeProcess(holder);
  if (state === 'alive' || state === 'dead') return state === 'dead';
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > foreignMilliseconds;
}

/** Moves the lock aside first: of two who find it abandoned, neither removes the other's fresh one. */
async function takeAway(file: string, holder: string): Promise<void> {
  const aside = temporaryPath(path.dirname(file), 'lock');
  await rename(file, aside).catch(() => undefined);
  const taken = await readFile(aside, 'utf8').catch(() => undefined);
  if (taken !== undefined && taken !== holder) await rename(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(temporary) || name === lockName) continue;
    const stamp = /^[0-9]+\.[0-9]+\.[0-9]+/.exec(name.slice(temporary.length))?.[0];
    if (stamp !== undefined && stamp !== processStamp() && probeProcess(stamp) === 'dead') {
      await rm(path.join(directory, name), { recursive: true, force: true });
    }
  }
}
