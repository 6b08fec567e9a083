import { setMaxListeners } from 'node:events';
import type { Digest } from '../core/digest.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { unreachable, type Result } from '../core/result.ts';
import type { Plan } from '../plan/action.ts';
import { refsOf } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';
import { StoreFault } from '../core/fault.ts';
import type { Arrival } from './arrival.ts';
import { Bell } from './bell.ts';
import type { BuildOptions, BuildOutcome } from './build.ts';
import { Demand } from './demand.ts';
import { recallTime } from './history.ts';
import { openStoreJobserver, type TokenPool } from './jobserver.ts';
import { expireDependants, makeNodes, sameOutputs, type Node } from './nodes.ts';
import { cpuSecondsOf, interruption, outcomeOf, waitingEvent } from './outcome.ts';
import { Presence } from './presence.ts';
import { runAction, type RunEnd } from './run-action.ts';
import { longestPaths, nextAction } from './schedule.ts';
import { makeSupplies, sourcesIn, wantedByUrgency, type Supply } from './supplies.ts';

/** How often a free token is looked for while an action is ready and none is free. */
const tokenPollMilliseconds = 50;
/** Sources that are fetched and unpacked side by side. */
const sourcesAtOnce = 2;

/**
 * One run of `build`. Tasks (actions, sources) run beside the loop and leave what they bring in a queue; only the loop
 * changes nodes and supplies, so that nothing changes under it while it waits for the store.
 */
export class BuildLoop {
  readonly #plan: Plan;
  readonly #options: BuildOptions;
  readonly #nodes: ReadonlyMap<ActionName, Node>;
  readonly #presence: Presence;
  readonly #bell = new Bell();
  readonly #arrivals: Arrival[] = [];
  readonly #running = new Set<Node>();
  readonly #obtaining = new Set<Supply>();
  readonly #ran: ActionName[] = [];
  readonly #announced = new Set<Node>();
  readonly #failures: Failure[] = [];
  readonly #crash = new AbortController();
  readonly #signal: AbortSignal;
  #supplies: ReadonlyMap<string, Supply> = new Map();
  #paths: ReadonlyMap<ActionName, number> = new Map();
  #demand: Demand | undefined;
  #tokens: TokenPool | undefined;
  /** Nothing more may start, whatever the options say. */
  #hopeless = false;
  #waiting: BuildEvent | undefined;
  #error: { readonly thrown: unknown } | undefined;

  constructor(plan: Plan, options: BuildOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#nodes = makeNodes(plan);
    this.#presence = new Presence(options.store);
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
    const wake = () => this.#bell.ring();
    signal?.addEventListener('abort', wake);
    try {
      await this.#prepare();
      await this.#loop();
    } finally {
      signal?.removeEventListener('abort', wake);
      this.#tokens?.close();
    }
    if (this.#error !== undefined) throw this.#error.thrown;
    return this.#finish(startedAt);
  }

  async #prepare(): Promise<void> {
    const { store } = this.#options;
    const nodes = this.#nodes;
    try {
      this.#supplies = await makeSupplies(this.#plan, nodes.values(), this.#options);
      this.#demand = new Demand(
        this.#plan,
        nodes,
        this.#supplies,
        store,
        this.#presence,
        this.#options.record?.again,
      );
      const times = [...nodes.values()].map(async ({ action, planId }) => {
        const time = await recallTime(store, planId);
        return [action.name, time?.cpuSeconds ?? action.weight] as const;
      });
      const seconds = new Map(await Promise.all(times));
      this.#paths = longestPaths(this.#plan.actions, (action) => seconds.get(action.name) ?? action.weight);
    } catch (error) {
      this.#crashed(error);
    }
  }

  async #loop(): Promise<void> {
    for (;;) {
      this.#takeArrivals();
      const waitsForToken = await this.#advance().catch((error: unknown) => {
        this.#crashed(error);
        return false;
      });
      // Sources cannot be called off, and what they leave is whole or nothing: an interrupted run does not wait for them.
      const busy = this.#running.size > 0 || (this.#obtaining.size > 0 && !this.#signal.aborted);
      if (this.#arrivals.length === 0 && !busy && !waitsForToken) return;
      if (this.#arrivals.length === 0) this.#tellWaiting();
      await this.#bell.wait(waitsForToken ? tokenPollMilliseconds : undefined);
    }
  }

  /** Starts what can be started with what is known now. True: only a token is missing for more. */
  async #advance(): Promise<boolean> {
    const demand = this.#demand;
    if (this.#stopping() || demand === undefined) return false;
    await demand.resolveKeys(this.#announce);
    await demand.wantProducts();
    const ready = await demand.wantInputs();
    this.#startSupplies();
    return this.#startActions(ready, demand);
  }

  #tellWaiting(): void {
    if (this.#waiting !== undefined || this.#signal.aborted || !this.#stopping()) return;
    this.#waiting = waitingEvent(this.#running, this.#obtaining, this.#options.clock());
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

  #takeArrivals(): void {
    for (const arrival of this.#arrivals.splice(0)) {
      switch (arrival.kind) {
        case 'action':
          this.#endAction(arrival.node, arrival.end);
          break;
        case 'supply':
          this.#endSupply(arrival.supply, arrival.obtained);
          break;
        case 'crash':
          this.#endCrash(arrival.task, arrival.error);
          break;
        default:
          unreachable(arrival);
      }
    }
  }

  #endAction(node: Node, end: RunEnd): void {
    this.#running.delete(node);
    this.#tokens?.giveBack();
    switch (end.kind) {
      case 'done':
        this.#endDone(node, end);
        return;
      case 'failed':
        node.state = 'failed';
        this.#fail(end.failure);
        return;
      case 'inputs-gone':
        node.state = node.stale ? 'waiting' : 'must-run';
        node.stale = false;
        this.#endLosses(node, end.trees);
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

  #endLosses(node: Node, trees: readonly Digest[]): void {
    const [tree] = trees.filter((each) => !this.#presence.lost(each));
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
    onEvent({ kind: 'action-finished', at: clock(), action: name, wallSeconds, cpuSeconds, unchanged });
    if (node.stale) {
      node.stale = false;
      node.state = 'waiting';
      return;
    }
    node.state = 'known';
    if (!sameOutputs(node.result?.outputs, result.outputs)) expireDependants(node);
    node.result = result;
  }

  #endSupply(supply: Supply, obtained: Result<Digest, Failure>): void {
    this.#obtaining.delete(supply);
    if (!obtained.ok) {
      supply.state = 'failed';
      this.#fail(obtained.failure);
      return;
    }
    const { onEvent, clock } = this.#options;
    supply.state = 'idle';
    if (supply.digest !== obtained.value) expireDependants(supply);
    supply.digest = obtained.value;
    if (supply.source === undefined) return;
    onEvent({ kind: 'source-finished', at: clock(), source: supply.id, digest: obtained.value });
  }

  #endCrash(task: Node | Supply, error: unknown): void {
    task.state = 'failed';
    if ('action' in task) {
      this.#running.delete(task);
      this.#tokens?.giveBack();
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
    // What runs side by side fails of one full disk: said once, it says all.
    if (failure.reason === 'no-room' && this.#failures.some(({ reason }) => reason === 'no-room')) return;
    this.#failures.push(failure);
    this.#options.onEvent({ kind: 'failed', at: this.#options.clock(), failure });
  }

  // ---- starting

  /** The machine's own trees are few and wait for nothing. */
  #startSupplies(): void {
    for (const supply of wantedByUrgency(this.#supplies.values(), this.#paths)) {
      if (supply.source !== undefined && sourcesIn(this.#obtaining).length >= sourcesAtOnce) continue;
      this.#startSupply(supply);
    }
  }

  #startSupply(supply: Supply): void {
    const { onEvent, clock } = this.#options;
    const source = supply.id;
    supply.state = 'running';
    this.#obtaining.add(supply);
    if (supply.source !== undefined) onEvent({ kind: 'source-started', at: clock(), source });
    const progress = (line: string) => {
      // An interrupted run does not wait for sources, and says nothing after its end.
      if (supply.source === undefined || this.#signal.aborted) return;
      onEvent({ kind: 'source-progress', at: clock(), source, line });
    };
    this.#arrive(
      supply,
      supply.obtain(progress).then((obtained) => ({ kind: 'supply', supply, obtained })),
    );
  }

  /** Starts what may start. True: an action is ready, and only a token is missing. */
  async #startActions(ready: readonly Node[], demand: Demand): Promise<boolean> {
    const waiting = new Set(ready);
    if (waiting.size === 0) return false;
    const tokens = this.#tokens ?? (await this.#open());
    const { jobs, memoryMiB } = this.#options;
    while (tokens !== undefined && !this.#stopping()) {
      // Unpacking is work too: together it counts as one job, though it holds no token while it may wait for the network.
      const limit = Math.max(1, jobs - (sourcesIn(this.#obtaining).length > 0 ? 1 : 0));
      if (this.#running.size >= limit) return false;
      const items = [...waiting].map((node) => ({
        name: node.action.name,
        memory: node.action.memory,
        node,
      }));
      const running = [...this.#running].map(({ action }) => ({ name: action.name, memory: action.memory }));
      const next = nextAction(items, running, memoryMiB, this.#paths);
      if (next === undefined) return false;
      if (this.#running.size === 0) tokens.restore();
      if (!tokens.take()) return true;
      waiting.delete(next.node);
      this.#startAction(next.node, tokens, demand);
    }
    return false;
  }

  /** Before the first action: whether this executor works here, and the tokens. */
  async #open(): Promise<TokenPool | undefined> {
    const { executor, store, jobs, openTokens } = this.#options;
    const checked = await executor.check();
    if (!checked.ok) return this.#despair(checked.failure);
    const opened = await (openTokens?.() ?? openStoreJobserver(jobs, store));
    if (!opened.ok) return this.#despair(opened.failure);
    this.#tokens = opened.value;
    return opened.value;
  }

  /** No other action would fare better, with `keepGoing` or without. */
  #despair(failure: Failure): undefined {
    this.#hopeless = true;
    this.#fail(failure);
  }

  #startAction(node: Node, tokens: TokenPool, demand: Demand): void {
    const { onEvent, clock, store, executor, files, record } = this.#options;
    const { key, bound, why } = node;
    const action = node.action.name;
    if (key === undefined || bound === undefined || why === undefined) {
      throw new Error(`${action} starts without a key or a reason`);
    }
    node.state = 'running';
    this.#running.add(node);
    // The contents that it runs with: by the time it ends, others may be known.
    const contents = new Map(refsOf(node.action.recipe).map((ref) => [ref, demand.resolve(ref)]));
    const run = runAction({
      node,
      key,
      bound,
      resolve: (ref) => contents.get(ref) ?? demand.resolve(ref),
      store,
      presence: this.#presence,
      executor,
      files,
      jobserver: tokens.handle,
      recorder: record?.recorder,
      signal: this.#signal,
      onStart: (log) => onEvent({ kind: 'action-started', at: clock(), action, why, log }),
      onLine: (line) => onEvent({ kind: 'action-output', at: clock(), action, line }),
    });
    this.#arrive(
      node,
      run.then((end) => ({ kind: 'action', node, end })),
    );
  }

  #arrive(task: Node | Supply, arrival: Promise<Arrival>): void {
    void arrival
      .catch((error: unknown): Arrival => ({ kind: 'crash', task, error }))
      .then((arrived) => {
        this.#arrivals.push(arrived);
        this.#bell.ring();
      });
  }

  #finish(startedAt: number): BuildOutcome {
    const { onEvent, clock, signal } = this.#options;
    const nodes = [...this.#nodes.values()];
    const complete = nodes.every((node) => node.state === 'known');
    if (signal?.aborted === true && !complete) this.#fail(interruption(signal));
    if (!complete && this.#failures.length === 0) throw new Error('the build stands still; nothing failed');
    const outcome = outcomeOf(nodes, [...this.#supplies.values()], this.#ran, this.#failures);
    const at = clock();
    onEvent({
      kind: 'build-finished',
      at,
      ran: outcome.ran.length,
      cached: outcome.cached.length,
      failed: outcome.failures.length,
      wallSeconds: (at - startedAt) / 1000,
      cpuSeconds: cpuSecondsOf(nodes),
    });
    return outcome;
  }
}
