import { createHash } from 'node:crypto';
import { isDigest } from '../core/digest.ts';
import { isRecord, parseJson } from '../core/json.ts';
import type { Key } from '../plan/names.ts';
import type { ActionResult } from './store.ts';

/** A result as it is written: with a checksum over all its other fields and the key that it belongs to. */
export function renderResult(key: Key, result: ActionResult): Readonly<Record<string, unknown>> {
  const fields = JSON.parse(JSON.stringify(result)) as Readonly<Record<string, unknown>>;
  return { ...fields, check: checkOf(key, fields) };
}

/**
 * Parses an action result read from disk, which may contain anything; undefined unless it is intact and belongs to the
 * key. Results of earlier versions have no checksum and are accepted as they are. The checksum detects damage, not
 * forgery: anyone can compute it.
 */
export function parseResult(key: Key, text: string): ActionResult | undefined {
  const value = parseJson(text);
  if (!isRecord(value)) return undefined;
  const { check, ...fields } = value;
  if (check !== undefined && check !== checkOf(key, fields)) return undefined;
  const { action, outputs, scratch, wallSeconds, cpuSeconds } = fields;
  if (typeof action !== 'string' || !isSeconds(wallSeconds)) return undefined;
  if (cpuSeconds !== undefined && !isSeconds(cpuSeconds)) return undefined;
  if (!isRecord(outputs)) return undefined;
  const entries: [string, ActionResult['outputs'][string]][] = [];
  for (const [name, tree] of Object.entries(outputs)) {
    if (!isDigest(tree)) return undefined;
    entries.push([name, tree]);
  }
  const times = { wallSeconds, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
  const result = { action, outputs: Object.fromEntries(entries), ...times };
  if (scratch === undefined) return result;
  if (!Array.isArray(scratch)) return undefined;
  const names: string[] = [];
  for (const name of scratch as readonly unknown[]) {
    if (typeof name !== 'string') return undefined;
    names.push(name);
  }
  return { ...result, scratch: names };
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** Format 1: SHA-256 over `[1, key, fields]` as JSON, with the names of every object in code-unit order. */
function checkOf(key: Key, fields: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([1, key, ordered(fields)]))
    .digest('hex');
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isRecord(value)) return value;
  const names = Object.keys(value).sort();
  return names.map((name) => [name, ordered(value[name])]);
}

/** File name of a note: the name itself if possible, otherwise escaped, otherwise (if too long) hashed. */
export function noteFile(name: string): string {
  const escaped = encodeURIComponent(name);
  if (escaped.length <= 200) return `${escaped}.json`;
  return `long-${createHash('sha256').update(name).digest('hex')}.json`;
}
