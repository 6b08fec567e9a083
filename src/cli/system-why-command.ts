import { artefactActionName, chunkActionName } from '../../stages/chunk.ts';
import { explainActions } from '../build/explain-action.ts';
import { planSystem } from '../system/plan-system.ts';
import { openContext } from './building.ts';
import type { ExitCode } from './exit-code.ts';
import { openSystemWithPins } from './open-system.ts';
import { sourceRequest } from './options.ts';
import { systemWanted, type SystemBuildOptions } from './system-build-options.ts';
import { explain, type Session } from './session.ts';
import { explanationText } from './why-text.ts';

/** Options of `bootstrap system why`. */
export type SystemWhyOptions = Pick<
  SystemBuildOptions,
  | ('pins' | 'alias' | 'replace')
  | ('host' | 'targetCompiler' | 'builder' | 'check')
  | ('store' | 'acceptVariant')
>;

/** `bootstrap system why`: how a chunk stands before a build, and why. Runs and fetches nothing. */
export async function systemWhyCommand(
  session: Session,
  file: string,
  chunk: string,
  options: SystemWhyOptions,
): Promise<ExitCode> {
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository } = opened.value;
  const planned = await planSystem(repository, systemWanted(opened.value, { ...options, only: [chunk] }));
  if (!planned.ok) return explain(session, planned.failure);
  const { plan, inputs, chunks = [] } = planned.value;
  const sources = sourceRequest({ ...options, offline: true });
  const say = (text: string): void => session.err(`${text}\n`);
  const context = await openContext(session, { lock: repository.lock, sources, say });
  if (!context.ok) return explain(session, context.failure);
  const actions = chunks.flatMap(({ id }) => [
    chunkActionName(inputs.target.name, id),
    artefactActionName(inputs.target.name, id),
  ]);
  try {
    const explained = await explainActions(plan, context.value, actions);
    if (!explained.ok) return explain(session, explained.failure);
    session.out(explained.value.map(explanationText).join(''));
    return 0;
  } finally {
    for (const executor of context.value.executors) await executor.close();
  }
}
