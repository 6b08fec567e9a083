import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { ActionName } from '../plan/names.ts';
import type { ActionResult } from '../store/store.ts';
import type { BuildOptions, BuildOutcome } from './build-types.ts';
import type { ExternalInput } from './external-inputs.ts';
import type { Node } from './nodes.ts';
import { cpuSecondsOf, outcomeOf, waitingEvent } from './outcome.ts';

/** An event without its time. */
type Untimed<Event> = Event extends { readonly at: number } ? Omit<Event, 'at'> : never;

/** The progress of a run, reported as events. */
export class Progress {
  readonly #options: Pick<BuildOptions, 'onEvent' | 'clock' | 'keepGoing'>;
  readonly #startedAt: number;
  readonly #ran: ActionName[] = [];
  readonly #announced = new Set<Node>();
  readonly #failures: Failure[] = [];
  #waiting = false;

  constructor(
    options: Pick<BuildOptions, 'onEvent' | 'clock' | 'keepGoing'>,
    plan: { readonly actions: readonly unknown[]; readonly sources: readonly unknown[] },
  ) {
    this.#options = options;
    this.#startedAt = options.clock();
    const [actions, sources] = [plan.actions.length, plan.sources.length];
    options.onEvent({ kind: 'build-started', at: this.#startedAt, actions, sources });
  }

  get failed(): boolean {
    return this.#failures.length > 0;
  }

  tell(event: Untimed<BuildEvent>): void {
    this.#options.onEvent({ ...event, at: this.#options.clock() } as BuildEvent);
  }

  /** The result of a node was in the store. Reported once, and not for actions that ran in this run. */
  found(node: Node): void {
    if (node.ran || this.#announced.has(node)) return;
    this.#announced.add(node);
    this.tell({ kind: 'action-cached', action: node.action.name });
  }

  finished({ action: { name } }: Node, { wallSeconds, cpuSeconds }: ActionResult, unchanged: boolean): void {
    if (!this.#ran.includes(name)) this.#ran.push(name);
    const times = { wallSeconds, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
    this.tell({ kind: 'action-finished', action: name, ...times, unchanged });
  }

  fail(failure: Failure): void {
    // A full disk or an unreachable server makes several concurrent actions fail; it is reported once.
    if (this.#failures.includes(failure)) return;
    if (failure.reason === 'no-room' && this.#failures.some(({ reason }) => reason === 'no-room')) return;
    this.#failures.push(failure);
    this.tell({ kind: 'failed', failure });
  }

  /** Names what is still running while nothing more is started. Reported once. */
  waiting(running: Iterable<Node>, obtaining: Iterable<ExternalInput>): void {
    if (this.#waiting) return;
    const event = waitingEvent(running, obtaining);
    if (event === undefined) return;
    this.#waiting = true;
    this.tell(event);
  }

  /** Reports the end. `nodes` are in order of the plan. */
  end(nodes: readonly Node[], inputs: ReadonlyMap<string, ExternalInput>): BuildOutcome {
    const outcome = outcomeOf(nodes, inputs, this.#ran, this.#failures);
    // Without keepGoing, it goes without saying that nothing ran after a failure.
    for (const { action, because } of this.#options.keepGoing === true ? outcome.skipped : [])
      this.tell({ kind: 'action-skipped', action, because });
    const at = this.#options.clock();
    const cpuSeconds = cpuSecondsOf(nodes);
    this.#options.onEvent({
      kind: 'build-finished',
      at,
      ran: outcome.ran.length,
      cached: outcome.cached.length,
      failed: outcome.failures.filter(({ reason }) => reason !== 'interrupted').length,
      skipped: outcome.skipped.length,
      wallSeconds: (at - this.#startedAt) / 1000,
      ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    });
    return outcome;
  }
}
