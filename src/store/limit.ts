import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { isRecord, parseJson } from '../core/json.ts';
import { catchFailures } from '../core/fault.ts';
import { ok, type Result } from '../core/result.ts';
import { rm } from 'node:fs/promises';
import { collectUnlessBusy, type Collection } from './collect.ts';
import { readRecord, writeWhole } from './disk-files.ts';

/** How much room a store may take after a build, in bytes; undefined: as much as it wants. */
export async function readLimit(root: string): Promise<number | undefined> {
  const value = parseJson((await readRecord(limitFile(root)))?.toString() ?? '');
  const bytes = isRecord(value) ? value['bytes'] : undefined;
  return typeof bytes === 'number' && Number.isFinite(bytes) && bytes >= 0 ? bytes : undefined;
}

/** Sets the limit, for every later build on this store; undefined takes it away. */
export function writeLimit(root: string, bytes: number | undefined): Promise<Result<void, Failure>> {
  return catchFailures(root, async () => {
    if (bytes === undefined) await rm(limitFile(root), { force: true });
    else await writeWhole(root, limitFile(root), Buffer.from(`${JSON.stringify({ bytes })}\n`), true);
    return ok(undefined);
  });
}

/** Collects when a store takes more room than its limit. Undefined: it has none, or another process collects already. */
export async function keepWithinLimit(root: string): Promise<Result<Collection | undefined, Failure>> {
  return catchFailures<Collection | undefined>(root, async () => {
    const maxBytes = await readLimit(root);
    if (maxBytes === undefined) return ok(undefined);
    return collectUnlessBusy(root, { policy: { now: Date.now(), maxBytes } });
  });
}

function limitFile(root: string): string {
  return join(root, 'notes', 'store', 'limit.json');
}
