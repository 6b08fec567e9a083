import { digestParts, isDigest, type Digest } from '../core/digest.ts';
import { isRecord, parseJson } from '../core/json.ts';
import {
  decodeActionResult,
  encodeActionResult,
  type ActionResultMessage,
} from '../executor/action-message.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { ActionResult } from '../store/store.ts';

/** What a cache's entry says of an action. */
export interface CachedResult extends Omit<ActionResult, 'action' | 'scratch'> {
  /** The message `Tree` of each output's tree, as far as the cache has it. */
  readonly messages: ReadonlyMap<Digest, Digest>;
}

/**
 * The entry for a result: a message `ActionResult`, which other tools can read. What no field of it is for stands as JSON in what
 * the action printed: times, and the trees of scratch outputs, which are worth more space than time.
 *
 * @param messages the message `Tree` of every other output's tree
 */
export function encodeResult(
  recipe: BoundRecipe,
  { outputs, wallSeconds, cpuSeconds }: ActionResult,
  messages: ReadonlyMap<Digest, Digest>,
): Uint8Array {
  const outputDirectories: ActionResultMessage['outputDirectories'][number][] = [];
  const scratch: Record<string, Digest> = {};
  for (const [name, root] of Object.entries(outputs)) {
    const tree = messages.get(root);
    const path = recipe.outputs[name]?.slice(1);
    if (tree === undefined || path === undefined) scratch[name] = root;
    else outputDirectories.push({ path, tree, root });
  }
  const more = { scratch, wallSeconds, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
  return encodeActionResult({ outputDirectories, exitCode: 0, printed: Buffer.from(JSON.stringify(more)) });
}

/** Reads an entry from a cache. Undefined: it is none, or none of this action's success. */
export function decodeResult(recipe: BoundRecipe, bytes: Uint8Array): CachedResult | undefined {
  const message = decodeActionResult(bytes);
  if (message?.exitCode !== 0) return undefined;
  const text = message.printed === undefined ? '' : Buffer.from(message.printed).toString('utf8');
  const printed = parseJson(text);
  const more = isRecord(printed) ? printed : {};
  const scratch = isRecord(more['scratch']) ? more['scratch'] : {};
  const found = new Map(message.outputDirectories.map((directory) => [`/${directory.path}`, directory]));
  const outputs: Record<string, Digest> = {};
  const messages = new Map<Digest, Digest>();
  for (const [name, path] of Object.entries(recipe.outputs)) {
    const directory = found.get(path);
    const root = directory?.root ?? scratch[name];
    if (typeof root !== 'string' || !isDigest(root)) return undefined;
    outputs[name] = root;
    if (directory !== undefined) messages.set(root, directory.tree);
  }
  const { wallSeconds, cpuSeconds } = more;
  return {
    outputs,
    messages,
    wallSeconds: isTime(wallSeconds) ? wallSeconds : 0,
    ...(isTime(cpuSeconds) ? { cpuSeconds } : {}),
  };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** Name of a blob in a cache: a SHA-256 sum, without the size. */
export function sumOf(blob: Digest): string {
  return digestParts(blob).hash;
}
