import { errorCode } from '../core/fault.ts';

/**
 * Keeps what an action that failed has written, by `keep`. That is a convenience: where the system refuses it, the action has failed
 * all the same, and what it wrote is removed with everything else.
 */
export async function keepIfPossible(keep: () => Promise<void>): Promise<void> {
  try {
    await keep();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
}
