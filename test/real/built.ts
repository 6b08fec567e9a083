import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { processSession, storeDirectory } from '../../src/cli/session.ts';
import { selectPlan, type PlanRequest, type SelectedPlan } from '../../src/repository/select-plan.ts';
import { openBuildContext } from '../../src/build/build-context.ts';
import { makeTrees } from '../../src/build/make-trees.ts';
import { actionName } from '../../src/plan/names.ts';
import { hostTools } from '../../stages/host-tools.ts';

/** Absolute path of this repository, without trailing slash. */
export const repository = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** What a program did. */
export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. What it says goes to this process's error stream too, so that a long build shows life. */
export function runProgram(
  argv: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<Finished> {
  const [program, ...rest] = argv;
  const child = spawn(program, rest, {
    cwd: options.cwd ?? repository,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    process.stderr.write(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    process.stderr.write(chunk);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** Runs `./bootstrap` and insists that it succeeds. */
export async function bootstrap(...argv: readonly string[]): Promise<Finished> {
  const finished = await runProgram([`${repository}/bootstrap`, ...argv]);
  if (finished.exitCode !== 0) throw new Error(`bootstrap ${argv.join(' ')} ended with ${finished.exitCode}`);
  return finished;
}

/** Where the user's store keeps an output of an action that is built already. */
export async function storedOutput(request: PlanRequest, action: string, output: string): Promise<string> {
  const selected = await selectPlan(repository, { ...request, onlyAction: action });
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  return madeOutput(selected.value, action, output);
}

/** Builds a tool of the build machine that needs none but busybox and make: its programs' directory, in the user's store. */
export async function builtHostTool(name: string): Promise<string> {
  // The plan that lists the sources of every tool.
  const goal = { kind: 'image', withNative: true } as const;
  const selected = await selectPlan(repository, { arch: 'armv5l', goal });
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  const needed = new Set(['busybox', 'make', name].map((tool) => `host-tools/${tool}`));
  const actions = hostTools(selected.value.inputs).actions.filter((action) => needed.has(action.name));
  const plan = { ...selected.value.plan, actions, products: [] };
  return path.join(await madeOutput({ ...selected.value, plan }, `host-tools/${name}`, 'out'), 'bin');
}

async function madeOutput(selected: SelectedPlan, action: string, output: string): Promise<string> {
  const sources = { offline: false, acceptVariants: [] };
  const context = await openBuildContext({
    ...sources,
    repository,
    store: storeDirectory(processSession(), undefined),
    lock: selected.repository.lock,
    say: console.error,
  });
  if (!context.ok) throw new Error(JSON.stringify(context.failure));
  const made = await makeTrees(
    {
      plan: selected.plan,
      context: context.value,
      onEvent: () => undefined,
      signal: new AbortController().signal,
    },
    { wanted: { action: actionName(action), output } },
  );
  if (!made.ok) throw new Error(`${action} has no output ${output}: ${JSON.stringify(made.failure)}`);
  return made.value.wanted.path;
}
