import { MissingInput, type PlanInputs } from '../../stages/inputs.ts';
import type { Failure } from '../core/failure.ts';
import { failed, type Result } from '../core/result.ts';
import type { Plan } from '../plan/action.ts';
import { assemblePlan } from '../plan/assemble.ts';

/** What a function of `stages/` declares. */
type Declared = Omit<Parameters<typeof assemblePlan>[0], 'lock' | 'files'>;

/**
 * The plan of actions that belong to no goal: questions, test programs, control images. Fails with `bad-input` where the
 * lock or the repository lacks what they name.
 */
export function planDeclared(inputs: PlanInputs, declare: () => Declared): Result<Plan, Failure> {
  try {
    return assemblePlan({ ...declare(), lock: inputs.lock, files: inputs.files });
  } catch (error) {
    if (!(error instanceof MissingInput)) throw error;
    return failed({ reason: 'bad-input', file: error.file, faults: [{ field: '', message: error.fault }] });
  }
}
