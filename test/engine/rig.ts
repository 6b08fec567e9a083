import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import type { BuildEvent, Why } from '../../src/core/event.ts';
import type { Failure } from '../../src/core/failure.ts';
import { failed, ok, type Result } from '../../src/core/result.ts';
import { build, type BuildOptions, type BuildOutcome } from '../../src/engine/build.ts';
import type { MachineProvider, SourceProvider } from '../../src/plan/providers.ts';
import type { Plan, PlannedSource } from '../../src/plan/action.ts';
import { sourceId } from '../../src/plan/graph.ts';
import type { Store } from '../../src/store/store.ts';
import { addTree, openTestStore } from '../store/temporary-store.ts';
import { ScriptedExecutor } from './scripted-executor.ts';

/** For `expect.poll`: a loaded machine may take its time. */
export const patient = { timeout: 20_000 };

/** Sources out of nothing: the content of each is its name and its patches, unless said otherwise. */
export class ScriptedSources implements SourceProvider {
  readonly obtained: string[] = [];
  readonly failures = new Map<string, Failure>();
  /** Content by source id. */
  readonly contents = new Map<string, string>();
  readonly #known = new Map<string, Digest>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  recall(source: PlannedSource): Promise<Digest | undefined> {
    return Promise.resolve(this.#known.get(JSON.stringify(source)));
  }

  async obtain(source: PlannedSource, progress: (line: string) => void): Promise<Result<Digest, Failure>> {
    const id = sourceId(source);
    this.obtained.push(id);
    progress(`unpacking ${id}`);
    const failure = this.failures.get(id);
    if (failure !== undefined) return failed(failure);
    const tree = await addTree(this.#store, { source: this.contents.get(id) ?? JSON.stringify(source) });
    this.#known.set(JSON.stringify(source), tree);
    return ok(tree);
  }
}

export class ScriptedMachine implements MachineProvider {
  readonly probed: string[] = [];
  compiler = 'gcc 12';
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async obtain(kind: 'compiler' | 'machine-utilities'): Promise<Result<Digest, Failure>> {
    this.probed.push(kind);
    return ok(await addTree(this.#store, { [kind]: this.compiler }));
  }
}

/** What `Rig.build` takes beside the engine's options. */
export interface RigOptions extends Partial<BuildOptions> {
  /** Slots of the scripted executor. Undefined: 2. */
  readonly jobs?: number;
  /** Its memory. Undefined: 4096. */
  readonly memoryMiB?: number;
  /** Whether another engine builds on the same store meanwhile. */
  readonly company?: boolean;
}

/** A store with scripted surroundings, in which plans are built. What an earlier build left stays. */
export class Rig {
  readonly store: Store;
  readonly executor: ScriptedExecutor;
  readonly sources: ScriptedSources;
  readonly machine: ScriptedMachine;
  events: BuildEvent[] = [];
  #tick = 0;

  constructor(store: Store) {
    this.store = store;
    this.executor = new ScriptedExecutor(store);
    this.sources = new ScriptedSources(store);
    this.machine = new ScriptedMachine(store);
  }

  async build(
    plan: Plan,
    { jobs = 2, memoryMiB = 4096, company = false, ...options }: RigOptions = {},
  ): Promise<BuildOutcome> {
    this.events = [];
    this.executor.calls.length = 0;
    this.executor.most = 0;
    this.sources.obtained.length = 0;
    this.machine.probed.length = 0;
    this.executor.slots = jobs;
    this.executor.memoryMiB = memoryMiB;
    const outcome = await build(plan, {
      store: this.store,
      executors: [this.executor],
      sources: this.sources,
      machine: this.machine,
      files: () => Promise.resolve(Buffer.from('a file')),
      clock: () => (this.#tick += 1),
      onEvent: (event) => this.events.push(event),
      ...options,
    });
    // Whatever happened, all room that was taken came back, and so did every key.
    expect(this.executor.reserved.size).toBe(0);
    expect(this.executor.listeners).toBe(0);
    if (!company) expect(await readdir(join(this.store.root, 'locks')).catch(() => [])).toEqual([]);
    expect(this.executor.running.size).toBe(0);
    return outcome;
  }

  /** Another engine on the same store, as after a restart: what objects remember is forgotten. */
  async restart(): Promise<Rig> {
    const rig = new Rig(await openTestStore(this.store.root));
    for (const [name, behaviour] of this.executor.behaviours) rig.executor.behaviours.set(name, behaviour);
    return rig;
  }

  /** Reasons by action, as told in events. */
  whys(): Readonly<Record<string, Why>> {
    const started = this.events.flatMap((event) => (event.kind === 'action-started' ? [event] : []));
    return Object.fromEntries(started.map((event) => [event.action, event.why]));
  }
}

export async function openRig(): Promise<Rig> {
  return new Rig(await openTestStore());
}

/** An outcome that must be good. */
export function good(outcome: BuildOutcome): BuildOutcome {
  expect(outcome.failures).toEqual([]);
  expect(outcome.ok).toBe(true);
  return outcome;
}
