import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { SelectedPlan } from '../../src/repository/select-plan.ts';
import type { OpenBuildContext } from '../../src/build/build-context.ts';
import type { Digest } from '../../src/core/digest.ts';
import { ok } from '../../src/core/result.ts';
import type { ExecuteRequest } from '../../src/executor/executor.ts';
import { openDiskStore } from '../../src/store/disk-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createFakeExecutor, type FakeEnd, type FakeExecutor } from '../executor/fake-executor.ts';
import { writeSketch, type TreeSketch } from '../store/sketch.ts';

export interface FakeContextOptions {
  readonly selected: SelectedPlan;
  /** Goes into every product, so that a test can change them all. */
  readonly edition?: string;
  /** Undefined: gives each output what `outputsOf` says. */
  readonly behaviour?: (request: ExecuteRequest) => FakeEnd | Promise<FakeEnd>;
  readonly onExecutor?: (executor: FakeExecutor) => void;
}

/** A build context on a real store whose sources, compiler and executor are faked: a whole plan is done in a second. */
export function fakeContext(options: FakeContextOptions): OpenBuildContext {
  return async ({ repository, store: root, lock }) => {
    const opened = await openDiskStore({ root, epochSeconds: lock.sourceDateEpoch });
    if (!opened.ok) return opened;
    const store = opened.value;
    const outputs = outputsOf(options.selected, options.edition ?? 'first');
    const executor = createFakeExecutor({
      store,
      behaviour:
        options.behaviour ?? (({ name }) => ({ lines: ['working'], outputs: outputs.get(name) ?? {} })),
    });
    options.onExecutor?.(executor);
    return ok({
      store,
      executors: [executor],
      machine: { obtain: async (kind) => ok(await addTree(store, { 'usr/bin/tool': kind })) },
      sources: {
        recall: () => Promise.resolve(undefined),
        obtain: async (source) => ok(await addTree(store, { README: `${source.name} ${source.version}` })),
      },
      variants: () => [],
      files: (name) => readFile(path.join(repository, name)),
    });
  };
}

/** Something for each output of each action, with what products want to find there. */
function outputsOf(
  { plan }: SelectedPlan,
  edition: string,
): ReadonlyMap<string, Readonly<Record<string, TreeSketch>>> {
  return new Map(
    plan.actions.map((action) => {
      const trees = Object.keys(action.recipe.outputs).map((output): [string, TreeSketch] => {
        const products = plan.products.filter(
          ({ ref }) => ref.action === action.name && ref.output === output,
        );
        const files = products.flatMap((product): [string, TreeSketch[string]][] =>
          product.name.endsWith('.tar.gz')
            ? [[product.path, `${product.name}, ${edition}`]]
            : [
                [path.join(product.path, 'run-emulator.sh'), { executable: `#!/bin/sh\n# ${edition}\n` }],
                [path.join(product.path, 'licences/linux'), 'text'],
                [path.join(product.path, 'newest'), { link: 'licences/linux' }],
              ],
        );
        return [output, { 'made-by': `${action.name}:${output}`, ...Object.fromEntries(files) }];
      });
      return [action.name, Object.fromEntries(trees)];
    }),
  );
}

async function addTree(store: Store, sketch: TreeSketch): Promise<Digest> {
  const scratch = await store.makeScratch('fake');
  await writeSketch(path.join(scratch.path, 'tree'), sketch);
  const adopted = await store.adoptTree(path.join(scratch.path, 'tree'));
  await scratch.release();
  if (!adopted.ok) throw new Error(JSON.stringify(adopted.failure));
  return adopted.value;
}
