import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { isRecord, parseJson } from '../core/json.ts';
import { catchFailures } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { collectUnlessBusy, missingStore, type Collection } from './collect.ts';
import type { CollectionPolicy } from './collection-policy.ts';
import { readRecord, writeWhole } from './disk-files.ts';
import type { LocalTrees } from './store.ts';

/** How much space a store may take after a build, in bytes; undefined: no limit. */
export async function readLimit(root: string): Promise<number | undefined> {
  const value = parseJson(readRecord(limitFile(root))?.toString() ?? '');
  const bytes = isRecord(value) ? value['bytes'] : undefined;
  return typeof bytes === 'number' && Number.isFinite(bytes) && bytes >= 0 ? bytes : undefined;
}

/**
 * Sets the limit for all later builds on this store; undefined removes it. Fails with `no-store` if there is no store.
 */
export function writeLimit(root: string, bytes: number | undefined): Promise<Result<void, Failure>> {
  return catchFailures(root, async () => {
    const missing = await missingStore(root);
    if (missing !== undefined) return failed(missing);
    if (bytes === undefined) await rm(limitFile(root), { force: true });
    else await writeWhole(root, limitFile(root), Buffer.from(`${JSON.stringify({ bytes })}\n`), true);
    return ok(undefined);
  });
}

/** What a user requests of a collection. */
export interface CollectionWish {
  /** Milliseconds. */
  readonly olderThan?: number;
  /** Bytes. */
  readonly maxSize?: number;
}

/** Follows the request; if it is empty, the store's limit; if there is none, only scratch outputs are removed. */
export async function policyFor(root: string, wish: CollectionWish): Promise<CollectionPolicy> {
  const asked = wish.olderThan !== undefined || wish.maxSize !== undefined;
  const maxBytes = asked ? wish.maxSize : await readLimit(root);
  return {
    now: Date.now(),
    ...(wish.olderThan === undefined ? {} : { olderThan: wish.olderThan }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    scratchOutputs: !asked && maxBytes === undefined,
  };
}

/**
 * Collects if a store takes more space than its limit, after its user has released it. Undefined: it has no limit, or
 * another process is already collecting.
 */
export async function keepWithinLimit(
  store: Pick<LocalTrees, 'root' | 'release'>,
): Promise<Result<Collection | undefined, Failure>> {
  return catchFailures<Collection | undefined>(store.root, async () => {
    const maxBytes = await readLimit(store.root);
    if (maxBytes === undefined) return ok(undefined);
    await store.release();
    return collectUnlessBusy(store.root, { policy: { now: Date.now(), maxBytes } });
  });
}

function limitFile(root: string): string {
  return join(root, 'notes', 'store', 'limit.json');
}
