import path from 'node:path';
import { chunkActionName, guestParts, sourceDirectoryName } from '../../stages/chunk.ts';
import type { BuildContext } from '../build/build-context.ts';
import { obtainCommit, type CommitContext } from '../build/fetch-commits.ts';
import {
  buildAndRead,
  makeTrees,
  tellFailure,
  treeOf,
  type MadeTree,
  type TreesRequest,
} from '../build/make-trees.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { chunksOf } from '../definitions/read-system.ts';
import { sourceKey, type Pins } from '../definitions/pins.ts';
import { createGuestExecutor } from '../guest-executor/guest-executor.ts';
import type { Chunk } from '../definitions/definition.ts';
import { processorOf } from '../../stages/machine.ts';
import type { DirectoryProvider } from '../plan/providers.ts';
import { narrowPlan } from '../plan/narrow.ts';
import type { PlannedSystem } from './plan-system.ts';

export interface SystemBuild extends Omit<TreesRequest, 'plan' | 'directories' | 'record' | 'allowed'> {
  readonly planned: PlannedSystem;
  readonly pins: Pins;
  readonly commits: CommitContext;
  readonly guests: {
    /** How many there may be at once. */
    readonly most: number;
    /** MiB of memory for all of them together. */
    readonly memory: number;
    /** How many compilations each may have done by this machine at once. */
    readonly jobs: number;
  };
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
 * Builds a system, or some of its chunks, each in a guest of its own: first the image that the guests boot, then what they are built
 * by, and the chunks as soon as what they need is there. Returns what building the wanted chunks left, or the system. Fails with all
 * failures; never empty.
 */
export async function buildSystem(
  request: SystemBuild,
): Promise<Result<readonly BuiltTree[], readonly Failure[]>> {
  const { planned, context, guests, pins, commits, ...rest } = request;
  const { system, inputs, plan, chunks } = planned;
  const { target, lock } = inputs;
  // Before the hours that compilers take.
  const unpinned = chunksOf(system).filter(
    ({ id, source }) =>
      source.kind === 'git' &&
      !pins.has(sourceKey(source)) &&
      plan.actions.some(({ name }) => name === chunkActionName(target.name, id)),
  );
  if (unpinned.length > 0)
    return tellFailure(request, { reason: 'unpinned-sources', chunks: unpinned.map(({ id }) => id) });
  const booted = await makeGuestParts({ ...rest, context, planned });
  if (!booted.ok) return booted;
  const executor = createGuestExecutor({
    store: context.store,
    arch: target,
    cpu: processorOf(target),
    image: booted.value.image.path,
    mksquashfs: path.join(booted.value.squashfsTools.path, 'bin/mksquashfs'),
    mke2fs: path.join(booted.value.e2fsprogs.path, 'bin/mke2fs'),
    guests: guests.most,
    memory: guests.memory,
    jobs: guests.jobs,
    epochSeconds: lock.sourceDateEpoch,
  });
  const wanted =
    chunks?.map(({ id }) => {
      return { name: id, action: chunkActionName(target.name, id), output: 'installed' };
    }) ?? plan.products.map(({ name, ref }) => ({ name, action: ref.action, output: ref.output }));
  const withGuests: BuildContext = { ...context, executors: [...context.executors, executor] };
  try {
    return await buildAndRead(
      { ...rest, plan, context: withGuests, directories: commitProvider(chunksOf(system), pins, commits) },
      (outcome) =>
        Promise.resolve(
          ok(
            wanted.map(({ name, ...output }) => {
              const tree = treeOf(outcome, output);
              return { name, tree, path: context.store.treePath(tree) };
            }),
          ),
        ),
    );
  } finally {
    await executor.close();
  }
}

/** What guests boot, and the programs that make their disks. */
async function makeGuestParts(
  request: Pick<SystemBuild, 'planned' | 'context' | 'onEvent' | 'signal'>,
): Promise<Result<Readonly<Record<keyof ReturnType<typeof guestParts>, MadeTree>>, readonly Failure[]>> {
  const { inputs, plan } = request.planned;
  const { image, squashfsTools, e2fsprogs } = guestParts(inputs.target.name);
  const parts = narrowPlan(plan, [image, squashfsTools, e2fsprogs], []);
  return makeTrees(
    { ...request, plan: parts },
    {
      image: { action: image, output: 'out' },
      squashfsTools: { action: squashfsTools, output: 'out' },
      e2fsprogs: { action: e2fsprogs, output: 'out' },
    },
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
