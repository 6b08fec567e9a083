import { selectPlan, type PlanRequest } from '../repository/select-plan.ts';
import { earlierCompiler } from './earlier-compiler.ts';
import type { ExitCode } from './exit-code.ts';
import { planDot, planJson, planText } from './plan-text.ts';
import { explain, type Session } from './session.ts';

export type PlanForm = 'text' | 'json' | 'dot';

/** `bootstrap plan`: prints what would be done, and does nothing. */
export async function planCommand(session: Session, request: PlanRequest, form: PlanForm): Promise<ExitCode> {
  const selected = await selectPlan(session.repository, request, earlierCompiler(session, undefined));
  if (!selected.ok) return explain(session, selected.failure);
  const { plan } = selected.value;
  const print = { text: planText, json: planJson, dot: planDot }[form];
  session.out(print(plan));
  return 0;
}
