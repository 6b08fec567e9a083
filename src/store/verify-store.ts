import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDigest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { catchFailures, errorCode } from '../core/fault.ts';
import { parseJson } from '../core/json.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { key } from '../plan/names.ts';
import { missingStore } from './collect.ts';
import { isBlob } from './disk-blobs.ts';
import { moveAway } from './disk-files.ts';
import { namesIn, statsOf } from './disk-usage.ts';
import { findDamage } from './disk-trees.ts';
import { downloadsName } from './inventory.ts';
import { parseResult } from './records.ts';

/** Something in a store that does not match its name. */
export interface Damage {
  readonly kind: 'tree' | 'blob' | 'result' | 'note' | 'download';
  /** Digest, key or file name. */
  readonly name: string;
  /** What is wrong with it. */
  readonly detail: string;
  /** Its path; with `repair`, where it was. */
  readonly path: string;
}

export interface Verification {
  /** Number of things read in full. */
  readonly checked: number;
  readonly damage: readonly Damage[];
}

export interface VerificationRequest {
  /** Discard what is damaged, so that it is made or fetched again. Undefined: change nothing. */
  readonly repair?: boolean;
  /** Called before each thing is read. */
  readonly onCheck?: (kind: Damage['kind'], name: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads every tree, blob, result, note and archive of a store in full, and compares it with its name or checksum. This
 * finds damage, not tampering: an attacker can make them all consistent.
 */
export async function verifyStore(
  root: string,
  { repair = false, onCheck, signal }: VerificationRequest = {},
): Promise<Result<Verification, Failure>> {
  const missing = await missingStore(root);
  if (missing !== undefined) return failed(missing);
  return catchFailures(root, async () => {
    const damage: Damage[] = [];
    let checked = 0;
    for (const { kind, name, path, check } of thingsIn(root)) {
      if (signal?.aborted === true) return failed({ reason: 'interrupted', signal: String(signal.reason) });
      onCheck?.(kind, name);
      // What no longer exists was removed meanwhile.
      const fault = (await check()) === undefined ? undefined : await check();
      checked += 1;
      if (fault === undefined || statsOf(path) === undefined) continue;
      damage.push({ kind, name, path, detail: fault });
      if (!repair) continue;
      await moveAway(root, path, basename(path));
      if (kind === 'tree') await moveAway(root, `${path}.directory`, basename(path));
    }
    return ok({ checked, damage });
  });
}

interface Thing {
  readonly kind: Damage['kind'];
  readonly name: string;
  readonly path: string;
  /** Returns what is wrong with it; undefined: nothing. */
  readonly check: () => Promise<string | undefined>;
}

function thingsIn(root: string): readonly Thing[] {
  const things: Thing[] = [];
  const add = (kind: Damage['kind'], path: string, name: string, check: Thing['check']): void => {
    things.push({ kind, name, path, check });
  };
  for (const name of namesIn(join(root, 'results'))) {
    const path = join(root, 'results', name);
    add('result', path, name.replace(/\.json$/, ''), () => resultFault(path, name));
  }
  for (const kind of namesIn(join(root, 'notes'))) {
    for (const name of namesIn(join(root, 'notes', kind))) {
      const path = join(root, 'notes', kind, name);
      add('note', path, `${kind}/${name}`, async () =>
        parseJson((await textOf(path)) ?? '') === undefined ? 'it is not JSON' : undefined,
      );
    }
  }
  for (const name of namesIn(join(root, 'blobs'))) {
    const path = join(root, 'blobs', name);
    add('blob', path, name, async () =>
      isDigest(name) && (await isBlob(path, name)) ? undefined : 'its contents do not match its name',
    );
  }
  for (const name of namesIn(join(root, downloadsName))) {
    const path = join(root, downloadsName, name);
    if (/^[0-9a-f]{64}$/.test(name)) add('download', path, name, () => downloadFault(path, name));
  }
  for (const name of namesIn(join(root, 'trees'))) {
    const path = join(root, 'trees', name);
    // One half of a tree counts as absent, and is completed or cleaned up later.
    if (isDigest(name)) add('tree', path, name, () => treeFault(root, name));
  }
  return things;
}

async function treeFault(root: string, name: string): Promise<string | undefined> {
  if (!isDigest(name)) return undefined;
  const fault = await findDamage(root, name);
  return fault === undefined || typeof fault === 'string'
    ? fault
    : `it cannot be read: ${JSON.stringify(fault)}`;
}

async function resultFault(path: string, name: string): Promise<string | undefined> {
  const hex = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
  if (hex === undefined) return 'its name is not a key';
  const text = await textOf(path);
  if (text === undefined) return 'it is not a file';
  if (parseResult(key(hex), text) !== undefined) return undefined;
  return parseJson(text) === undefined ? 'it is not JSON' : 'its checksum does not match its contents';
}

async function downloadFault(path: string, sha: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(bytes as Buffer);
  } catch (error) {
    return `it cannot be read (${errorCode(error) ?? 'unknown'})`;
  }
  return hash.digest('hex') === sha ? undefined : 'its contents do not match its name';
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'EISDIR' || errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}
