import type { Plan } from '../plan/action.ts';
import { BuildLoop } from './build-loop.ts';
import type { BuildOptions, BuildOutcome } from './build-types.ts';

export type {
  BuildOptions,
  BuildOutcome,
  FinishedAction,
  RecordOptions,
  SkippedAction,
} from './build-types.ts';

/**
 * Builds a plan: computes keys from the bottom up, takes results from the store, and runs the rest. The trees of the
 * products are in the store afterwards, but they are not read again: a caller that copies one verifies it first, and
 * builds again if it is damaged.
 */
export function build(plan: Plan, options: BuildOptions): Promise<BuildOutcome> {
  return new BuildLoop(plan, options).run();
}
