import { spawn } from 'node:child_process';
import { lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { errorCode } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { findProgram, machinePath } from '../core/host-programs.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { consoleTail } from '../guest/console.ts';
import { imageFiles } from '../image/emulator.ts';
import { exclusively, prepareOutDirectory, temporaryPath } from '../release/out-directory.ts';
import { findCrossCompiler } from './find-cross-compiler.ts';
import type { PreparedBuild } from './prepare.ts';

export interface RunRequest {
  /** The control image, a squashfs file. */
  readonly controlFile: string;
  /** Takes precedence over the control image's own setting. */
  readonly timeLimitMinutes?: number;
  /** Whether to use a cross compiler if there is one. */
  readonly distcc: boolean;
  /** Environment and working directory of the image's script. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Called with what the user should know while the guest works. */
  readonly say: (text: string) => void;
}

/** Result of a guest that ran a control image. */
export interface NativeBuildEnd {
  /** Why the build failed. Undefined: it succeeded. */
  readonly failure?: Failure;
  /** Directory with the results, absolute. */
  readonly results: string;
  /** Regular files in it, and the files that represent other types, by relative path. Sizes are in bytes. */
  readonly files: readonly { readonly name: string; readonly size: number }[];
  readonly seconds: number;
}

/**
 * Boots the image and has the guest run the control image's init. Results appear under their name once the guest has
 * ended; a run that left none, or was interrupted, fails and leaves those of an earlier run alone.
 */
export async function runNativeBuild(
  build: PreparedBuild,
  request: RunRequest,
): Promise<Result<NativeBuildEnd, Failure>> {
  const { directory, inputs, name, content } = build;
  const places = await placesOf(build);
  if (!places.ok) return places;
  const { upload, results, console } = places.value;
  const help = await crossCompilerFor(build, request);
  const minutes = request.timeLimitMinutes ?? content.settings.timeLimitMinutes;
  const script = path.join(directory, `system-image-${inputs.target.name}`, imageFiles.nativeBuild);
  request.say(`the guest is working; its console output is in ${console}`);
  const began = performance.now();
  const ended = await runScript(script, [request.controlFile, upload], request, {
    ...request.environment,
    ...help,
    GUEST_CONSOLE: console,
    ...(minutes === undefined ? {} : { GUEST_TIME_LIMIT: String(minutes * 60) }),
  });
  const seconds = (performance.now() - began) / 1000;
  const { signal } = request;
  const failure = signal.aborted
    ? ({ reason: 'interrupted', signal: String(signal.reason) } as const)
    : await failureOf(ended, name, places.value);
  const left = await readdir(upload).catch(() => []);
  if (failure?.reason === 'interrupted' || (failure !== undefined && left.length === 0)) {
    if (upload !== results) await rm(upload, { recursive: true, force: true });
    return failed(failure);
  }
  if (upload !== results) {
    const brought = await exclusively(path.dirname(results), () => swapIn(upload, results));
    if (!brought.ok) return brought;
  }
  const files = await listFiles(results, '');
  return ok({ ...(failure === undefined ? {} : { failure }), results, files, seconds });
}

/** The paths of one run. */
interface Places {
  /** The directory that the guest has on /upload. */
  readonly upload: string;
  /** Where that is moved at the end; the same directory if the user named it. */
  readonly results: string;
  readonly console: string;
}

async function placesOf({ directory, name, upload }: PreparedBuild): Promise<Result<Places, Failure>> {
  if (upload !== undefined) return ok({ upload, results: upload, console: `${upload}.log` });
  const parent = path.join(directory, 'native-build');
  const prepared = await prepareOutDirectory(parent);
  if (!prepared.ok) return prepared;
  return ok({
    upload: temporaryPath(parent, name),
    results: path.join(parent, name),
    console: path.join(parent, `${name}.log`),
  });
}

/** Replaces the results of the last run once those of this one are complete. */
async function swapIn(upload: string, results: string): Promise<Result<void, Failure>> {
  const aside = `${upload}.old`;
  await rename(results, aside).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
  await rename(upload, results);
  await rm(aside, { recursive: true, force: true });
  return ok(undefined);
}

/** Variables that point dev-environment.sh to a cross compiler, or keep it from using any. */
async function crossCompilerFor(
  { inputs, directory }: PreparedBuild,
  { distcc, environment, say }: RunRequest,
): Promise<Readonly<Record<string, string>>> {
  const { target, host } = inputs;
  if (!distcc) return { CROSS_COMPILER: '' };
  // The user has chosen one.
  if (environment['CROSS_COMPILER'] !== undefined) return {};
  const found = await findCrossCompiler({ directory, target, host, say });
  if (found !== undefined) return { CROSS_COMPILER: found };
  say(
    `the guest compiles on its own: there is no cross compiler for ${target.name} that runs on this machine in ${directory}`,
  );
  say(`(bootstrap ${target.name} makes one)`);
  return {};
}

interface ScriptEnd {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs native-build.sh, which ends the guest in any case. It ends with this process, even if that is killed. */
async function runScript(
  script: string,
  argv: readonly string[],
  { cwd, signal }: RunRequest,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ScriptEnd> {
  const setpriv = await findProgram('setpriv', machinePath);
  const words = setpriv === undefined ? [script] : [setpriv, '--pdeathsig', 'TERM', script];
  const [program = script, ...rest] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...rest, ...argv], {
      cwd,
      env: { ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const end = (): void => void child.kill('SIGTERM');
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    child.on('error', reject);
    child.on('close', (code) => {
      signal.removeEventListener('abort', end);
      resolve({ code, stderr });
    });
  });
}

/** Undefined if init succeeded. */
async function failureOf(
  { code, stderr }: ScriptEnd,
  name: string,
  { upload, console }: Places,
): Promise<Failure | undefined> {
  if (code === 0) return undefined;
  const lastLines = await consoleTail(console, 30);
  const status = await readFile(path.join(upload, '.exit-status'), 'utf8').catch(() => undefined);
  const [said = ''] = stderr.split('\n', 1);
  const why = said.replace(/^native-build\.sh: /, '').replace(/; the end of its console,.*$/, '');
  if (status === undefined && code === 2) {
    // Otherwise the console output is that of an earlier run.
    const lastLine = said.includes('; the end of its console,') ? (lastLines.at(-1) ?? '') : '';
    return { reason: 'native-build-refused', control: name, why, lastLine };
  }
  const hint = `The whole console output is in ${console}.`;
  return { reason: 'guest-failed', guest: name, what: `failed: ${why}`, lastLines, hint };
}

/** Without the metadata files of the emulator and of init. */
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
