import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { PlannedSource } from '../plan/action.ts';
import { sourceId } from '../plan/graph.ts';
import type { BuildContext } from './build-context.ts';

export interface FetchRequest {
  readonly sources: readonly PlannedSource[];
  readonly context: Pick<BuildContext, 'store' | 'sources'>;
  /** Receives all events, including each failure. */
  readonly onEvent: (event: BuildEvent) => void;
  /** Ends the fetching; its reason is the name of the signal. */
  readonly signal: AbortSignal;
}

/** Failures that would affect every other source too. */
export const hopeless: ReadonlySet<Failure['reason']> = new Set(['interrupted', 'no-room', 'unwritable']);

/**
 * Brings sources into the store, one after the other. A failure of one does not stop the others. Returns how many were
 * not there yet, or all failures.
 */
export async function fetchSources({
  sources: wanted,
  context: { store, sources },
  onEvent,
  signal,
}: FetchRequest): Promise<Result<number, readonly Failure[]>> {
  const failures: Failure[] = [];
  let fetched = 0;
  onEvent({ kind: 'build-started', at: performance.now(), actions: 0, sources: wanted.length });
  for (const planned of wanted) {
    const known = await sources.recall(planned);
    if (known !== undefined && (await store.hasTree(known))) continue;
    const source = sourceId(planned);
    onEvent({ kind: 'source-started', at: performance.now(), source });
    const obtaining = sources.obtain(planned, (line) =>
      onEvent({ kind: 'source-progress', at: performance.now(), source, line }),
    );
    // A download cannot be cancelled, but leaves nothing incomplete: an interrupt does not wait for it.
    const obtained = await Promise.race([obtaining, whenAborted(signal)]);
    if (obtained.ok) {
      fetched += 1;
      onEvent({ kind: 'source-finished', at: performance.now(), source, digest: obtained.value });
      continue;
    }
    failures.push(obtained.failure);
    onEvent({ kind: 'failed', at: performance.now(), failure: obtained.failure });
    if (hopeless.has(obtained.failure.reason)) break;
  }
  return failures.length === 0 ? ok(fetched) : failed(failures);
}

/** Fails with `interrupted` once the signal is aborted. */
export async function whenAborted(signal: AbortSignal): Promise<Result<never, Failure>> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return failed({ reason: 'interrupted', signal: String(signal.reason) });
}
