import { openExistingStore } from '../build/open-store.ts';
import { summarizeRecords } from '../build/recorded-commands.ts';
import { selectPlan, type PlanRequest } from '../repository/select-plan.ts';
import { earlierCompiler } from './earlier-compiler.ts';
import type { ExitCode } from './exit-code.ts';
import { summaryJson, summaryText } from './record-text.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/**
 * `bootstrap record ARCH`: which commands of their tools the actions of a plan ran, according to the records of their latest
 * runs. Touches neither network nor results.
 */
export async function recordCommand(
  session: Session,
  request: PlanRequest,
  options: { readonly store?: string; readonly json: boolean },
): Promise<ExitCode> {
  const selected = await selectPlan(session.repository, request, earlierCompiler(session, undefined));
  if (!selected.ok) return explain(session, selected.failure);
  const { plan, repository } = selected.value;
  const root = storeDirectory(session, options.store);
  const say = (text: string): void => session.err(`${text}\n`);
  const store = await openExistingStore(root, repository.lock.sourceDateEpoch, say);
  if (!store.ok) return explain(session, store.failure);
  if (store.value === undefined) return explain(session, { reason: 'not-recorded' });
  const summary = await summarizeRecords(plan, store.value);
  if (!summary.ok) return explain(session, summary.failure);
  session.out(options.json ? summaryJson(summary.value) : summaryText(summary.value));
  return 0;
}
