import { setMaxListeners } from 'node:events';
import type { Digest } from '../core/digest.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { StoreFault } from '../core/fault.ts';
import { unreachable, type Result } from '../core/result.ts';
import type { Reservation } from '../executor/executor.ts';
import type { Plan } from '../plan/action.ts';
import { refsOf } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';
import { awaitKey, type AwaitEnd } from './await-key.ts';
import type { BuildOptions, BuildOutcome } from './build-types.ts';
import { ExecutorPool, type Offer } from './executor-pool.ts';
import { makeExternalInputs, sourcesIn, wantedByUrgency, type ExternalInput } from './external-inputs.ts';
import { recallTime } from './history.ts';
import { expireDependants, makeNodes, sameOutputs, type Node } from './nodes.ts';
import { cpuSecondsOf, interruption, outcomeOf, waitingEvent } from './outcome.ts';
import { findUnsupported } from './platforms.ts';
import { Resolver } from './resolver.ts';
import { runAction, type RunEnd } from './run-action.ts';
import { byLongestPath, longestPaths } from './schedule.ts';
import type { TaskResult } from './task-result.ts';
import { TreeAvailability } from './tree-availability.ts';
import { WakeUp } from './wake-up.ts';

/** Sources that are fetched and unpacked side by side. */
const sourcesAtOnce = 2;

/**
 * One run of `build`. Tasks (actions, sources, waiting for other runs) run beside the loop and leave what they bring in a
 * queue; only the loop changes nodes and external inputs, so that nothing changes under it while it waits for the store.
 */
export class BuildLoop {
  readonly #plan: Plan;
  readonly #options: BuildOptions;
  readonly #nodes: ReadonlyMap<ActionName, Node>;
  readonly #trees: TreeAvailability;
  readonly #executors: ExecutorPool;
  readonly #wakeUp = new WakeUp();
  readonly #results: TaskResult[] = [];
  /** With the room that each has. */
  readonly #running = new Map<Node, Reservation>();
  /** Those whose result another run makes. */
  readonly #awaited = new Set<Node>();
  readonly #obtaining = new Set<ExternalInput>();
  readonly #ran: ActionName[] = [];
  readonly #announced = new Set<Node>();
  readonly #failures: Failure[] = [];
  readonly #crash = new AbortController();
  readonly #signal: AbortSignal;
  #inputs: ReadonlyMap<string, ExternalInput> = new Map();
  #paths: ReadonlyMap<ActionName, number> = new Map();
  #resolver: Resolver | undefined;
  /** Nothing more may start, whatever the options say. */
  #hopeless = false;
  #platformsChecked = false;
  #waiting: BuildEvent | undefined;
  #error: { readonly thrown: unknown } | undefined;

  constructor(plan: Plan, options: BuildOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#nodes = makeNodes(plan);
    this.#trees = new TreeAvailability(options.store);
    this.#executors = new ExecutorPool(options.executors, this.#wakeUp.call, (error) => this.#crashed(error));
    const outer = options.signal === undefined ? [] : [options.signal];
    this.#signal = AbortSignal.any([this.#crash.signal, ...outer]);
    // As many listen as there are actions and sources under way: no leak.
    setMaxListeners(0, this.#signal);
  }

  async run(): Promise<BuildOutcome> {
    const { onEvent, clock, signal } = this.#options;
    const startedAt = clock();
    const { actions, sources } = this.#plan;
    onEvent({ kind: 'build-started', at: startedAt, actions: actions.length, sources: sources.length });
    signal?.addEventListener('abort', this.#wakeUp.call);
    try {
      await this.#prepare();
      await this.#loop();
    } finally {
      signal?.removeEventListener('abort', this.#wakeUp.call);
      this.#executors.close();
      for (const node of this.#nodes.values()) await this.#releaseKey(node);
    }
    if (this.#error !== undefined) throw this.#error.thrown;
    return this.#finish(startedAt);
  }

  async #prepare(): Promise<void> {
    const { store, record, mayRun } = this.#options;
    const nodes = this.#nodes;
    try {
      this.#inputs = await makeExternalInputs(this.#plan, nodes.values(), this.#options);
      this.#resolver = new Resolver({
        plan: this.#plan,
        nodes,
        inputs: this.#inputs,
        store,
        trees: this.#trees,
        again: record?.again,
        mayRun,
      });
      const times = [...nodes.values()].map(async ({ action, planId }) => {
        const time = await recallTime(store, planId);
        return [action.name, time?.cpuSeconds ?? time?.wallSeconds ?? action.weight] as const;
      });
      const seconds = new Map(await Promise.all(times));
      this.#paths = longestPaths(this.#plan.actions, (action) => seconds.get(action.name) ?? action.weight);
    } catch (error) {
      this.#crashed(error);
    }
  }

  async #loop(): Promise<void> {
    for (;;) {
      this.#takeResults();
      const waitsForRoom = await this.#advance().catch((error: unknown) => {
        this.#crashed(error);
        return false;
      });
      const running = this.#running.size + this.#awaited.size > 0 || this.#executors.checking;
      // Sources cannot be called off, and what they leave is whole or nothing: an interrupted run does not wait for them.
      const busy = running || (this.#obtaining.size > 0 && !this.#signal.aborted);
      if (this.#results.length === 0 && !busy && !waitsForRoom) return;
      if (this.#results.length === 0) this.#tellWaiting();
      await this.#wakeUp.wait();
    }
  }

  /** Starts what can be started with what is known now. True: an action is ready, and an executor will call when it has room. */
  async #advance(): Promise<boolean> {
    const resolver = this.#resolver;
    if (this.#stopping() || resolver === undefined) return false;
    await resolver.resolveKeys(this.#announce);
    if (!this.#checkPlatforms()) return false;
    await resolver.wantProducts();
    const { ready, forbidden } = await resolver.wantInputs();
    for (const node of forbidden) {
      node.state = 'failed';
      this.#fail({ reason: 'not-allowed', kind: 'action', name: node.action.name });
    }
    if (this.#stopping()) return false;
    for (const node of this.#nodes.values()) {
      if (node.held !== undefined && node.state !== 'running' && !this.#mayUseKey(node))
        await this.#releaseKey(node);
    }
    this.#startInputs();
    return this.#startActions(ready, resolver);
  }

  /** Once, before anything is done: whether there is an executor for whatever may have to run. */
  #checkPlatforms(): boolean {
    if (this.#platformsChecked) return true;
    this.#platformsChecked = true;
    const failures = findUnsupported(this.#nodes.values(), this.#executors, this.#options.mayRun);
    for (const failure of failures) this.#fail(failure);
    this.#hopeless ||= failures.length > 0;
    return failures.length === 0;
  }

  #tellWaiting(): void {
    if (this.#waiting !== undefined || this.#signal.aborted || !this.#stopping()) return;
    this.#waiting = waitingEvent(this.#running.keys(), this.#obtaining, this.#options.clock());
    if (this.#waiting !== undefined) this.#options.onEvent(this.#waiting);
  }

  readonly #announce = (node: Node): void => {
    const { onEvent, clock } = this.#options;
    if (node.ran || this.#announced.has(node)) return;
    this.#announced.add(node);
    onEvent({ kind: 'action-cached', at: clock(), action: node.action.name });
  };

  #stopping(): boolean {
    if (this.#signal.aborted || this.#hopeless) return true;
    return this.#failures.length > 0 && this.#options.keepGoing !== true;
  }

  // ---- what tasks brought

  #takeResults(): void {
    for (const result of this.#results.splice(0)) {
      switch (result.kind) {
        case 'action':
          this.#endAction(result.node, result.end);
          break;
        case 'awaited':
          this.#endAwaited(result.node, result.end);
          break;
        case 'input':
          this.#endInput(result.input, result.obtained);
          break;
        case 'crash':
          this.#endCrash(result.task, result.error);
          break;
        default:
          unreachable(result);
      }
    }
  }

  #endAction(node: Node, end: RunEnd): void {
    this.#leave(node);
    switch (end.kind) {
      case 'done':
        this.#endDone(node, end);
        return;
      case 'failed':
        node.state = 'failed';
        this.#fail(end.failure);
        return;
      case 'broken':
        this.#endBroken(node, end);
        return;
      case 'inputs-gone':
        this.#again(node);
        this.#endLosses(node, end.trees);
        return;
      case 'elsewhere':
        this.#awaitOther(node);
        return;
      case 'found':
        node.state = 'waiting';
        node.stale = false;
        return;
      case 'aborted':
        node.state = 'must-run';
        return;
      default:
        unreachable(end);
    }
  }

  /** Not before its end is taken: whoever gets the room must be chosen with that in mind. */
  #leave(node: Node): void {
    this.#running.get(node)?.release();
    this.#running.delete(node);
  }

  /** It did not come to its end, and is to start anew, under another key where what it reads has changed meanwhile. */
  #again(node: Node): void {
    node.state = node.stale ? 'waiting' : 'must-run';
    node.stale = false;
  }

  #endBroken(node: Node, { executor, failure }: Extract<RunEnd, { kind: 'broken' }>): void {
    const { onEvent, clock } = this.#options;
    node.brokenOn.add(executor);
    node.broken = failure;
    const { platform } = node.action.recipe;
    if (!this.#executors.broke(executor, platform, node.brokenOn)) {
      node.state = 'failed';
      this.#fail(failure);
      return;
    }
    onEvent({
      kind: 'executor-broke',
      at: clock(),
      executor: executor.name,
      action: node.action.name,
      failure,
    });
    this.#again(node);
  }

  #endLosses(node: Node, trees: readonly Digest[]): void {
    const [tree] = trees.filter((each) => !this.#trees.lost(each));
    if (tree === undefined) return;
    node.state = 'failed';
    const detail = `it was made again for ${node.action.name}, and was damaged or gone once more`;
    this.#fail({ reason: 'damaged-tree', digest: tree, detail });
  }

  #endDone(node: Node, { result, unchanged }: Extract<RunEnd, { kind: 'done' }>): void {
    const { onEvent, clock } = this.#options;
    const { name } = node.action;
    node.ran = true;
    if (!this.#ran.includes(name)) this.#ran.push(name);
    const { wallSeconds, cpuSeconds } = result;
    const times = { wallSeconds, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
    onEvent({ kind: 'action-finished', at: clock(), action: name, ...times, unchanged });
    if (node.stale) {
      node.stale = false;
      node.state = 'waiting';
      return;
    }
    node.state = 'known';
    if (!sameOutputs(node.result?.outputs, result.outputs)) expireDependants(node);
    node.result = result;
  }

  #endAwaited(node: Node, end: AwaitEnd): void {
    this.#awaited.delete(node);
    if (end.kind === 'found') {
      node.state = 'waiting';
      node.stale = false;
      return;
    }
    if (end.kind === 'ours') node.held = end.held;
    this.#again(node);
  }

  #endInput(input: ExternalInput, obtained: Result<Digest, Failure>): void {
    this.#obtaining.delete(input);
    if (!obtained.ok) {
      input.state = 'failed';
      this.#fail(obtained.failure);
      return;
    }
    const { onEvent, clock } = this.#options;
    input.state = 'idle';
    if (input.digest !== obtained.value) expireDependants(input);
    input.digest = obtained.value;
    if (input.source === undefined) return;
    onEvent({ kind: 'source-finished', at: clock(), source: input.id, digest: obtained.value });
  }

  #endCrash(task: Node | ExternalInput, error: unknown): void {
    task.state = 'failed';
    if ('action' in task) {
      this.#leave(task);
      this.#awaited.delete(task);
    } else {
      this.#obtaining.delete(task);
    }
    this.#crashed(error);
  }

  /** What the store throws is a full disk or the like. Anything else is a bug, thrown on when all tasks have ended. */
  #crashed(error: unknown): void {
    this.#hopeless = true;
    if (error instanceof StoreFault) {
      this.#fail(error.failure);
      return;
    }
    this.#error ??= { thrown: error };
    this.#crash.abort();
  }

  #fail(failure: Failure): void {
    // What runs side by side fails of one full disk, or of one server that is down: said once, it says all.
    if (this.#failures.includes(failure)) return;
    if (failure.reason === 'no-room' && this.#failures.some(({ reason }) => reason === 'no-room')) return;
    this.#failures.push(failure);
    this.#options.onEvent({ kind: 'failed', at: this.#options.clock(), failure });
  }

  // ---- starting

  /** The machine's own trees are few and wait for nothing. */
  #startInputs(): void {
    for (const input of wantedByUrgency(this.#inputs.values(), this.#paths)) {
      if (input.source !== undefined && sourcesIn(this.#obtaining).length >= sourcesAtOnce) continue;
      this.#startInput(input);
    }
  }

  #startInput(input: ExternalInput): void {
    const { onEvent, clock } = this.#options;
    const source = input.id;
    input.state = 'running';
    this.#obtaining.add(input);
    if (input.source !== undefined) onEvent({ kind: 'source-started', at: clock(), source });
    const progress = (line: string) => {
      // An interrupted run does not wait for sources, and says nothing after its end.
      if (input.source === undefined || this.#signal.aborted) return;
      onEvent({ kind: 'source-progress', at: clock(), source, line });
    };
    this.#follow(
      input,
      input.obtain(progress).then((obtained) => ({ kind: 'input', input, obtained })),
    );
  }

  /** Starts what executors have room for. True: for some action none has now. */
  #startActions(ready: readonly Node[], resolver: Resolver): boolean {
    let waitsForRoom = false;
    for (const node of byLongestPath(ready, this.#paths)) {
      if (this.#stopping()) return false;
      // Two actions with one recipe: the second finds what the first makes.
      if ([...this.#running.keys(), ...this.#awaited].some(({ key }) => key === node.key)) continue;
      const offer = this.#executors.reserve(node.action, node.brokenOn);
      switch (offer.kind) {
        case 'room':
          this.#startAction(node, offer, resolver);
          break;
        case 'none-now':
          waitsForRoom = true;
          break;
        case 'never':
          this.#endUnserved(node, offer.failure);
          break;
        default:
          unreachable(offer);
      }
    }
    return waitsForRoom;
  }

  /** Every executor that could run it has refused or broken. */
  #endUnserved(node: Node, refusal: Failure | undefined): void {
    const failure = refusal ?? node.broken;
    if (failure === undefined) throw new Error(`no executor ever supported ${node.action.name}`);
    node.state = 'failed';
    this.#fail(failure);
  }

  #startAction(
    node: Node,
    { executor, reservation }: Extract<Offer, { kind: 'room' }>,
    resolver: Resolver,
  ): void {
    const { onEvent, clock, store, files, record } = this.#options;
    const { key, bound, why } = node;
    const action = node.action.name;
    if (key === undefined || bound === undefined || why === undefined) {
      throw new Error(`${action} starts without a key or a reason`);
    }
    node.state = 'running';
    this.#running.set(node, reservation);
    // The contents that it runs with: by the time it ends, others may be known.
    const contents = new Map(refsOf(node.action.recipe).map((ref) => [ref, resolver.resolve(ref)]));
    const run = runAction({
      node,
      key,
      bound,
      resolve: (ref) => contents.get(ref) ?? resolver.resolve(ref),
      store,
      executor,
      reservation,
      files,
      recorder: record?.recorder,
      signal: this.#signal,
      onStart: (log) => onEvent({ kind: 'action-started', at: clock(), action, why, log }),
      onLine: (line) => onEvent({ kind: 'action-output', at: clock(), action, line }),
    });
    this.#follow(
      node,
      run.then((end) => ({ kind: 'action', node, end })),
    );
  }

  /** Waits, without room on any executor, for another run that makes the result. */
  #awaitOther(node: Node): void {
    const { onEvent, clock, store } = this.#options;
    node.state = 'awaited';
    this.#awaited.add(node);
    onEvent({ kind: 'action-awaited', at: clock(), action: node.action.name });
    this.#follow(
      node,
      awaitKey(store, node, this.#signal).then((end) => ({ kind: 'awaited', node, end })),
    );
  }

  #follow(task: Node | ExternalInput, result: Promise<TaskResult>): void {
    void result
      .catch((error: unknown): TaskResult => ({ kind: 'crash', task, error }))
      .then((brought) => {
        this.#results.push(brought);
        this.#wakeUp.call();
      });
  }

  /** Whether a node that holds a key is about to run under it. */
  #mayUseKey({ held, key, state }: Node): boolean {
    return state === 'must-run' && held?.key === key;
  }

  async #releaseKey(node: Node): Promise<void> {
    const { held } = node;
    node.held = undefined;
    await held?.lock.release();
  }

  #finish(startedAt: number): BuildOutcome {
    const { onEvent, clock, signal, keepGoing } = this.#options;
    const nodes = [...this.#nodes.values()];
    const complete = nodes.every((node) => node.state === 'known');
    if (signal?.aborted === true && !complete) this.#fail(interruption(signal));
    if (!complete && this.#failures.length === 0) throw new Error('the build stands still; nothing failed');
    const outcome = outcomeOf(nodes, this.#inputs, this.#ran, this.#failures);
    // Where nothing else was tried, that what follows a failure did not run goes without saying.
    for (const { action, because } of keepGoing === true ? outcome.skipped : [])
      onEvent({ kind: 'action-skipped', at: clock(), action, because });
    const at = clock();
    const cpuSeconds = cpuSecondsOf(nodes);
    onEvent({
      kind: 'build-finished',
      at,
      ran: outcome.ran.length,
      cached: outcome.cached.length,
      failed: outcome.failures.filter(({ reason }) => reason !== 'interrupted').length,
      skipped: outcome.skipped.length,
      wallSeconds: (at - startedAt) / 1000,
      ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    });
    return outcome;
  }
}
