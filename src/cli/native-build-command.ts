import path from 'node:path';
import type { OpenBuildContext } from '../build/build-context.ts';
import { ok } from '../core/result.ts';
import { packControl } from '../native-build/pack-control.ts';
import { findEmulator, prepareNativeBuild } from '../native-build/prepare.ts';
import { runNativeBuild } from '../native-build/run.ts';
import { duration } from '../report/duration.ts';
import { loadRepository } from '../repository/load-inputs.ts';
import { imageInputs } from '../repository/select-plan.ts';
import { buildCommand, type BuildRequest } from './build-command.ts';
import { openContext, whileBuilding } from './building.ts';
import { earlierCompiler } from './earlier-compiler.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { explain, outDirectory, shownPath, type Session } from './session.ts';
import { resultsText } from './summary.ts';

export interface NativeBuildRequest {
  /** The image that the guest boots, with the native compiler. */
  readonly image: BuildRequest;
  /** Control directory or archive, as the user wrote it. */
  readonly control: string;
  /** `--upload`, likewise: where to put the results, in addition to the existing contents. */
  readonly upload?: string;
  /** Takes precedence over the setting in the control image. */
  readonly timeLimitMinutes?: number;
  /** Whether to use a cross compiler if there is one. */
  readonly distcc: boolean;
}

/** `bootstrap native-build ARCH DIR`: runs a control image's init in a guest of the arch, and fetches its results. */
export async function nativeBuildCommand(
  session: Session,
  request: NativeBuildRequest,
  open?: OpenBuildContext,
): Promise<ExitCode> {
  const { image, control, upload, ...options } = request;
  const { plan, sources, jobs, out } = image;
  const { env: environment, cwd } = session;
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return explain(session, repository.failure);
  const inputs = await imageInputs(repository.value, plan, earlierCompiler(session, out));
  if (!inputs.ok) return explain(session, inputs.failure);
  const { target } = inputs.value;
  const { lock } = repository.value;
  const emulator = await findEmulator(target, environment['PATH'] ?? '', cwd);
  if (!emulator.ok) return explain(session, emulator.failure);
  const note = (text: string): void => session.err(`${text}\n`);
  const context = await openContext(session, { lock, sources, jobs, open, say: note });
  if (!context.ok) return explain(session, context.failure);
  const build = {
    inputs: inputs.value,
    control: { path: path.resolve(cwd, control), name: control },
    directory: outDirectory(session, out, target.name, repository.value),
    ...(upload === undefined ? {} : { upload: path.resolve(cwd, upload) }),
  };
  const prepared = await prepareNativeBuild(build, context.value);
  if (!prepared.ok) return explain(session, prepared.failure);
  // All known faults have been reported by now: what follows may take an hour.
  const reopen: OpenBuildContext = () => Promise.resolve(ok(context.value));
  // The build's messages go to stderr like our own, not among the results.
  const built = await buildCommand({ ...session, out: session.err }, image, reopen);
  if (built !== 0) return built;
  return whileBuilding(session, { lock, sources, open: reopen }, async ({ closeReporter, ...progress }) => {
    const packed = await packControl(prepared.value, progress);
    closeReporter();
    if (!packed.ok) return exitCodeOfAll(packed.failure);
    const say = (text: string): void => note(`bootstrap: ${text}`);
    const run = { ...options, ...progress, controlFile: packed.value, environment, cwd, say };
    const ended = await runNativeBuild(prepared.value, run);
    if (!ended.ok) return explain(session, ended.failure);
    const { failure, seconds } = ended.value;
    const code = failure === undefined ? 0 : explain(session, failure);
    if (code === 0) session.out(`${prepared.value.name} on ${target.name}: done in ${duration(seconds)}\n`);
    session.out(resultsText(ended.value, shownPath(session, ended.value.results)));
    return code;
  });
}
