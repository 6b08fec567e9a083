import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { ActionName } from '../plan/names.ts';
import { sourcesIn, wantedByUrgency, type ExternalInput } from './external-inputs.ts';
import { expireDependants } from './nodes.ts';
import type { Progress } from './progress.ts';

/** Number of sources that are fetched and unpacked concurrently. */
const sourcesAtOnce = 2;

/** The external inputs of a run, and which of them are being obtained. */
export class Obtaining {
  /** By id. */
  inputs: ReadonlyMap<string, ExternalInput> = new Map();
  readonly running = new Set<ExternalInput>();
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  readonly #follow: (input: ExternalInput, obtained: Promise<Result<Digest, Failure>>) => void;

  /** @param follow passes what was obtained back to the loop, which calls `end` */
  constructor(
    progress: Progress,
    signal: AbortSignal,
    follow: (input: ExternalInput, obtained: Promise<Result<Digest, Failure>>) => void,
  ) {
    this.#progress = progress;
    this.#signal = signal;
    this.#follow = follow;
  }

  /** The machine's own trees are few, and their number is not limited. */
  startWanted(paths: ReadonlyMap<ActionName, number>): void {
    for (const input of wantedByUrgency(this.inputs.values(), paths)) {
      if (input.source !== undefined && sourcesIn(this.running).length >= sourcesAtOnce) continue;
      this.#start(input);
    }
  }

  #start(input: ExternalInput): void {
    const source = input.id;
    input.state = 'running';
    this.running.add(input);
    if (input.source !== undefined) this.#progress.tell({ kind: 'source-started', source });
    const progress = (line: string) => {
      // An interrupted run does not wait for sources, and reports nothing after its end.
      if (input.source === undefined || this.#signal.aborted) return;
      this.#progress.tell({ kind: 'source-progress', source, line });
    };
    this.#follow(input, input.obtain(progress));
  }

  end(input: ExternalInput, obtained: Result<Digest, Failure>): void {
    this.running.delete(input);
    if (!obtained.ok) {
      input.state = 'failed';
      this.#progress.fail(obtained.failure);
      return;
    }
    input.state = 'idle';
    if (input.digest !== obtained.value) expireDependants(input);
    input.digest = obtained.value;
    if (input.source === undefined) return;
    this.#progress.tell({ kind: 'source-finished', source: input.id, digest: obtained.value });
  }
}
