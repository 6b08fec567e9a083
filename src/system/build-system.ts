import path from 'node:path';
import { artefactActionName, chunkActionName, guestParts, sourceDirectoryName } from '../../stages/chunk.ts';
import { obtainCommit, type CommitContext } from '../build/fetch-commits.ts';
import { withReadyRoot, type ReadyRoot } from '../build/enter-action.ts';
import { buildAndRead, makeTrees, tellFailure, treeOf, type TreesRequest } from '../build/make-trees.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { chunksOf } from '../definitions/read-system.ts';
import { sourceKey, type Pins } from '../definitions/pins.ts';
import { createGuestExecutor } from '../guest-executor/guest-executor.ts';
import type { Chunk } from '../definitions/definition.ts';
import { processorOf } from '../../stages/machine.ts';
import type { Executor } from '../executor/executor.ts';
import type { Action } from '../plan/action.ts';
import type { DirectoryProvider } from '../plan/providers.ts';
import { createDirectoryProvider } from '../repository/overlay.ts';
import type { PlannedSystem } from './plan-system.ts';

export interface SystemBuild extends Omit<TreesRequest, 'plan' | 'directories' | 'record' | 'allowed'> {
  readonly planned: PlannedSystem;
  readonly pins: Pins;
  readonly commits: CommitContext;
  /** The user's directories that the plan names. Undefined: none. */
  readonly given?: ReadonlyMap<string, string>;
  /** Guests that several builds share. Undefined: they are opened and closed by each one. */
  readonly sharedGuests?: SharedGuests;
  readonly guests: {
    /** How many there may be at once. */
    readonly most: number;
    /** MiB of memory for all of them together. */
    readonly memory: number;
    /** How many compilations each may have done by this machine at once. */
    readonly jobs: number;
  };
}

/** Guests that are opened by the first build that needs them, and closed by `sharingGuests`. */
export interface SharedGuests {
  opened?: Executor | undefined;
}

/** Lets several builds of one plan's guests share these: what is prepared for guests is prepared once. */
export async function sharingGuests<Value>(work: (shared: SharedGuests) => Promise<Value>): Promise<Value> {
  const shared: SharedGuests = {};
  try {
    return await work(shared);
  } finally {
    await shared.opened?.close();
  }
}

/** Directories of a chunk that was built; absolute. */
export interface BuiltChunk {
  /** What it installed: see `installedNames`. */
  readonly installed: string;
  /** What that is: see `manifestNames`. */
  readonly manifest: string;
}

/** Something that was built, in the store. */
export interface BuiltTree {
  /** Id of the chunk, or name of the product. */
  readonly name: string;
  readonly tree: Digest;
  /** Absolute path of its directory. */
  readonly path: string;
}

/**
 * Builds a system, or some of its chunks: first the image that guests boot, if something needs guests, then what chunks are built by,
 * and each chunk as soon as what it needs is there. Returns what building the wanted chunks left, or the system. Fails with all
 * failures; never empty.
 */
export function buildSystem(request: SystemBuild): Promise<Result<readonly BuiltTree[], readonly Failure[]>> {
  const { inputs, plan, chunks } = request.planned;
  const wanted =
    chunks?.map(({ id }) => {
      return { name: id, action: chunkActionName(inputs.target.name, id), output: 'installed' };
    }) ?? plan.products.map(({ name, ref }) => ({ name, action: ref.action, output: ref.output }));
  return withGuests(request, (building) =>
    buildAndRead(building, (outcome) =>
      Promise.resolve(
        ok(
          wanted.map(({ name, ...output }) => {
            const tree = treeOf(outcome, output);
            return { name, tree, path: building.context.store.treePath(tree) };
          }),
        ),
      ),
    ),
  );
}

/**
 * Builds the chunks that are wanted of a system, and all that they need. Returns these by id. Fails as `buildSystem` does.
 */
export async function buildChunks(
  request: SystemBuild,
): Promise<Result<ReadonlyMap<string, BuiltChunk>, readonly Failure[]>> {
  const { system, inputs, plan } = request.planned;
  const { name: arch } = inputs.target;
  const ids = chunksOf(system)
    .map(({ id }) => id)
    .filter((id) => plan.actions.some(({ name }) => name === artefactActionName(arch, id)));
  const wanted = ids.flatMap((id) => [
    [`installed ${id}`, { action: chunkActionName(arch, id), output: 'installed' }] as const,
    [`manifest ${id}`, { action: artefactActionName(arch, id), output: 'manifest' }] as const,
  ]);
  return withGuests(request, async (building) => {
    const made = await makeTrees(building, Object.fromEntries(wanted));
    if (!made.ok) return made;
    const placeOf = (name: string): string => {
      const tree = made.value[name];
      if (tree === undefined) throw new Error(`no ${name}`);
      return tree.path;
    };
    return ok(
      new Map(
        ids.map((id) => [id, { installed: placeOf(`installed ${id}`), manifest: placeOf(`manifest ${id}`) }]),
      ),
    );
  });
}

/**
 * Runs `work` with the root of a chunk of the plan, in which it can run a shell. First the image that guests boot is made, if the
 * chunk is built in one. Fails as `withReadyRoot` does.
 */
export async function withRootOf<Value>(
  request: SystemBuild,
  chunk: Chunk,
  work: (root: ReadyRoot) => Promise<Result<Value, Failure>>,
): Promise<Result<Value, readonly Failure[]>> {
  const name = chunkActionName(request.planned.inputs.target.name, chunk.id);
  return withGuests(request, async ({ plan, context }) => {
    const worked = await withReadyRoot(plan, context, name, work);
    return worked.ok ? worked : tellFailure(request, worked.failure);
  });
}

/** Does work with an executor for guests, if something needs them. */
async function withGuests<Value>(
  request: SystemBuild,
  work: (building: TreesRequest) => Promise<Result<Value, readonly Failure[]>>,
): Promise<Result<Value, readonly Failure[]>> {
  const { planned, context, pins, commits, given, sharedGuests: shared, ...rest } = request;
  const { system, inputs, plan } = planned;
  // Before the hours that compilers take.
  const unpinned = chunksOf(system).filter(
    ({ id, source }) =>
      source.kind === 'git' &&
      !pins.has(sourceKey(source)) &&
      plan.actions.some(({ name }) => name === chunkActionName(inputs.target.name, id)),
  );
  if (unpinned.length > 0)
    return tellFailure(request, { reason: 'unpinned-sources', chunks: unpinned.map(({ id }) => id) });
  const guests = shared?.opened === undefined ? await openGuests(request) : ok(shared.opened);
  if (!guests.ok) return guests;
  if (shared !== undefined) shared.opened = guests.value;
  const executors = guests.value === undefined ? [] : [guests.value];
  const chunks = new Set(chunksOf(system).map(({ id }) => chunkActionName(inputs.target.name, id)));
  const commitTrees = commitProvider(chunksOf(system), pins, commits);
  const userTrees = createDirectoryProvider(context.store, given ?? new Map());
  try {
    return await work({
      ...rest,
      plan,
      keepFailed: ({ name }) => chunks.has(name),
      context: { ...context, executors: [...context.executors, ...executors] },
      directories: {
        obtain: (name, expected) =>
          (given?.has(name) === true ? userTrees : commitTrees).obtain(name, expected),
      },
    });
  } finally {
    if (shared === undefined) await guests.value?.close();
  }
}

/** An executor for what no other one can run. Undefined: there is nothing of that kind. */
async function openGuests(request: SystemBuild): Promise<Result<Executor | undefined, readonly Failure[]>> {
  const { planned, context, guests } = request;
  const { executors, store } = context;
  const isAlone = (action: Action): boolean =>
    !executors.some((executor) => executor.supports(action.recipe.platform));
  if (!planned.plan.actions.some(isAlone)) return ok(undefined);
  const { arch, alsoRuns, plan } = planned.guests;
  const parts = guestParts(arch.name);
  const made = await makeTrees(
    { ...request, plan },
    {
      image: { action: parts.image, output: 'out' },
      squashfsTools: { action: parts.squashfsTools, output: 'out' },
      e2fsprogs: { action: parts.e2fsprogs, output: 'out' },
    },
  );
  if (!made.ok) return made;
  return ok(
    createGuestExecutor({
      store,
      arch,
      alsoRuns,
      cpu: processorOf(arch),
      image: made.value.image.path,
      mksquashfs: path.join(made.value.squashfsTools.path, 'bin/mksquashfs'),
      mke2fs: path.join(made.value.e2fsprogs.path, 'bin/mke2fs'),
      guests: guests.most,
      memory: guests.memory,
      jobs: guests.jobs,
      epochSeconds: planned.inputs.lock.sourceDateEpoch,
    }),
  );
}

/** Provides sources that are commits, as they are pinned. */
function commitProvider(chunks: readonly Chunk[], pins: Pins, commits: CommitContext): DirectoryProvider {
  return {
    obtain: async (name, expected): Promise<Result<Digest, Failure>> => {
      const chunk = chunks.find(({ id }) => sourceDirectoryName(id) === name);
      if (chunk === undefined || chunk.source.kind !== 'git') throw new Error(`no source is called ${name}`);
      const pin = pins.get(sourceKey(chunk.source));
      if (pin?.tree !== expected) return failed({ reason: 'unpinned-sources', chunks: [chunk.id] });
      const obtained = await obtainCommit(chunk.id, chunk.source, pin, commits);
      return obtained.ok ? ok(obtained.value.tree) : obtained;
    },
  };
}
