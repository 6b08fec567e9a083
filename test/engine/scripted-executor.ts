import { join } from 'node:path';
import type { Failure } from '../../src/core/failure.ts';
import { failed, ok, type Result } from '../../src/core/result.ts';
import type {
  ExecuteRequest,
  Execution,
  Executor,
  Reservation,
  RoomRequest,
} from '../../src/executor/executor.ts';
import { actionEnvironment, renderEnvironment } from '../../src/executor/environment.ts';
import { renderScript } from '../../src/executor/script.ts';
import { verifyInputs } from '../../src/executor/verify-inputs.ts';
import type { Platform } from '../../src/plan/action.ts';
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
  readonly name: string;
  readonly #cpu: string;
  /** Actions at once, and memory of all that run side by side. */
  slots = 2;
  memoryMiB = 4096;
  /** What is reserved now: the memory of each. */
  readonly reserved = new Set<{ readonly memory: number }>();
  /** How often it was asked for room. */
  asked = 0;
  readonly #listeners = new Set<() => void>();
  /** Names in the order of their starts. */
  readonly calls: string[] = [];
  readonly running = new Set<string>();
  /** Largest number that ran side by side. */
  most = 0;
  readonly behaviours = new Map<string, Behaviour>();
  checks = 0;
  refusal: Failure | undefined;
  /** Whether it can tell how much processor time an action took. */
  knowsTimes = true;
  readonly #store: Store;

  constructor(store: Store, name = 'scripted', cpu = 'x86_64') {
    this.#store = store;
    this.name = name;
    this.#cpu = cpu;
  }

  supports({ cpu }: Platform): boolean {
    return cpu === this.#cpu;
  }

  tryReserve({ memory }: RoomRequest): Reservation | undefined {
    if (this.checks === 0) throw new Error(`${this.name} was not asked whether it works`);
    this.asked += 1;
    const used = [...this.reserved].reduce((sum, other) => sum + other.memory, 0);
    if (this.reserved.size >= this.slots) return undefined;
    if (this.reserved.size > 0 && used + memory > this.memoryMiB) return undefined;
    const slot = { memory };
    this.reserved.add(slot);
    return {
      release: () => {
        if (this.reserved.delete(slot)) this.tellRoom();
      },
    };
  }

  /** As when somebody else gave room back. */
  tellRoom(): void {
    for (const listener of this.#listeners) listener();
  }

  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async check(): Promise<Result<void, Failure>> {
    this.checks += 1;
    return Promise.resolve(this.refusal === undefined ? ok(undefined) : failed(this.refusal));
  }

  async execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    const { name, signal } = request;
    const behaviour = this.behaviours.get(name) ?? {};
    const verified = await verifyInputs(this.#store, request);
    if (!verified.ok) return verified;
    await request.onStart?.();
    await request.log.keep('script', renderScript(request.recipe.commands));
    await request.log.keep('environment', renderEnvironment(actionEnvironment(request.recipe, undefined)));
    this.calls.push(name);
    this.running.add(name);
    this.most = Math.max(this.most, this.running.size);
    try {
      await Promise.race([behaviour.holds ?? Promise.resolve(), aborted(signal)]);
      if (behaviour.throws !== undefined) throw behaviour.throws;
      for (const line of behaviour.lines ?? []) request.log.write(Buffer.from(`${line}\n`));
      const exitCode = signal?.aborted === true ? 137 : (behaviour.exitCode ?? 0);
      if (behaviour.failure !== undefined) return failed(behaviour.failure);
      const times = { wallSeconds: 1, ...(this.knowsTimes ? { cpuSeconds: 2 } : {}) };
      await request.log.close();
      if (exitCode !== 0) return ok({ exitCode, outputs: {}, ...times });
      return ok({ exitCode, outputs: await this.#makeOutputs(request, behaviour), ...times });
    } finally {
      this.running.delete(name);
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
