import { join } from 'node:path';
import type { Digest } from '../../src/core/digest.ts';
import type { Failure } from '../../src/core/failure.ts';
import { failed, ok, type Result } from '../../src/core/result.ts';
import type { ExecuteRequest, Execution, Executor } from '../../src/executor/executor.ts';
import type { Store } from '../../src/store/store.ts';
import { writeSketch, type TreeSketch } from '../store/sketch.ts';

/** How a faked action ends. */
export interface FakeEnd {
  /** Undefined: 0. */
  readonly exitCode?: number;
  readonly lines?: readonly string[];
  /** Trees by output name; one that the recipe names and this does not is missing. */
  readonly outputs?: Readonly<Record<string, TreeSketch>>;
  /** The executor itself fails. */
  readonly failure?: Failure;
}

export interface FakeExecutor extends Executor {
  /** Every call in order. */
  readonly calls: readonly ExecuteRequest[];
  /** How often it was closed. */
  readonly closed: number;
}

export interface FakeExecutorOptions {
  readonly store: Store;
  /** Undefined: `interpret`. */
  readonly behaviour?: (request: ExecuteRequest) => FakeEnd | Promise<FakeEnd>;
}

/** An executor that runs nothing: what an action does is told by `behaviour`. Every action takes one second. */
export function createFakeExecutor({ store, behaviour = interpret }: FakeExecutorOptions): FakeExecutor {
  const calls: ExecuteRequest[] = [];
  let closed = 0;
  return {
    name: 'fake',
    calls,
    // Whatever machine the tests run on, and however many actions at once.
    supports: () => true,
    tryReserve: () => ({ release: () => undefined }),
    onRoom: () => () => undefined,
    check: () => Promise.resolve(ok(undefined)),
    close: () => {
      closed += 1;
      return Promise.resolve();
    },
    get closed() {
      return closed;
    },
    execute: async (request) => {
      calls.push(request);
      if (request.signal?.aborted !== true) await request.onStart?.();
      const end = await untilAborted(request, behaviour);
      if (end === undefined) return failed({ reason: 'interrupted', signal: 'SIGINT' });
      if (end.failure !== undefined) return failed(end.failure);
      await writeRecords(request, end.lines ?? []);
      const exitCode = end.exitCode ?? 0;
      const outputs = exitCode === 0 ? await adoptOutputs(store, request, end.outputs ?? {}) : ok({});
      return outputs.ok ? ok({ exitCode, outputs: outputs.value, wallSeconds: 1, cpuSeconds: 1 }) : outputs;
    },
  };
}

async function untilAborted(
  request: ExecuteRequest,
  behaviour: (request: ExecuteRequest) => FakeEnd | Promise<FakeEnd>,
): Promise<FakeEnd | undefined> {
  const { signal } = request;
  if (signal === undefined) return behaviour(request);
  if (signal.aborted) return undefined;
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  return Promise.race([behaviour(request), aborted]);
}

async function writeRecords({ log, recipe }: ExecuteRequest, lines: readonly string[]): Promise<void> {
  await log.keep('script', JSON.stringify(recipe.commands, undefined, 2));
  await log.keep('environment', JSON.stringify(recipe.env, undefined, 2));
  for (const line of lines) log.write(Buffer.from(`${line}\n`));
  await log.close();
}

async function adoptOutputs(
  store: Store,
  request: ExecuteRequest,
  sketches: Readonly<Record<string, TreeSketch>>,
): Promise<Result<Execution['outputs'], Failure>> {
  const outputs: Record<string, Digest> = {};
  const scratch = await store.makeScratch('fake');
  try {
    for (const [output, path] of Object.entries(request.recipe.outputs)) {
      const sketch = sketches[output];
      if (sketch === undefined || Object.keys(sketch).length === 0) {
        const { name: action, log } = request;
        return failed({ reason: 'missing-output', action, output, path, log: log.place });
      }
      await writeSketch(join(scratch.path, output), sketch);
      const adopted = await store.adoptTree(join(scratch.path, output));
      if (!adopted.ok) return adopted;
      outputs[output] = adopted.value;
    }
    return ok(outputs);
  } finally {
    await scratch.release();
  }
}

/**
 * Follows a recipe as far as that goes without a shell: files written below an output's path come out of it, `true`,
 * `false` and `echo` do what they say, `sh -euc 'exit N'` ends with N, and `sleep` never ends unless aborted.
 */
export async function interpret(request: ExecuteRequest): Promise<FakeEnd> {
  const lines: string[] = [];
  const outputs: Record<string, Record<string, string | { executable: string }>> = {};
  for (const command of request.recipe.commands) {
    if (command.kind === 'write') {
      lines.push(`+ write ${command.path}`);
      for (const [output, path] of Object.entries(request.recipe.outputs)) {
        if (!command.path.startsWith(`${path}/`)) continue;
        const content = command.mode === 0o755 ? { executable: command.text } : command.text;
        (outputs[output] ??= {})[command.path.slice(path.length + 1)] = content;
      }
      continue;
    }
    const [program, ...rest] = command.argv;
    lines.push(`+ ${command.argv.join(' ')}`);
    const code = /^exit (\d+)$/.exec(rest[1] ?? '')?.[1];
    if (program === 'false') return { exitCode: 1, lines };
    if (program === 'sh' && code !== undefined) return { exitCode: Number(code), lines };
    if (program === 'sleep') await new Promise(() => undefined);
    if (program === 'echo') lines.push(rest.join(' '));
  }
  return { lines, outputs };
}
