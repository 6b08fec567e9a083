import { failureText } from '../report/failure-text.ts';
import { collectionText } from '../report/store-text.ts';
import { keepWithinLimit } from '../store/limit.ts';
import type { Store } from '../store/store.ts';
import type { Session } from './session.ts';

/** Keeps the store within the limit that its user has set. What was built is built, whatever comes of it. */
export async function collectOverLimit(session: Session, store: Store): Promise<void> {
  const kept = await keepWithinLimit(store);
  if (!kept.ok) session.err(`bootstrap: the store is not within its limit: ${failureText(kept.failure)}\n`);
  else if (kept.value !== undefined && kept.value.freedBytes > 0)
    session.err(`the store was over its limit: ${collectionText(kept.value, false)}`);
}
