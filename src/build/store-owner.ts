import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Failure } from '../core/failure.ts';
import { errorCode } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';

/**
 * If root was given another user's store, this process works as that user from now on: what it makes belongs to that
 * user, and nothing in the store can make root do what its owner may not. Fails with `unwritable` if that user cannot
 * read this program. If the system does not let root change to another user, nothing changes.
 *
 * @param store if it does not exist, the caller creates it
 * @param program file that the user must be able to read. Undefined: this one
 */
export async function workAsOwner(
  store: string,
  program = fileURLToPath(import.meta.url),
): Promise<Result<void, Failure>> {
  if (process.geteuid?.() !== 0) return ok(undefined);
  const found = await stat(store).catch(() => undefined);
  if (found === undefined || found.uid === 0) return ok(undefined);
  const { uid, gid } = found;
  if (!couldRead(program, uid, gid)) {
    const user = `user ${String(uid)}`;
    return failed({
      reason: 'unwritable',
      path: store,
      detail: `the store belongs to ${user}, so root works in it as that user, who cannot read ${program}`,
    });
  }
  try {
    process.setgroups?.([gid]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    // A container that does not have such a user, or does not allow changing to it.
    if (!['EPERM', 'EINVAL'].includes(errorCode(error) ?? '')) throw error;
  }
  return ok(undefined);
}

/** Whether a user can read a file; if that cannot be determined for lack of privileges, true. */
function couldRead(file: string, uid: number, gid: number): boolean {
  const group = process.getegid?.() ?? 0;
  try {
    process.setegid?.(gid);
    process.seteuid?.(uid);
    return canOpen(file);
  } catch {
    return true;
  } finally {
    process.seteuid?.(0);
    process.setegid?.(group);
  }
}

/** By opening it, because `access` checks the real user. */
function canOpen(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch {
    return false;
  }
}
