import { stat } from 'node:fs/promises';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import { count } from '../core/count.ts';
import { openDiskStore } from '../store/disk-store.ts';
import type { Store } from '../store/store.ts';
import { workAsOwner } from './store-owner.ts';

/**
 * Opens the user's store. If it belongs to another user, root works in it as that user.
 *
 * @param say called before leftovers of killed runs are removed, which can take a while
 */
export async function openStore(
  root: string,
  epochSeconds: number,
  say: (text: string) => void,
): Promise<Result<Store, Failure>> {
  const onSweep = (leftovers: number): void =>
    say(`bootstrap: removing ${count(leftovers, 'leftover')} of killed runs from the store …`);
  const owner = await workAsOwner(root);
  if (!owner.ok) return owner;
  return openDiskStore({ root, epochSeconds, onSweep });
}

/** The same for a command that only reads: returns undefined if there is no store, and creates none. */
export async function openExistingStore(
  ...request: Parameters<typeof openStore>
): Promise<Result<Store | undefined, Failure>> {
  const found = await stat(request[0]).catch(() => undefined);
  return found === undefined ? ok(undefined) : openStore(...request);
}
