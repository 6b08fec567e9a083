import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { probeProcess, processStamp } from './process-stamp.ts';
import { errorCode } from './system-error.ts';

/** How often a waiting process checks whether the lock is free. */
const pollMilliseconds = 200;
/** How often a holder shows that it is alive, to those who cannot see its process. */
const heartbeatMilliseconds = 15_000;
/** A holder in another pid namespace that has not shown that it is alive for this long counts as dead. */
const foreignMilliseconds = 120_000;
/** Nobody cleans up after a process in another pid namespace, or a file without a lock, before this time. */
const litterMilliseconds = 24 * 3600 * 1000;

/** A lock that this process holds. */
export interface ProcessLock {
  /** Releases the lock; a second call does nothing. */
  release(): Promise<void>;
}

export interface LockWait {
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  /** Called once if another process holds the lock, before waiting begins. */
  readonly onWait?: () => void;
}

/**
 * A lock file names its holder: `<process stamp> <nonce>`. It appears by `link` with its content in it, whenever a
 * process may be killed, and is given back by removing it.
 *
 * The lock of a dead holder is taken over by the one process that can link a file of its own at `<file>.<nonce>`;
 * where that process died too, at `<file>.<its nonce>`, and so on. Only the end of that chain may replace the lock
 * file. So of several who find a lock abandoned exactly one gets it, and nobody ever removes the lock of a living one.
 *
 * The calls to the system are synchronous: on files this small each takes microseconds, and through promises ten times that.
 */
export function tryProcessLock(file: string): Promise<ProcessLock | undefined> {
  return new Promise((resolve) => resolve(tryNow(file)));
}

function tryNow(file: string): ProcessLock | undefined {
  const nonce = randomBytes(8).toString('hex');
  const own = `${file}.${nonce}.new`;
  const content = `${processStamp()} ${nonce}`;
  try {
    writeFileSync(own, content);
    if (!take(file, own)) return undefined;
  } finally {
    rmSync(own, { force: true });
  }
  return heldLock(file, content);
}

/** Waits for a lock and takes it; undefined when the waiting was ended by the signal. Throws errors of the file system. */
export async function takeProcessLock(
  file: string,
  { signal, onWait }: LockWait = {},
): Promise<ProcessLock | undefined> {
  for (let waited = false; signal?.aborted !== true; waited = true) {
    const lock = await tryProcessLock(file);
    if (lock !== undefined) return lock;
    if (!waited) onWait?.();
    await sleep(pollMilliseconds, undefined, signal === undefined ? {} : { signal }).catch(
      (error: unknown) => {
        if (signal?.aborted !== true) throw error;
      },
    );
  }
  return undefined;
}

/** Runs `work` while this process alone holds the lock file; the lock of a dead process is taken over. */
export async function withProcessLock<Value>(file: string, work: () => Promise<Value>): Promise<Value> {
  const lock = await takeProcessLock(file);
  if (lock === undefined) throw new Error('a lock that nobody can call off was called off');
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/**
 * Removes from a directory the locks that dead processes left, and files of processes that were killed while they took one.
 * Locks of living processes stay, and nothing is removed under somebody who takes a lock at this moment: each is taken by
 * the protocol above, and given back. What the system refuses is skipped: whoever needs that lock is told.
 *
 * @param directory holds nothing but locks, whose names have no dot
 */
export async function removeAbandonedLocks(directory: string): Promise<void> {
  const names = readdirSync(directory);
  for (const name of names) {
    if (!name.includes('.')) await unlessRefused(() => releaseAbandoned(join(directory, name)));
  }
  for (const name of names) {
    const lock = join(directory, name.split('.', 1)[0] ?? '');
    if (name.includes('.')) {
      await unlessRefused(() => {
        removeLitter(join(directory, name), lock);
      });
    }
  }
}

async function unlessRefused(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
}

async function releaseAbandoned(file: string): Promise<void> {
  const holder = holderOf(file);
  if (holder === undefined || !isDead(holder)) return;
  // There is no hurry, and the clocks of two machines that share a file system may differ.
  if (probeProcess(holder.stamp) === 'foreign' && holder.silence < litterMilliseconds) return;
  await (await tryProcessLock(file))?.release();
}

/** Removes an old file beside a lock, unless it may be part of a chain by which that lock is being taken over. */
function removeLitter(path: string, lock: string): void {
  if (Date.now() - statSync(path).mtimeMs < litterMilliseconds) return;
  const holder = holderOf(lock);
  if (holder === undefined || !isDead(holder)) rmSync(path, { force: true });
}

function take(file: string, own: string): boolean {
  if (linked(own, file)) return true;
  const head = holderOf(file);
  if (head === undefined) return false;
  /** The places of the chain, and whose death each stands for. */
  const chain: string[] = [];
  for (let holder: Holder | undefined = head; ;) {
    if (holder === undefined || !isDead(holder)) return false;
    const next = `${file}.${holder.nonce}`;
    chain.push(next);
    if (linked(own, next)) break;
    holder = holderOf(next);
  }
  // Others may have gone through all of this since the head was read; then its nonce is another now.
  if (holderOf(file)?.nonce !== head.nonce) {
    rmSync(chain.at(-1) ?? own, { force: true });
    return false;
  }
  renameSync(own, file);
  for (const place of chain) rmSync(place, { force: true });
  return true;
}

function linked(own: string, place: string): boolean {
  try {
    linkSync(own, place);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

interface Holder {
  readonly stamp: string;
  /** Empty in a lock file of earlier versions. */
  readonly nonce: string;
  /** Milliseconds since it was last heard of. */
  readonly silence: number;
}

function isDead({ stamp, silence }: Holder): boolean {
  const state = probeProcess(stamp);
  return state === 'foreign' ? silence > foreignMilliseconds : state !== 'alive';
}

function holderOf(file: string): Holder | undefined {
  try {
    const [stamp = '', nonce = ''] = readFileSync(file, 'utf8').split(' ');
    return { stamp, nonce, silence: Date.now() - statSync(file).mtimeMs };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function heldLock(file: string, content: string): ProcessLock {
  const isOurs = (): boolean => {
    try {
      return readFileSync(file, 'utf8') === content;
    } catch {
      return false;
    }
  };
  const heartbeat = setInterval(() => {
    const now = new Date();
    // Where it fails, the worst that follows is that a process of another namespace takes the lock.
    void utimes(file, now, now).catch(() => undefined);
  }, heartbeatMilliseconds);
  heartbeat.unref();
  let held = true;
  return {
    release: () =>
      new Promise((resolve) => {
        clearInterval(heartbeat);
        // A process that was stopped for long may have lost it to one of another namespace.
        if (held && isOurs()) rmSync(file, { force: true });
        held = false;
        resolve();
      }),
  };
}
