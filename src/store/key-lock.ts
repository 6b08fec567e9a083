import { join } from 'node:path';
import { takeProcessLock, tryProcessLock, type LockWait, type ProcessLock } from '../core/process-lock.ts';
import type { Key } from '../plan/names.ts';
import type { LocalTrees } from './store.ts';
import { throwFaults } from '../core/fault.ts';

/**
 * Takes the lock that lets only one process at a time make the result of a key; undefined if another process holds it.
 * The lock says nothing about the result: its holder must look for one (`getResult`) before making it. The lock of a
 * dead process counts as free. Throws a `StoreFault` if the store is not writable.
 */
export async function tryKeyLock(
  store: Pick<LocalTrees, 'root'>,
  key: Key,
): Promise<ProcessLock | undefined> {
  const file = lockFile(store.root, key);
  return throwFaults(file, () => tryProcessLock(file));
}

/**
 * The same, but waits until the lock is free; undefined if `signal` ended the wait. `onWait` is called once if another
 * process holds it.
 */
export async function takeKeyLock(
  store: Pick<LocalTrees, 'root'>,
  key: Key,
  wait: LockWait = {},
): Promise<ProcessLock | undefined> {
  const file = lockFile(store.root, key);
  return throwFaults(file, () => takeProcessLock(file, wait));
}

function lockFile(root: string, key: Key): string {
  return join(root, 'locks', key);
}
