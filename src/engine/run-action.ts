import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Executor, JobserverHandle } from '../executor/executor.ts';
import type { Ref } from '../plan/action.ts';
import type { BoundRecipe, Content } from '../plan/bound.ts';
import { refsOf } from '../plan/graph.ts';
import type { Key, RepoPath } from '../plan/names.ts';
import type { ActionResult, Store } from '../store/store.ts';
import { recallAction, rememberAction, rememberTime, traceOf } from './history.ts';
import { sameOutputs, wholeResult, type Node } from './nodes.ts';
import type { Presence } from './presence.ts';

/** Lines of output that a failure quotes. */
const quotedLines = 25;

/** Everything that running one action needs. */
export interface RunRequest {
  readonly node: Node;
  readonly key: Key;
  readonly bound: BoundRecipe;
  readonly resolve: (ref: Ref) => Content;
  readonly store: Store;
  readonly presence: Presence;
  readonly executor: Executor;
  readonly files: (path: RepoPath) => Promise<Uint8Array>;
  readonly jobserver: JobserverHandle | undefined;
  /** Tree with the recorder of commands. */
  readonly recorder: Digest | undefined;
  readonly signal: AbortSignal;
  readonly onStart: (log: string) => void;
  readonly onLine: (line: string) => void;
}

/** How running an action ended. */
export type RunEnd =
  /** The result is in the store. `unchanged`: all its trees are what they were when it last succeeded. */
  | { readonly kind: 'done'; readonly result: ActionResult; readonly unchanged: boolean }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** Somebody else made the result meanwhile: another engine, or an action with the same recipe. */
  | { readonly kind: 'found' }
  /** It could not start: these trees were missing or damaged. */
  | { readonly kind: 'inputs-gone'; readonly trees: readonly Digest[] }
  | { readonly kind: 'aborted' };

/** Verifies what an action reads, runs it, and records its result. */
export async function runAction(request: RunRequest): Promise<RunEnd> {
  const { node, key, bound, store, presence, executor, signal } = request;
  const { action } = node;
  // An action that runs for a tree that is gone has a result all the time.
  if (node.result === undefined && (await wholeResult(store, key, bound)) !== undefined)
    return { kind: 'found' };
  const gone: Digest[] = [];
  // All are looked at, so that their makers can run side by side.
  for (const tree of treesOf(bound)) {
    if (signal.aborted) return { kind: 'aborted' };
    const verified = await presence.verify(tree);
    if (verified.ok) continue;
    if (verified.failure.reason !== 'damaged-tree') return { kind: 'failed', failure: verified.failure };
    gone.push(tree);
  }
  if (gone.length > 0) return { kind: 'inputs-gone', trees: gone };
  const failure = await putFiles(request);
  if (failure !== undefined) return { kind: 'failed', failure };

  const directory = await store.logDirectory(key);
  const log = join(directory, 'log');
  const built = (await recallAction(store, action.name))?.built;
  // Before it runs, so that the log of an action that fails or is killed is found by name.
  await rememberAction(store, action.name, built === undefined ? { key } : { key, built });
  request.onStart(log);
  const lastLines: string[] = [];
  const executed = await executor.execute({
    name: action.name,
    recipe: bound,
    logDirectory: directory,
    ...(request.jobserver === undefined ? {} : { jobserver: request.jobserver }),
    ...(request.recorder === undefined ? {} : { recorder: request.recorder }),
    onLine: (line) => {
      lastLines.push(line);
      if (lastLines.length > quotedLines) lastLines.shift();
      request.onLine(line);
    },
    signal,
  });
  if (executed.ok && executed.value.exitCode === 0) {
    const { outputs, wallSeconds, cpuSeconds } = executed.value;
    for (const [output, path] of Object.entries(action.recipe.outputs)) {
      if (outputs[output] !== undefined) continue;
      return {
        kind: 'failed',
        failure: { reason: 'missing-output', action: action.name, output, path, log },
      };
    }
    // What ran for its record alone changes nothing, even where it comes out otherwise.
    if (node.why?.kind === 'no-record' && node.result !== undefined) {
      const unchanged = sameOutputs(node.result.outputs, outputs);
      return { kind: 'done', result: { ...node.result, wallSeconds, cpuSeconds }, unchanged };
    }
    const { name, scratch } = action;
    const result: ActionResult = {
      action: name,
      outputs,
      ...(scratch.length === 0 ? {} : { scratch }),
      wallSeconds,
      cpuSeconds,
    };
    await store.putResult(key, result);
    await rememberAction(store, action.name, {
      key,
      built: { ...traceOf(action, request.resolve), outputs },
    });
    await rememberTime(store, node.planId, { wallSeconds, cpuSeconds });
    return { kind: 'done', result, unchanged: sameOutputs(built?.outputs, outputs) };
  }
  // What a killed action says of itself means nothing.
  if (signal.aborted) return { kind: 'aborted' };
  if (!executed.ok) return { kind: 'failed', failure: executed.failure };
  const { exitCode } = executed.value;
  return {
    kind: 'failed',
    failure: { reason: 'action-failed', action: action.name, exitCode, log, lastLines },
  };
}

function treesOf(recipe: BoundRecipe): ReadonlySet<Digest> {
  const contents = [...recipe.tools, ...recipe.inputs.flatMap((input) => input.contents)];
  return new Set(contents.flatMap((content) => (content.kind === 'tree' ? [content.digest] : [])));
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
