import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Failure } from '../core/failure.ts';
import { errorCode } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';

/**
 * Where root was given another user's store, this process works as that user from now on: what it makes is that user's to
 * use and to remove, and nothing that lies in the store can make root do what its owner may not. Fails with `unwritable`
 * where that user cannot read this program. A system that does not let root become somebody else leaves it as it is.
 *
 * @param store a missing one is the caller's to make
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
      detail: `the store belongs to ${user}, as whom root works there, and ${user} cannot read ${program}`,
    });
  }
  try {
    process.setgroups?.([gid]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    // A container that has no such user, or no right to change to it.
    if (!['EPERM', 'EINVAL'].includes(errorCode(error) ?? '')) throw error;
  }
  return ok(undefined);
}

/** Whether a user can read a file; undecided ones, for want of rights, count as able to. */
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

/** Opened, because `access` asks for the real user. */
function canOpen(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch {
    return false;
  }
}
