import { collectionText, sizeText, usageText, verificationText } from '../report/store-text.ts';
import { collectGarbage } from '../store/collect.ts';
import { policyFor, readLimit, writeLimit, type CollectionWish } from '../store/limit.ts';
import { measureStore } from '../store/usage.ts';
import { verifyStore } from '../store/verify-store.ts';
import { interruptible } from './interrupt.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, storeDirectory, type Session } from './session.ts';

export interface StoreGcRequest extends CollectionWish {
  readonly store?: string;
  readonly dryRun?: boolean;
}

/** `bootstrap store gc`: follows the options, otherwise the store's limit, otherwise removes only scratch outputs. */
export async function storeGcCommand(session: Session, request: StoreGcRequest): Promise<ExitCode> {
  const root = storeDirectory(session, request.store);
  const { dryRun = false } = request;
  const policy = await policyFor(root, request);
  const onWait = (): void =>
    session.err('bootstrap: another process is collecting garbage in this store; waiting for it\n');
  return interruptible(session.err, async (signal) => {
    const collected = await collectGarbage(root, { policy, dryRun, onWait, signal });
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
  const root = storeDirectory(session, store);
  const usage = await measureStore(root);
  if (!usage.ok) return explain(session, usage.failure);
  const limit = await readLimit(root);
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
  return interruptible(session.err, async (signal) => {
    const verified = await verifyStore(storeDirectory(session, store), { repair, signal });
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
  const root = storeDirectory(session, store);
  const written =
    limit === undefined ? undefined : await writeLimit(root, limit === 'none' ? undefined : limit);
  if (written?.ok === false) return explain(session, written.failure);
  const bytes = await readLimit(root);
  session.out(bytes === undefined ? 'no limit\n' : `${sizeText(bytes)}\n`);
  return 0;
}
