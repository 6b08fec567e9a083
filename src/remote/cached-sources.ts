import { createHash } from 'node:crypto';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { CachedAction, ResultCache } from '../engine/result-cache.ts';
import type { PlannedSource } from '../plan/action.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import { key, sandboxPath } from '../plan/names.ts';
import type { SourceProvider } from '../plan/providers.ts';

/** What takes the place of a recipe: patching is nobody's action. */
const recipe: BoundRecipe = {
  commands: [],
  env: {},
  tools: [],
  inputs: [],
  outputs: { tree: sandboxPath('/tree') },
  platform: { os: 'linux', cpu: 'none' },
};

/**
 * Sources of which a cache says what they are once they are patched: as long as no result is missing, they need not even be fetched.
 * What it says of a source without patches has to be what is pinned.
 *
 * @param own names of sources that may be others than what is pinned, by leave of this user: the cache has nothing to do with them
 */
export function cachedSources(
  sources: SourceProvider,
  cache: ResultCache,
  own: readonly string[] = [],
): SourceProvider {
  // Fetching a source cannot be called off either.
  const { signal } = new AbortController();
  const find = async (source: PlannedSource): Promise<Digest | undefined> => {
    if (own.includes(source.name)) return undefined;
    const tree = (await cache.find(actionFor(source), signal))?.outputs['tree'];
    return source.patches.length === 0 && tree !== source.tree ? undefined : tree;
  };
  const obtain = async (
    source: PlannedSource,
    progress: (line: string) => void,
  ): Promise<Result<Digest, Failure>> => {
    const known = await sources.recall(source);
    const obtained = await sources.obtain(source, progress);
    if (obtained.ok && known === undefined && !own.includes(source.name)) {
      // The name alone: a kernel has 80,000 files, which are at their origin too.
      const result = { outputs: { tree: obtained.value }, scratch: ['tree'] };
      await cache.publish(actionFor(source), { action: source.name, wallSeconds: 0, ...result }, signal);
    }
    return obtained;
  };
  return { recall: async (source) => (await sources.recall(source)) ?? find(source), obtain };
}

/** Named by everything that a source's patched tree depends on. */
function actionFor({ name, version, tree, patches }: PlannedSource): CachedAction {
  const text = JSON.stringify(['source', name, version, tree, patches.map(({ digest }) => digest)]);
  return { key: key(createHash('sha256').update(text).digest('hex')), recipe };
}
