import { collectionText, sizeText, usageText, verificationText } from '../report/store-text.ts';
import { collectGarbage } from '../store/collect.ts';
import { policyFor, readLimit, writeLimit, type CollectionWish } from '../store/limit.ts';
import { measureStore } from '../store/usage.ts';
import { verifyStore } from '../store/verify-store.ts';
import { interruptible } from './interrupt.ts';
import type { ExitCode } from './exit-code.ts';
import { ownedStore } from './owned-store.ts';
import { explain, type Session } from './session.ts';

export interface StoreGcRequest extends CollectionWish {
  readonly store?: string;
  readonly dryRun?: boolean;
}

/** `bootstrap store gc`: follows the options, otherwise the store's limit, otherwise removes only scratch outputs. */
export async function storeGcCommand(session: Session, request: StoreGcRequest): Promise<ExitCode> {
  const root = await ownedStore(session, request.store);
  if (!root.ok) return explain(session, root.failure);
  const { dryRun = false } = request;
  const policy = await policyFor(root.value, request);
  const onWait = (): void =>
    session.err('bootstrap: another process is collecting garbage in this store; waiting for it\n');
  return interruptible(session.err, async (signal) => {
    const collected = await collectGarbage(root.value, { policy, dryRun, onWait, signal });
    if (!collected.ok) return explain(session, collected.failure);
    session.out(collectionText(collected.value, dryRun));
    return 0;
  });
}

/** `bootstrap store du`: what takes up space. */
export async function storeDuCommand(
  session: Session,
  store: string | undefined,
  json: boolean,
): Promise<ExitCode> {
  const root = await ownedStore(session, store);
  if (!root.ok) return explain(session, root.failure);
  const usage = await measureStore(root.value);
  if (!usage.ok) return explain(session, usage.failure);
  const limit = await readLimit(root.value);
  const facts = { ...usage.value, limit };
  session.out(json ? `${JSON.stringify(facts, undefined, 2)}\n` : usageText(usage.value, limit));
  return 0;
}

/** `bootstrap store verify`: 1 if something is damaged and was not repaired. */
export async function storeVerifyCommand(
  session: Session,
  store: string | undefined,
  repair: boolean,
): Promise<ExitCode> {
  const root = await ownedStore(session, store);
  if (!root.ok) return explain(session, root.failure);
  return interruptible(session.err, async (signal) => {
    const verified = await verifyStore(root.value, { repair, signal });
    if (!verified.ok) return explain(session, verified.failure);
    session.out(verificationText(verified.value, repair));
    return verified.value.damage.length > 0 && !repair ? 1 : 0;
  });
}

/** `bootstrap store limit`: shows, sets or (`none`) removes it. */
export async function storeLimitCommand(
  session: Session,
  store: string | undefined,
  limit: number | 'none' | undefined,
): Promise<ExitCode> {
  const root = await ownedStore(session, store);
  if (!root.ok) return explain(session, root.failure);
  const written =
    limit === undefined ? undefined : await writeLimit(root.value, limit === 'none' ? undefined : limit);
  if (written?.ok === false) return explain(session, written.failure);
  const bytes = await readLimit(root.value);
  session.out(bytes === undefined ? 'no limit\n' : `${sizeText(bytes)}\n`);
  return 0;
}
