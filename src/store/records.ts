import { createHash } from 'node:crypto';
import { isDigest } from '../core/digest.ts';
import { isRecord, parseJson } from '../core/json.ts';
import type { ActionResult } from './store.ts';

/** An action result read from disk, which may hold anything; undefined unless it is whole. */
export function parseResult(text: string): ActionResult | undefined {
  const value = parseJson(text);
  if (!isRecord(value)) return undefined;
  const { action, outputs, wallSeconds, cpuSeconds } = value;
  if (typeof action !== 'string' || !isSeconds(wallSeconds) || !isSeconds(cpuSeconds)) return undefined;
  if (!isRecord(outputs)) return undefined;
  const entries: [string, ActionResult['outputs'][string]][] = [];
  for (const [name, tree] of Object.entries(outputs)) {
    if (!isDigest(tree)) return undefined;
    entries.push([name, tree]);
  }
  return { action, outputs: Object.fromEntries(entries), wallSeconds, cpuSeconds };
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** File name of a note: the name itself where it can be one, else escaped, else (too long) hashed. */
export function noteFile(name: string): string {
  const escaped = encodeURIComponent(name);
  if (escaped.length <= 200) return `${escaped}.json`;
  return `long-${createHash('sha256').update(name).digest('hex')}.json`;
}
