import { stat } from 'node:fs/promises';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Executor, Reservation } from '../executor/executor.ts';
import { openLogDirectory, type LogSink } from '../executor/log-sink.ts';
import type { Ref } from '../plan/action.ts';
import type { BoundRecipe, Content } from '../plan/bound.ts';
import { refsOf } from '../plan/graph.ts';
import type { Key, RepoPath } from '../plan/names.ts';
import { tryKeyLock } from '../store/key-lock.ts';
import type { ActionResult, Store } from '../store/store.ts';
import { recallAction, rememberAction, rememberTime, traceOf, type BuiltOnce } from './history.ts';
import { sameOutputs, wholeResult, type Node } from './nodes.ts';

/** Number of output lines that a failure quotes. */
const quotedLines = 25;

/** Everything that running one action needs. */
export interface RunRequest {
  readonly node: Node;
  readonly key: Key;
  readonly bound: BoundRecipe;
  readonly resolve: (ref: Ref) => Content;
  readonly store: Store;
  readonly executor: Executor;
  /** The executor's room for it. */
  readonly reservation: Reservation;
  readonly files: (path: RepoPath) => Promise<Uint8Array>;
  /** Tree of the command recorder. */
  readonly recorder: Digest | undefined;
  /** Whether what it writes is kept if it fails. */
  readonly keepFailed: boolean;
  readonly signal: AbortSignal;
  readonly onStart: (log: string) => void;
  readonly onLine: (line: string) => void;
}

/** How running an action ended. */
export type RunEnd =
  /** The result is in the store. `unchanged`: all its trees are the same as when it last succeeded. */
  | { readonly kind: 'done'; readonly result: ActionResult; readonly unchanged: boolean }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** Another run, or an action with the same recipe, made the result meanwhile. */
  | { readonly kind: 'found' }
  /** Another run on this store is making the result now. */
  | { readonly kind: 'elsewhere' }
  /** It could not start: these trees were missing or damaged. */
  | { readonly kind: 'inputs-gone'; readonly trees: readonly Digest[] }
  /** The executor broke; that need not be the action's fault. */
  | { readonly kind: 'broken'; readonly executor: Executor; readonly failure: Failure }
  | { readonly kind: 'aborted' };

/** Runs an action, unless another run does, and records its result. Releases its key in any case. */
export async function runAction(request: RunRequest): Promise<RunEnd> {
  const { node, key, store } = request;
  const lock = node.held?.key === key ? node.held.lock : await tryKeyLock(store, key);
  if (lock === undefined) return { kind: 'elsewhere' };
  try {
    return await runLocked(request);
  } finally {
    node.held = undefined;
    await lock.release();
  }
}

async function runLocked(request: RunRequest): Promise<RunEnd> {
  const { node, key, bound, store, signal } = request;
  // An action that runs because a tree is missing has a result already.
  if (node.result === undefined && (await wholeResult(store, key, bound)) !== undefined)
    return { kind: 'found' };
  if (signal.aborted) return { kind: 'aborted' };
  const failure = await putFiles(request);
  if (failure !== undefined) return { kind: 'failed', failure };
  const lastLines: string[] = [];
  const log = openLogDirectory(await store.logDirectory(key), (line) => {
    lastLines.push(line);
    if (lastLines.length > quotedLines) lastLines.shift();
    request.onLine(line);
  });
  try {
    return await execute(request, log, lastLines);
  } finally {
    await log.close();
  }
}

async function execute(request: RunRequest, log: LogSink, lastLines: readonly string[]): Promise<RunEnd> {
  const { node, key, bound, store, executor, signal } = request;
  const { action } = node;
  const built = (await recallAction(store, action.name))?.built;
  if (request.keepFailed) await store.dropKept(key);
  const executed = await executor.execute({
    name: action.name,
    recipe: bound,
    reservation: request.reservation,
    log,
    ...(request.recorder === undefined ? {} : { recorder: request.recorder }),
    ...(request.keepFailed ? { keep: store.keptPath(key) } : {}),
    onStart: async () => {
      // Before it runs, so that the log of an action that fails or is killed can be found by name.
      await rememberAction(store, action.name, built === undefined ? { key } : { key, built });
      request.onStart(log.place);
    },
    signal,
  });
  if (executed.ok && executed.value.exitCode === 0)
    return keepResult(request, executed.value, built, log.place);
  // The exit code of a killed action means nothing.
  if (signal.aborted) return { kind: 'aborted' };
  if (executed.ok) {
    const { exitCode } = executed.value;
    const failure = {
      reason: 'action-failed',
      action: action.name,
      exitCode,
      log: log.place,
      lastLines,
      kept: request.keepFailed && (await isThere(store.keptPath(key))),
    } as const;
    return { kind: 'failed', failure };
  }
  const { failure } = executed;
  if (failure.reason === 'inputs-gone') return { kind: 'inputs-gone', trees: failure.trees };
  return failure.reason === 'backend-unreachable'
    ? { kind: 'broken', executor, failure }
    : { kind: 'failed', failure };
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Records what a successful action has made. */
async function keepResult(
  { node, key, store, resolve }: RunRequest,
  { outputs, wallSeconds, cpuSeconds }: Omit<ActionResult, 'action'>,
  built: BuiltOnce | undefined,
  log: string,
): Promise<RunEnd> {
  const { action } = node;
  for (const [output, path] of Object.entries(action.recipe.outputs)) {
    if (outputs[output] !== undefined) continue;
    return { kind: 'failed', failure: { reason: 'missing-output', action: action.name, output, path, log } };
  }
  const times = { wallSeconds, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
  // An action that ran only to be recorded changes nothing, even if its outputs differ.
  if (node.why?.kind === 'no-record' && node.result !== undefined) {
    const unchanged = sameOutputs(node.result.outputs, outputs);
    return { kind: 'done', result: { ...node.result, ...times }, unchanged };
  }
  const { name, scratch } = action;
  const result: ActionResult = {
    action: name,
    outputs,
    ...(scratch.length === 0 ? {} : { scratch }),
    ...times,
  };
  await store.putResult(key, result);
  await rememberAction(store, action.name, { key, built: { ...traceOf(action, resolve), outputs } });
  await rememberTime(store, node.planId, times);
  return { kind: 'done', result, unchanged: sameOutputs(built?.outputs, outputs) };
}

/** Puts the repository's files that an action reads into the store. */
async function putFiles({ node, store, files }: RunRequest): Promise<Failure | undefined> {
  for (const ref of refsOf(node.action.recipe)) {
    if (ref.kind !== 'file' || (await store.hasBlob(ref.digest))) continue;
    if ((await store.putBlob(await files(ref.path))) !== ref.digest) {
      const faults = [{ field: '', message: 'it changed after the plan was made; run the command again' }];
      return { reason: 'bad-input', file: ref.path, faults };
    }
  }
  return undefined;
}
