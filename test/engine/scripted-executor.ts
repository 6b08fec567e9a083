import { join } from 'node:path';
import { digestParts } from '../../src/core/digest.ts';
import type { Failure } from '../../src/core/failure.ts';
import { failed, ok, type Result } from '../../src/core/result.ts';
import type { ExecuteRequest, Execution, Executor } from '../../src/executor/executor.ts';
import { keyOf } from '../../src/plan/key.ts';
import type { Store } from '../../src/store/store.ts';
import { writeSketch } from '../store/sketch.ts';

/** What an action does instead of what it says. */
export interface Behaviour {
  /** Content of its output; undefined: a text that all that is mounted goes into. */
  readonly makes?: string;
  readonly exitCode?: number;
  readonly lines?: readonly string[];
  readonly failure?: Failure;
  /** Starts, and ends when the returned promise does, or when it is called off. */
  readonly holds?: Promise<void>;
  readonly throws?: Error;
}

/** An executor that is told what actions make, and writes down what it ran. */
export class ScriptedExecutor implements Executor {
  readonly name = 'scripted';
  readonly platform = { os: 'linux', cpu: 'x86_64' } as const;
  /** Names in the order of their starts. */
  readonly calls: string[] = [];
  readonly running = new Set<string>();
  /** Largest number that ran side by side. */
  most = 0;
  readonly behaviours = new Map<string, Behaviour>();
  checks = 0;
  refusal: Failure | undefined;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async check(): Promise<Result<void, Failure>> {
    this.checks += 1;
    return Promise.resolve(this.refusal === undefined ? ok(undefined) : failed(this.refusal));
  }

  async execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    const { name, signal } = request;
    const behaviour = this.behaviours.get(name) ?? {};
    this.calls.push(name);
    this.running.add(name);
    this.most = Math.max(this.most, this.running.size);
    try {
      await Promise.race([behaviour.holds ?? Promise.resolve(), aborted(signal)]);
      if (behaviour.throws !== undefined) throw behaviour.throws;
      for (const line of behaviour.lines ?? []) request.onLine?.(line);
      const exitCode = signal?.aborted === true ? 137 : (behaviour.exitCode ?? 0);
      if (behaviour.failure !== undefined) return failed(behaviour.failure);
      const times = { wallSeconds: 1, cpuSeconds: 2 };
      if (exitCode !== 0) return ok({ exitCode, outputs: {}, ...times });
      await this.#requireInputs(request);
      return ok({ exitCode, outputs: await this.#makeOutputs(request, behaviour), ...times });
    } finally {
      this.running.delete(name);
    }
  }

  /** The engine has promised that inputs are there. */
  async #requireInputs({ name, recipe }: ExecuteRequest): Promise<void> {
    for (const content of [...recipe.tools, ...recipe.inputs.flatMap((input) => input.contents)]) {
      const here =
        content.kind === 'tree'
          ? await this.#store.hasTree(content.digest)
          : await this.#store.hasBlob(content.digest);
      if (!here) throw new Error(`${name} runs without its input ${digestParts(content.digest).hash}`);
    }
  }

  async #makeOutputs({ recipe }: ExecuteRequest, { makes }: Behaviour): Promise<Execution['outputs']> {
    const outputs: Record<string, Execution['outputs'][string]> = {};
    for (const output of Object.keys(recipe.outputs)) {
      const scratch = await this.#store.makeScratch('scripted');
      const directory = join(scratch.path, 'tree');
      await writeSketch(directory, { content: makes ?? `${output} ${keyOf(recipe)}` });
      const adopted = await this.#store.adoptTree(directory);
      await scratch.release();
      if (!adopted.ok) return Promise.reject(new Error(JSON.stringify(adopted.failure)));
      outputs[output] = adopted.value;
    }
    return outputs;
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A promise, and what fulfils it. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
