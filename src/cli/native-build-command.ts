import { spawn } from 'node:child_process';
import { lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { controlImage, controlImageAction, controlImageFile } from '../../stages/control-image.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { findProgram, machinePath } from '../core/host-programs.ts';
import { consoleTail } from '../guest/console.ts';
import { readControl, type ControlDirectory, type ControlRequest } from '../native-build/control-image.ts';
import { imageFiles } from '../image/emulator.ts';
import { assemblePlan } from '../plan/assemble.ts';
import { duration } from '../report/duration.ts';
import { buildCommand, type BuildRequest } from './build-command.ts';
import { findCrossCompiler } from '../native-build/find-cross-compiler.ts';
import { catchInterrupts, type Interrupt } from './interrupt.ts';
import { loadRepository, planInputs } from '../repository/load-inputs.ts';
import { openReporter } from './open-reporter.ts';
import { exclusively, prepareOutDirectory, temporaryPath } from '../release/out-directory.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { explain, outDirectory, type Session } from './session.ts';
import { table } from './summary.ts';
import type { BuildContext, OpenBuildContext } from '../build/build-context.ts';
import { makeTrees } from '../build/make-trees.ts';
import { openContext } from './building.ts';

export interface NativeBuildRequest {
  /** The image that the guest boots, with the native compiler. */
  readonly image: BuildRequest;
  /** Control directory or archive, as the user wrote it. */
  readonly control: string;
  /** `--upload`, likewise: where results go, beside what is there. */
  readonly upload?: string;
  /** Goes before what the control image says of itself. */
  readonly timeLimitMinutes?: number;
  /** Whether a cross compiler may help, if there is one. */
  readonly distcc: boolean;
}

/** `bootstrap native-build ARCH DIR`: has a guest of the arch run a control image's init, and brings its results back. */
export async function nativeBuildCommand(
  session: Session,
  request: NativeBuildRequest,
  open?: OpenBuildContext,
): Promise<ExitCode> {
  const ready = await prepare(session, request, open);
  if (!ready.ok) return explain(session, ready.failure);
  // Everything that is known to be wrong has been said: what follows may take an hour.
  // What the build says goes beside our own words, not among the results.
  const image = await buildCommand({ ...session, out: session.err }, request.image, () =>
    Promise.resolve(ok(ready.value.context)),
  );
  if (image !== 0) return image;
  const say = (text: string): void => session.err(`${text}\n`);
  const interrupt = catchInterrupts(say, () => undefined);
  try {
    const control = await packControl(session, request, ready.value, interrupt);
    return typeof control === 'number'
      ? control
      : await runGuest(session, request, ready.value, control, interrupt);
  } finally {
    interrupt.release();
  }
}

/** What has to be right before anything is built. */
interface Ready {
  readonly inputs: PlanInputs;
  readonly context: BuildContext;
  /** What the control image is called: in the plan, and below the output directory. */
  readonly name: string;
  readonly control: ControlDirectory;
  readonly controlRequest: ControlRequest;
  /** `out/<arch>`. */
  readonly directory: string;
}

async function prepare(
  session: Session,
  request: NativeBuildRequest,
  open?: OpenBuildContext,
): Promise<Result<Ready, Failure>> {
  const repository = await loadRepository(session.repository, session.archDirectories);
  if (!repository.ok) return repository;
  const inputs = await planInputs(repository.value, request.image.plan);
  if (!inputs.ok) return inputs;
  const { target, lock } = inputs.value;
  const { program, debianPackage } = target.emulator;
  const searched = (session.env['PATH'] ?? '').split(':').map((entry) => path.resolve(session.cwd, entry));
  if ((await findProgram(program, searched)) === undefined) {
    return failed({ reason: 'missing-program', program, purpose: `booting ${target.name}`, debianPackage });
  }
  const say = (text: string): void => session.err(`${text}\n`);
  const context = await openContext(session, {
    lock,
    sources: request.image.sources,
    jobs: request.image.jobs,
    open,
    say,
  });
  if (!context.ok) return context;
  const place = path.resolve(session.cwd, request.control);
  const known = [...new Set(lock.sources.map((source) => source.name))];
  const controlRequest = { place, name: request.control, known };
  const control = await readControl(context.value.store, controlRequest);
  if (!control.ok) return control;
  const directory = outDirectory(session, request.image.out, target.name);
  for (const needed of [directory, uploadOption(session, request)]) {
    const prepared = needed === undefined ? ok(undefined) : await prepareOutDirectory(needed);
    if (!prepared.ok) return prepared;
  }
  return ok({
    inputs: inputs.value,
    context: context.value,
    name: nameOf(place),
    control: control.value,
    controlRequest,
    directory,
  });
}

function uploadOption(session: Session, { upload }: NativeBuildRequest): string | undefined {
  return upload === undefined ? undefined : path.resolve(session.cwd, upload);
}

/** Of a directory or archive, as a name that files and actions can have. */
function nameOf(place: string): string {
  const base = path.basename(place).replace(/\.(?:tar(?:\.[a-z0-9]+)?|tgz|tbz2?|txz)$/, '');
  const name = base.replace(/[^A-Za-z0-9._+-]+/g, '-').replace(/^[^a-z0-9]+/, '');
  return name === '' ? 'control' : name;
}

/** Gives the squashfs file in the store; an exit code where that failed, which has been said then. */
async function packControl(
  session: Session,
  request: NativeBuildRequest,
  { inputs, context, name, control, controlRequest }: Ready,
  interrupt: Interrupt,
): Promise<string | ExitCode> {
  const parts = { name, directory: control.tree, sources: control.settings.sources };
  const plan = assemblePlan({
    ...controlImage(inputs, parts),
    lock: inputs.lock,
    files: inputs.files,
  });
  if (!plan.ok) return explain(session, plan.failure);
  const reporter = openReporter(session, undefined);
  if (!reporter.ok) return explain(session, reporter.failure);
  const directories = {
    // Only where the store lost it.
    obtain: async () => {
      const again = await readControl(context.store, controlRequest);
      if (!again.ok) return again;
      if (again.value.tree === control.tree) return ok(control.tree);
      return failed<Failure>({ reason: 'changed-since-plan', what: request.control });
    },
  };
  const made = await makeTrees(
    {
      plan: plan.value,
      context,
      directories,
      onEvent: (event) => reporter.value.report(event),
      signal: interrupt.signal,
    },
    { control: { action: controlImageAction(name), output: 'out' } },
  ).finally(() => reporter.value.close());
  return made.ok ? path.join(made.value.control.path, controlImageFile) : exitCodeOfAll(made.failure);
}

/** Where things of one run lie. */
interface Places {
  /** What the guest has on /upload. */
  readonly upload: string;
  /** Where that ends up; the same where the user named it. */
  readonly results: string;
  readonly console: string;
}

async function runGuest(
  session: Session,
  request: NativeBuildRequest,
  ready: Ready,
  controlFile: string,
  interrupt: Interrupt,
): Promise<ExitCode> {
  const { inputs, name, directory } = ready;
  const { target } = inputs;
  const places = await placesOf(session, request, ready);
  if (!places.ok) return explain(session, places.failure);
  const { upload, results, console } = places.value;
  const help = await crossCompiler(session, request, ready);
  const minutes = request.timeLimitMinutes ?? ready.control.settings.timeLimitMinutes;
  const script = path.join(directory, `system-image-${target.name}`, imageFiles.nativeBuild);
  session.err(`bootstrap: the guest works; its console is in ${console}\n`);
  const began = performance.now();
  const ended = await start(session, script, [controlFile, upload], interrupt, {
    ...session.env,
    ...help,
    GUEST_CONSOLE: console,
    ...(minutes === undefined ? {} : { GUEST_TIME_LIMIT: String(minutes * 60) }),
  });
  const took = duration((performance.now() - began) / 1000);
  const failure = interrupt.signal.aborted
    ? ({ reason: 'interrupted', signal: String(interrupt.signal.reason) } as const)
    : await failureOf(ended, name, places.value);
  const left = await readdir(upload).catch(() => []);
  if (failure?.reason === 'interrupted' || (failure !== undefined && left.length === 0)) {
    // What an earlier run brought stays.
    if (upload !== results) await rm(upload, { recursive: true, force: true });
    return explain(session, failure);
  }
  if (upload !== results) {
    const brought = await exclusively(path.dirname(results), () => swapIn(upload, results));
    if (!brought.ok) return explain(session, brought.failure);
  }
  const code = failure === undefined ? 0 : explain(session, failure);
  if (code === 0) session.out(`${name} on ${target.name}: done in ${took}\n`);
  session.out(await resultText(session, results));
  return code;
}

async function placesOf(
  session: Session,
  request: NativeBuildRequest,
  { directory, name }: Ready,
): Promise<Result<Places, Failure>> {
  const named = uploadOption(session, request);
  if (named !== undefined) return ok({ upload: named, results: named, console: `${named}.log` });
  const parent = path.join(directory, 'native-build');
  const prepared = await prepareOutDirectory(parent);
  if (!prepared.ok) return prepared;
  return ok({
    upload: temporaryPath(parent, name),
    results: path.join(parent, name),
    console: path.join(parent, `${name}.log`),
  });
}

/** Results of the last run make way when those of this one are whole. */
async function swapIn(upload: string, results: string): Promise<Result<void, Failure>> {
  const aside = `${upload}.old`;
  await rename(results, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(upload, results);
  await rm(aside, { recursive: true, force: true });
  return ok(undefined);
}

/** Variables that lead dev-environment.sh to a cross compiler for the work, or away from any. */
async function crossCompiler(
  session: Session,
  request: NativeBuildRequest,
  { inputs, directory }: Ready,
): Promise<Readonly<Record<string, string>>> {
  const { target, host } = inputs;
  const say = (text: string): void => session.err(`bootstrap: ${text}\n`);
  if (!request.distcc) return { CROSS_COMPILER: '' };
  // The user knows better.
  if (session.env['CROSS_COMPILER'] !== undefined) return {};
  const found = await findCrossCompiler({ directory, target, host, say });
  if (found !== undefined) return { CROSS_COMPILER: found };
  say(
    `the guest compiles alone: there is no cross compiler for ${target.name} that runs here in ${directory}`,
  );
  say(`(bootstrap ${target.name} makes one)`);
  return {};
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs native-build.sh, which ends the guest in any case. It ends with this process, also when that is killed. */
async function start(
  session: Session,
  script: string,
  argv: readonly string[],
  interrupt: Interrupt,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ended> {
  const setpriv = await findProgram('setpriv', machinePath);
  const words = setpriv === undefined ? [script] : [setpriv, '--pdeathsig', 'TERM', script];
  const [program = script, ...rest] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...rest, ...argv], {
      cwd: session.cwd,
      env: { ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const end = (): void => void child.kill('SIGTERM');
    if (interrupt.signal.aborted) end();
    interrupt.signal.addEventListener('abort', end, { once: true });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

/** Undefined when init ended well. */
async function failureOf(
  { code, stderr }: Ended,
  name: string,
  { upload, console }: Places,
): Promise<Failure | undefined> {
  if (code === 0) return undefined;
  const lastLines = await consoleTail(console, 30);
  const status = await readFile(path.join(upload, '.exit-status'), 'utf8').catch(() => undefined);
  const [said = ''] = stderr.split('\n', 1);
  const why = said.replace(/^native-build\.sh: /, '').replace(/; the end of its console,.*$/, '');
  if (status === undefined && code === 2) {
    return { reason: 'wrong-use', what: `${name}: ${why}`, hint: lastLines.at(-1) ?? '' };
  }
  const hint = `The whole console is in ${console}.`;
  return { reason: 'guest-failed', guest: name, what: `failed: ${why}`, lastLines, hint };
}

async function resultText(session: Session, results: string): Promise<string> {
  const files = await listFiles(results, '');
  const relative = path.relative(session.cwd, results);
  const shown = relative.startsWith('..') ? results : relative === '' ? '.' : relative;
  const rows = files.map(({ name, size }) => [name, `${String(size)} bytes`]);
  return rows.length === 0 ? `It left nothing in /upload.\n` : `Results in ${shown}:\n${table(rows)}`;
}

/** Plain files and what stands in for other kinds, without the notes of the emulator and of init. */
async function listFiles(
  directory: string,
  inside: string,
): Promise<readonly { name: string; size: number }[]> {
  const found: { name: string; size: number }[] = [];
  const entries = await readdir(path.join(directory, inside), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = path.join(inside, entry.name);
    if (entry.name === '.virtfs_metadata' || name === '.exit-status') continue;
    if (entry.isDirectory()) found.push(...(await listFiles(directory, name)));
    else found.push({ name, size: (await lstat(path.join(directory, name))).size });
  }
  return found;
}
