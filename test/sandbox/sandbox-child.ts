/**
 * Runs one action in a process of its own, for tests that kill that process, start it as another user, or take
 * something away from it: `sandbox-child.ts STORE SHELL-TEXT [JOBS]`. A program that PROBE names in the environment lies at
 * `/probe/program`. Prints the action's lines, then a line of JSON: what opening the store or `check` said if it failed, or else
 * the result.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLocalExecutor, localPlatform } from '../../src/sandbox/local-sandbox.ts';
import { createMachineProvider } from '../../src/machine/machine.ts';
import type { BoundInput } from '../../src/plan/bound.ts';
import { shell } from '../../src/plan/builder.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import { openStore } from '../../src/build/open-store.ts';
import { runRecipe } from '../executor/run-recipe.ts';
import { repositoryPath } from '../repository-path.ts';

const [root = '', text = '', jobs = '2'] = process.argv.slice(2);
const opened = await openStore(root, 1_700_000_000, () => undefined);
if (!opened.ok) {
  console.log(JSON.stringify(opened));
  process.exit(0);
}
const store = opened.value;

async function probeInputs(): Promise<readonly BoundInput[]> {
  const program = process.env['PROBE'];
  if (program === undefined) return [];
  const scratch = await store.makeScratch('probe');
  await mkdir(join(scratch.path, 'tree'));
  await copyFile(program, join(scratch.path, 'tree/program'));
  const tree = await store.adoptTree(join(scratch.path, 'tree'));
  await scratch.release();
  if (!tree.ok) throw new Error(JSON.stringify(tree.failure));
  return [{ path: sandboxPath('/probe'), contents: [{ kind: 'tree', digest: tree.value }], writable: false }];
}

const executor = createLocalExecutor({
  store,
  repository: repositoryPath,
  jobs: Number(jobs),
  memoryMiB: 1000,
});
const checked = await executor.check();
if (!checked.ok) {
  console.log(JSON.stringify(checked));
} else {
  const utilities = await createMachineProvider({ store }).obtain('machine-utilities');
  if (!utilities.ok) throw new Error(JSON.stringify(utilities.failure));
  const contents = [{ kind: 'tree', digest: utilities.value } as const];
  const recipe = {
    commands: [shell(text)],
    env: {},
    tools: [],
    inputs: [
      { path: '/', contents, writable: false } as const,
      // Two trees at one path, with a layer over them: every kind of mount is tried.
      { path: sandboxPath('/area'), contents, writable: true },
      ...(await probeInputs()),
    ],
    outputs: {},
    platform: localPlatform(),
  };
  const onLine = (line: string) => {
    console.log(line);
  };
  const result = await runRecipe(executor, join(root, 'test-log'), recipe, { onLine });
  await executor.close();
  console.log(JSON.stringify(result));
}
