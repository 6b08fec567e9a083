import { chunkActionName } from '../../stages/chunk.ts';
import { archOf, chosenChunks } from '../system/plan-system.ts';
import type { ExitCode } from './exit-code.ts';
import { printLatest } from './print-log.ts';
import { openSystemWithPins, type SystemOptions } from './open-system.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/** `bootstrap system log`: the log of the latest build of a chunk. */
export async function systemLogCommand(
  session: Session,
  file: string,
  chunk: string,
  options: SystemOptions & { readonly store?: string },
): Promise<ExitCode> {
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository, system } = opened.value;
  const chosen = chosenChunks(system, [chunk]);
  if (!chosen.ok) return explain(session, chosen.failure);
  let worst: ExitCode = 0;
  // A name may be that of several chunks, and one of them never built.
  for (const { id } of chosen.value ?? []) {
    const action = chunkActionName(archOf(system), id);
    const { store } = options;
    const code =
      (await printLatest(session, repository, action, { store })) ??
      explain(session, { reason: 'never-run', action, store: storeDirectory(session, store) });
    if (code !== 0) worst = code;
  }
  return worst;
}
