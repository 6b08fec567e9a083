import { join } from 'node:path';
import { throwFaults } from '../core/fault.ts';
import { tryProcessLock } from '../core/process-lock.ts';
import { removeForcibly } from './remove.ts';
import { statsOf } from './disk-usage.ts';
import type { Kept } from './store.ts';

/** Path of what an action left when it failed. */
export function keptPath(root: string, key: string): string {
  return join(root, 'kept', key);
}

/** Implements `LocalTrees.openKept`. */
export async function openKept(root: string, key: string): Promise<Kept | 'none' | 'in-use'> {
  const path = keptPath(root, key);
  const lock = await takeKept(root, key);
  if (lock === undefined) return 'in-use';
  if (statsOf(path) !== undefined) return { path, release: () => lock.release() };
  await lock.release();
  return 'none';
}

/** Removes what an action left, unless somebody is in it. */
export async function removeKept(root: string, key: string): Promise<void> {
  const lock = await takeKept(root, key);
  if (lock === undefined) return;
  try {
    await removeForcibly(keptPath(root, key));
  } finally {
    await lock.release();
  }
}

function takeKept(root: string, key: string): ReturnType<typeof tryProcessLock> {
  const file = join(root, 'locks', `kept-${key}`);
  return throwFaults(file, () => tryProcessLock(file));
}
