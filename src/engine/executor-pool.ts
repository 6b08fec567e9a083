import type { Failure } from '../core/failure.ts';
import type { Executor, Reservation, RoomRequest } from '../executor/executor.ts';
import type { Action, Platform } from '../plan/action.ts';

/**
 * State of an executor in a run.
 *
 * - `untried`: it has not been checked yet
 * - `checking`: its check is in progress
 * - `working`
 * - `doubtful`: it worked, and then broke while it ran an action
 * - `refused`: its check failed; it is not asked again
 */
type Member = { readonly executor: Executor } & (
  | { readonly state: 'untried' | 'checking' | 'working' | 'doubtful' }
  | { readonly state: 'refused'; readonly failure: Failure }
);

/** The executors' answer for an action. */
export type Offer =
  | { readonly kind: 'room'; readonly executor: Executor; readonly reservation: Reservation }
  /** None has room now, or it is not known yet whether one works. A wake-up follows. */
  | { readonly kind: 'none-now' }
  /**
   * None will ever run it. `failure`: the reason of the last one that could have. Undefined: there is no such executor.
   */
  | { readonly kind: 'never'; readonly failure: Failure | undefined };

/**
 * The executors of a run, in order of preference. A full one is passed over. One that broke while it ran an action is
 * used again only if no other one for that platform is left, and only if its check succeeds.
 */
export class ExecutorPool {
  readonly #members: Member[];
  readonly #ends: (() => void)[];
  readonly #onChange: () => void;
  readonly #onCrash: (error: unknown) => void;

  /** @param onChange called when an executor may have become able or unable to run something */
  constructor(executors: readonly Executor[], onChange: () => void, onCrash: (error: unknown) => void) {
    this.#members = executors.map((executor) => ({ executor, state: 'untried' }));
    this.#ends = executors.map((executor) => executor.onRoom(onChange));
    this.#onChange = onChange;
    this.#onCrash = onCrash;
  }

  /** Whether any executor supports this platform, working or not. */
  supports(platform: Platform): boolean {
    return this.#members.some(({ executor }) => executor.supports(platform));
  }

  get names(): readonly string[] {
    return this.#members.map(({ executor }) => executor.name);
  }

  /** Whether the check of any executor is in progress. */
  get checking(): boolean {
    return this.#members.some(({ state }) => state === 'checking');
  }

  /** Room for an action on the first executor that has some. `avoided`: those that broke while they ran it. */
  reserve(action: Action, avoided: ReadonlySet<Executor>): Offer {
    const { platform } = action.recipe;
    const fit = this.#members.filter(({ executor }) => executor.supports(platform) && !avoided.has(executor));
    const able = fit.filter(({ state }) => state !== 'refused');
    if (able.length === 0) {
      const refused = fit.flatMap((member) => (member.state === 'refused' ? [member.failure] : []));
      return { kind: 'never', failure: refused.at(-1) };
    }
    const sound = able.filter(({ state }) => state !== 'doubtful');
    const { name, memory, processors } = action;
    const request: RoomRequest = {
      ...{ name, platform, memory },
      ...(processors === undefined ? {} : { processors }),
    };
    for (const member of sound.length > 0 ? sound : able) {
      if (member.state === 'untried' || member.state === 'doubtful') this.#check(member);
      if (member.state !== 'working') continue;
      const reservation = member.executor.tryReserve(request);
      if (reservation !== undefined) return { kind: 'room', executor: member.executor, reservation };
    }
    return { kind: 'none-now' };
  }

  /**
   * To be called when an executor broke while it ran an action. Returns whether another could run that action;
   * `avoided` are those that broke while they ran it.
   */
  broke(executor: Executor, platform: Platform, avoided: ReadonlySet<Executor>): boolean {
    this.#change(executor, { executor, state: 'doubtful' });
    return this.#members.some(
      (member) =>
        member.state !== 'refused' && !avoided.has(member.executor) && member.executor.supports(platform),
    );
  }

  /** Stops calling `onChange`. */
  close(): void {
    for (const end of this.#ends) end();
  }

  #check({ executor }: Member): void {
    this.#change(executor, { executor, state: 'checking' });
    void executor
      .check()
      .then((checked) => {
        this.#change(
          executor,
          checked.ok
            ? { executor, state: 'working' }
            : { executor, state: 'refused', failure: checked.failure },
        );
      })
      .catch((error: unknown) => {
        this.#change(executor, { executor, state: 'untried' });
        this.#onCrash(error);
      })
      .finally(this.#onChange);
  }

  #change(executor: Executor, changed: Member): void {
    const at = this.#members.findIndex((member) => member.executor === executor);
    const current = this.#members[at];
    // A refused executor stays refused, even if an action that was still running there breaks afterwards.
    if (current === undefined || current.state === 'refused') return;
    this.#members[at] = changed;
  }
}
