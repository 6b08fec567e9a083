import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { LocalTrees } from '../store/store.ts';
import type { ExecuteRequest } from './executor.ts';

/** Trees that a recipe reads, each once. */
export function treesOf(recipe: BoundRecipe): readonly Digest[] {
  const { tools, inputs, compileServer } = recipe;
  const contents = [
    ...tools,
    ...inputs.flatMap((input) => [...input.contents, ...(input.below ?? [])]),
    ...(compileServer === undefined ? [] : [compileServer]),
  ];
  return [...new Set(contents.flatMap((content) => (content.kind === 'tree' ? [content.digest] : [])))];
}

/**
 * Makes sure that the trees an action reads are intact in the local store. Fails with `inputs-gone` and all that are
 * not, so that their producers can run concurrently.
 */
export async function verifyInputs(
  store: Pick<LocalTrees, 'verifyTree'>,
  { name, recipe, signal }: Pick<ExecuteRequest, 'name' | 'recipe' | 'signal'>,
): Promise<Result<void, Failure>> {
  const trees: Digest[] = [];
  for (const tree of treesOf(recipe)) {
    if (signal?.aborted === true) return failed({ reason: 'interrupted', signal: signalName(signal) });
    const verified = await store.verifyTree(tree);
    if (verified.ok) continue;
    if (verified.failure.reason !== 'damaged-tree') return verified;
    trees.push(tree);
  }
  return trees.length === 0 ? ok(undefined) : failed({ reason: 'inputs-gone', action: name, trees });
}

/** Name of the operating system's signal that ended a run. */
export function signalName(signal: AbortSignal | undefined): string {
  return typeof signal?.reason === 'string' ? signal.reason : 'SIGINT';
}
