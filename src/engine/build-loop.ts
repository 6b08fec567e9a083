import { setMaxListeners } from 'node:events';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { StoreFault } from '../core/fault.ts';
import { unreachable } from '../core/result.ts';
import type { Reservation } from '../executor/executor.ts';
import type { Plan } from '../plan/action.ts';
import { refsOf } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';
import { awaitKey, releaseKey, releaseUnusedKeys, type AwaitEnd } from './await-key.ts';
import type { BuildOptions, BuildOutcome } from './build-types.ts';
import { CacheTraffic } from './cache-traffic.ts';
import { ExecutorPool, type Offer } from './executor-pool.ts';
import { makeExternalInputs, type ExternalInput } from './external-inputs.ts';
import { recallTime } from './history.ts';
import { expireDependants, makeNodes, sameOutputs, type Node } from './nodes.ts';
import { Obtaining } from './obtaining.ts';
import { interruption } from './outcome.ts';
import { findUnsupported } from './platforms.ts';
import { Progress } from './progress.ts';
import { Resolver } from './resolver.ts';
import { runAction, type RunEnd } from './run-action.ts';
import { byLongestPath, longestPaths } from './schedule.ts';
import type { TaskResult } from './task-result.ts';
import { TreeAvailability } from './tree-availability.ts';
import { WakeUp } from './wake-up.ts';

/**
 * One run of `build`. Tasks (actions, sources, waiting for other runs) run concurrently and put their results in a
 * queue; only the loop changes nodes and external inputs, so that nothing changes while it waits for the store.
 */
export class BuildLoop {
  readonly #plan: Plan;
  readonly #options: BuildOptions;
  readonly #progress: Progress;
  readonly #nodes: ReadonlyMap<ActionName, Node>;
  readonly #trees: TreeAvailability;
  readonly #executors: ExecutorPool;
  readonly #wakeUp = new WakeUp();
  readonly #results: TaskResult[] = [];
  /** With the reservation of each. */
  readonly #running = new Map<Node, Reservation>();
  /** Nodes whose result another run is making. */
  readonly #awaited = new Set<Node>();
  readonly #obtaining: Obtaining;
  readonly #traffic: CacheTraffic;
  readonly #crash = new AbortController();
  readonly #signal: AbortSignal;
  #paths: ReadonlyMap<ActionName, number> = new Map();
  #resolver: Resolver | undefined;
  /** Nothing more may be started, whatever the options say. */
  #hopeless = false;
  #platformsChecked = false;
  #error: { readonly thrown: unknown } | undefined;

  constructor(plan: Plan, options: BuildOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#progress = new Progress(options, plan);
    this.#nodes = makeNodes(plan);
    this.#trees = new TreeAvailability(options.store);
    this.#executors = new ExecutorPool(options.executors, this.#wakeUp.call, (error) => this.#crashed(error));
    const outer = options.signal === undefined ? [] : [options.signal];
    this.#signal = AbortSignal.any([this.#crash.signal, ...outer]);
    // One listener for each action and source in progress: not a leak.
    setMaxListeners(0, this.#signal);
    this.#traffic = new CacheTraffic(options.cache, this.#progress, this.#signal);
    this.#obtaining = new Obtaining(this.#progress, this.#signal, (input, obtained) =>
      this.#follow(
        input,
        obtained.then((result) => ({ kind: 'input', input, obtained: result })),
      ),
    );
  }

  async run(): Promise<BuildOutcome> {
    const { signal } = this.#options;
    signal?.addEventListener('abort', this.#wakeUp.call);
    try {
      await this.#prepare();
      await this.#loop();
      await this.#traffic.allPublished();
    } finally {
      signal?.removeEventListener('abort', this.#wakeUp.call);
      this.#executors.close();
      for (const node of this.#nodes.values()) await releaseKey(node);
    }
    if (this.#error !== undefined) throw this.#error.thrown;
    return this.#finish();
  }

  async #prepare(): Promise<void> {
    const { store, record, mayRun, keepFailed } = this.#options;
    const nodes = this.#nodes;
    try {
      if (keepFailed !== undefined) await store.dropKept();
      const inputs = await makeExternalInputs(this.#plan, nodes.values(), this.#options);
      this.#obtaining.inputs = inputs;
      this.#resolver = new Resolver({
        plan: this.#plan,
        nodes,
        inputs,
        store,
        trees: this.#trees,
        cache: this.#options.cache,
        signal: this.#signal,
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
      const tasks = this.#running.size + this.#awaited.size + this.#traffic.fetching;
      const running = tasks > 0 || this.#executors.checking;
      // Fetching a source cannot be cancelled, and never leaves anything incomplete: an interrupted run does not wait
      // for it.
      const busy = running || (this.#obtaining.running.size > 0 && !this.#signal.aborted);
      if (this.#results.length === 0 && !busy && !waitsForRoom) return;
      if (this.#results.length === 0 && !this.#signal.aborted && this.#stopping())
        this.#progress.waiting(this.#running.keys(), this.#obtaining.running);
      await this.#wakeUp.wait();
    }
  }

  /**
   * Starts what can be started with what is known now. True: an action is ready, and an executor will call when it has
   * room.
   */
  async #advance(): Promise<boolean> {
    const resolver = this.#resolver;
    if (this.#stopping() || resolver === undefined) return false;
    await resolver.resolveKeys((node) => this.#progress.found(node));
    if (!this.#checkPlatforms()) return false;
    await resolver.wantProducts();
    const { ready, forbidden } = await resolver.wantInputs();
    for (const node of forbidden) {
      node.state = 'failed';
      this.#progress.fail({ reason: 'not-allowed', kind: 'action', name: node.action.name });
    }
    if (this.#stopping()) return false;
    await releaseUnusedKeys(this.#nodes.values());
    this.#obtaining.startWanted(this.#paths);
    this.#traffic.startWanted(this.#nodes.values(), (node, brought) =>
      this.#follow(
        node,
        brought.then(() => ({ kind: 'fetched', node })),
      ),
    );
    return this.#startActions(ready, resolver);
  }

  /** Checks once, before anything is done, that there is an executor for every action that may have to run. */
  #checkPlatforms(): boolean {
    if (this.#platformsChecked) return true;
    this.#platformsChecked = true;
    const failures = findUnsupported(this.#nodes.values(), this.#executors, this.#options.mayRun);
    for (const failure of failures) this.#progress.fail(failure);
    this.#hopeless ||= failures.length > 0;
    return failures.length === 0;
  }

  #stopping(): boolean {
    if (this.#signal.aborted || this.#hopeless) return true;
    return this.#progress.failed && this.#options.keepGoing !== true;
  }

  // ---- results of tasks

  #takeResults(): void {
    for (const result of this.#results.splice(0)) {
      switch (result.kind) {
        case 'action':
          this.#endAction(result.node, result.end);
          break;
        case 'awaited':
          this.#endAwaited(result.node, result.end);
          break;
        case 'fetched':
          this.#traffic.end(result.node);
          this.#resolveAgain(result.node);
          break;
        case 'input':
          this.#obtaining.end(result.input, result.obtained);
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
        this.#progress.fail(end.failure);
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
        this.#resolveAgain(node);
        return;
      case 'aborted':
        node.state = 'must-run';
        return;
      default:
        unreachable(end);
    }
  }

  /** Called when the end has been processed, because the choice of what gets the room depends on it. */
  #leave(node: Node): void {
    this.#running.get(node)?.release();
    this.#running.delete(node);
  }

  /** The action did not finish and starts again, with another key if what it reads has changed meanwhile. */
  #again(node: Node): void {
    if (node.stale) this.#resolveAgain(node);
    else node.state = 'must-run';
  }

  /** Its key and result must be looked up again. */
  #resolveAgain(node: Node): void {
    node.state = 'waiting';
    node.stale = false;
  }

  #endBroken(node: Node, { executor, failure }: Extract<RunEnd, { kind: 'broken' }>): void {
    node.brokenOn.add(executor);
    node.broken = failure;
    const { platform } = node.action.recipe;
    if (!this.#executors.broke(executor, platform, node.brokenOn)) {
      node.state = 'failed';
      this.#progress.fail(failure);
      return;
    }
    this.#progress.tell({
      kind: 'executor-broke',
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
    const detail = `it was rebuilt for ${node.action.name}, and was damaged or missing again`;
    this.#progress.fail({ reason: 'damaged-tree', digest: tree, detail });
  }

  #endDone(node: Node, { result, unchanged }: Extract<RunEnd, { kind: 'done' }>): void {
    node.ran = true;
    this.#progress.finished(node, result, unchanged);
    if (node.stale) {
      this.#resolveAgain(node);
      return;
    }
    node.state = 'known';
    if (!sameOutputs(node.result?.outputs, result.outputs)) expireDependants(node);
    node.result = result;
    this.#traffic.publish(node, (error) => this.#crashed(error));
  }

  #endAwaited(node: Node, end: AwaitEnd): void {
    this.#awaited.delete(node);
    if (end.kind === 'ours') node.held = end.held;
    if (end.kind === 'found') this.#resolveAgain(node);
    else this.#again(node);
  }

  #endCrash(task: Node | ExternalInput, error: unknown): void {
    task.state = 'failed';
    if ('action' in task) {
      this.#leave(task);
      this.#awaited.delete(task);
      this.#traffic.end(task);
    } else {
      this.#obtaining.running.delete(task);
    }
    this.#crashed(error);
  }

  /**
   * The store throws because of a full disk or the like. Anything else is a bug, rethrown when all tasks have ended.
   */
  #crashed(error: unknown): void {
    this.#hopeless = true;
    if (error instanceof StoreFault) {
      this.#progress.fail(error.failure);
      return;
    }
    this.#error ??= { thrown: error };
    this.#crash.abort();
  }

  // ---- starting tasks

  /** Starts what executors have room for. True: for some ready action, no executor has room now. */
  #startActions(ready: readonly Node[], resolver: Resolver): boolean {
    let waitsForRoom = false;
    for (const node of byLongestPath(ready, this.#paths)) {
      if (this.#stopping()) return false;
      // Two actions with the same recipe: the second takes the result of the first.
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
    this.#progress.fail(failure);
  }

  #startAction(
    node: Node,
    { executor, reservation }: Extract<Offer, { kind: 'room' }>,
    resolver: Resolver,
  ): void {
    const { store, files, record, keepFailed } = this.#options;
    const { key, bound, why } = node;
    const action = node.action.name;
    if (key === undefined || bound === undefined || why === undefined) {
      throw new Error(`${action} starts without a key or a reason`);
    }
    node.state = 'running';
    this.#running.set(node, reservation);
    // The contents that it runs with; they may have changed by the time it ends.
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
      keepFailed: keepFailed?.(node.action) ?? false,
      signal: this.#signal,
      onStart: (log) => this.#progress.tell({ kind: 'action-started', action, why, log }),
      onLine: (line) => this.#progress.tell({ kind: 'action-output', action, line }),
    });
    this.#follow(
      node,
      run.then((end) => ({ kind: 'action', node, end })),
    );
  }

  /** Waits, without a reservation on any executor, for another run that is making the result. */
  #awaitOther(node: Node): void {
    node.state = 'awaited';
    this.#awaited.add(node);
    this.#progress.tell({ kind: 'action-awaited', action: node.action.name });
    this.#follow(
      node,
      awaitKey(this.#options.store, node, this.#signal).then((end) => ({ kind: 'awaited', node, end })),
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

  #finish(): BuildOutcome {
    const { signal } = this.#options;
    const nodes = [...this.#nodes.values()];
    const complete = nodes.every((node) => node.state === 'known');
    if (signal?.aborted === true && !complete) this.#progress.fail(interruption(signal));
    if (!complete && !this.#progress.failed)
      throw new Error('the build makes no progress, although nothing failed');
    return this.#progress.end(nodes, this.#obtaining.inputs);
  }
}
