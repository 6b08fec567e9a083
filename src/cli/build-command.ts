import { makeProducts, prepareProducts } from '../release/make-products.ts';
import type { OpenBuildContext } from '../build/build-context.ts';
import { selectPlan, type PlanRequest } from '../repository/select-plan.ts';
import { whileBuilding } from './building.ts';
import { earlierCompiler } from './earlier-compiler.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import type { SourceRequest } from './options.ts';
import { collectOverLimit } from './over-limit.ts';
import { explain, outDirectory, shownPath, type Session } from './session.ts';
import { buildText, recordNote, StageSpans } from './summary.ts';

export interface BuildRequest {
  readonly plan: PlanRequest;
  readonly sources: SourceRequest;
  /** Tokens of the jobserver. */
  readonly jobs: number;
  /** Goes on after a failure with what does not depend on it. Undefined: no. */
  readonly keepGoing?: boolean;
  /** `--out`, as the user wrote it. */
  readonly out?: string;
  /** `--events`, likewise. */
  readonly events?: string;
  /** Records the commands that actions run; `again`: reruns actions whose results are known. Undefined: no recording. */
  readonly record?: { readonly again: boolean };
}

/** `bootstrap ARCH` and `bootstrap image ARCH`: builds, copies products out, and lists them. */
export async function buildCommand(
  session: Session,
  request: BuildRequest,
  open?: OpenBuildContext,
): Promise<ExitCode> {
  const { plan, sources, jobs, keepGoing = false, out, record, ...events } = request;
  const selected = await selectPlan(session.repository, plan, earlierCompiler(session, out));
  if (!selected.ok) return explain(session, selected.failure);
  const { inputs, repository } = selected.value;
  const directory = outDirectory(session, out, inputs.target.name, repository);
  const prepared = await prepareProducts(selected.value, directory);
  if (!prepared.ok) return explain(session, prepared.failure);
  const options = { lock: repository.lock, sources, jobs, open, ...events };
  return whileBuilding(session, options, async ({ context, onEvent, signal, closeReporter }) => {
    const spans = new StageSpans();
    const made = await makeProducts({
      selected: selected.value,
      plan,
      acceptVariants: sources.acceptVariants,
      directory,
      context,
      keepGoing,
      ...(record === undefined ? {} : { record }),
      onEvent: (event) => {
        spans.take(event);
        onEvent(event);
      },
      signal,
    });
    if (!made.ok) return exitCodeOfAll(made.failure);
    closeReporter();
    session.out(buildText(selected.value.plan, made.value, spans, shownPath(session, directory)));
    if (record !== undefined) session.out(await recordNote(context.store, made.value.outcome));
    await collectOverLimit(session, context.store);
    return 0;
  });
}
