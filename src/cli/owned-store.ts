import { workAsOwner } from '../build/store-owner.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import { storeDirectory, type Session } from './session.ts';

/**
 * Directory of the store, for commands that change it without opening it. Root works in another user's store as that
 * user from now on, as it does where a store is opened. Fails with `unwritable` if that user cannot read this program.
 */
export async function ownedStore(
  session: Session,
  option: string | undefined,
): Promise<Result<string, Failure>> {
  const root = storeDirectory(session, option);
  const owner = await workAsOwner(root);
  return owner.ok ? ok(root) : owner;
}
