import type { Failure } from '../../src/core/failure.ts';
import type { Result } from '../../src/core/result.ts';
import type { ExecuteRequest, Execution, Executor } from '../../src/executor/executor.ts';
import { openLogDirectory } from '../../src/executor/log-sink.ts';
import type { BoundRecipe } from '../../src/plan/bound.ts';

/** What may be said about a run beside its recipe. */
export type RunExtras = Partial<Pick<ExecuteRequest, 'signal' | 'recorder' | 'keep'>> & {
  readonly onLine?: (line: string) => void;
};

/** Asks an executor whether it works, waits for its room, runs a recipe there, and gives the room back. */
export async function runRecipe(
  executor: Executor,
  logDirectory: string,
  recipe: BoundRecipe,
  { onLine = () => undefined, ...extras }: RunExtras = {},
): Promise<Result<Execution, Failure>> {
  const name = 'test/action';
  const checked = await executor.check();
  if (!checked.ok) return checked;
  const request = { name, platform: recipe.platform, memory: 64 };
  let reservation = executor.tryReserve(request);
  while (reservation === undefined) {
    const room = new Promise<() => void>((resolve) => {
      const end = executor.onRoom(() => {
        resolve(end);
      });
    });
    reservation = executor.tryReserve(request);
    if (reservation === undefined) (await room)();
  }
  try {
    const log = openLogDirectory(logDirectory, onLine);
    return await executor.execute({ name, recipe, reservation, log, ...extras });
  } finally {
    reservation.release();
  }
}
