import { readFileSync } from 'node:fs';
import path from 'node:path';
import { selectPlan } from '../../src/repository/select-plan.ts';
import type { OpenBuildContext } from '../../src/build/build-context.ts';
import type { ExecuteRequest } from '../../src/executor/executor.ts';
import type { FakeExecutor } from '../executor/fake-executor.ts';
import type { TreeSketch } from '../store/sketch.ts';
import { fakeContext } from '../build/fake-context.ts';

const repository = path.resolve(import.meta.dirname, '../..');

/** What native-build.sh takes for a packed control image. */
const packed = `hsqs${'\0'.repeat(16)}\u0001\0`;

/** The plan of `bootstrap image armv5l --with-native`. */
export const imagePlan = {
  arch: 'armv5l',
  host: 'i686',
  goal: { kind: 'image', withNative: true },
} as const;

/**
 * A build context in which every action is faked, and whose armv5l image is real as far as scripts go: `guest`, the text of a
 * shell script, stands in for the emulator and what runs in it. `control` is what packing a control image makes.
 */
export async function fakedImage(
  guest: () => string,
  onExecutor?: (executor: FakeExecutor) => void,
  control: TreeSketch = { 'control.sqf': packed },
): Promise<OpenBuildContext> {
  const selected = await selectPlan(repository, imagePlan);
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  const { actions, products } = selected.value.plan;
  const outputs = new Map(
    actions.map((action) => {
      const trees = Object.keys(action.recipe.outputs).map((output): [string, TreeSketch] => {
        const files = products
          .filter(({ ref }) => ref.action === action.name && ref.output === output)
          .map((product): [string, string] => [product.path === '' ? 'kernel' : product.path, product.name]);
        return [output, { 'made-by': `${action.name}:${output}`, ...Object.fromEntries(files) }];
      });
      return [action.name as string, Object.fromEntries(trees)];
    }),
  );
  const script = readFileSync(path.join(repository, 'target/native-build.sh'), 'utf8');
  return fakeContext({
    selected: selected.value,
    ...(onExecutor === undefined ? {} : { onExecutor }),
    behaviour: ({ name }: ExecuteRequest) => {
      if (name.startsWith('control-image/')) return { outputs: { out: control } };
      const trees = outputs.get(name) ?? {};
      if (name !== 'package/system-image-armv5l') return { outputs: trees };
      const image = {
        'run-emulator.sh': { executable: `#!/bin/sh\n${guest()}` },
        'native-build.sh': { executable: script },
      };
      return { outputs: { ...trees, tree: image } };
    },
  });
}
