import { chunkActionName } from '../../stages/chunk.ts';
import { archOf, chosenChunks } from '../system/plan-system.ts';
import type { ExitCode } from './exit-code.ts';
import { logCommand } from './log-command.ts';
import { openSystemWithPins, type SystemOptions } from './open-system.ts';
import { explain, type Session } from './session.ts';

/** `bootstrap system log`: the log of the latest build of a chunk. */
export async function systemLogCommand(
  session: Session,
  file: string,
  chunk: string,
  options: SystemOptions & { readonly store?: string },
): Promise<ExitCode> {
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { system } = opened.value;
  const chosen = chosenChunks(system, [chunk]);
  if (!chosen.ok) return explain(session, chosen.failure);
  for (const { id } of chosen.value ?? []) {
    const code = await logCommand(session, chunkActionName(archOf(system), id), options.store, false, true);
    if (code !== 0) return code;
  }
  return 0;
}
