import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { failed, ok, type Result } from '../core/result.ts';
import { errorCode } from '../core/fault.ts';
import { parseListFile, parseSourcesFile, pickMirror, type AptArchive } from './apt-mirror.ts';
import { withProcessLock } from '../core/process-lock.ts';
import { Slots } from './slots.ts';

/** Output of a program. */
export interface ProgramResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the machine with exactly this environment; the exit code is null if it cannot be started. */
export type RunProgram = (
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
) => Promise<ProgramResult>;

export interface AptOptions {
  /** Directory for the private state: index files and list of archives. */
  readonly directory: string;
  /** Suites whose source indexes are wanted. */
  readonly suites: readonly string[];
  /** Root of the machine's configuration; `/` except in tests. */
  readonly machineRoot?: string;
  readonly run?: RunProgram;
}

/**
 * The machine's own apt with private state, so that nothing on the machine changes and no privileges are needed. Only
 * one apt program runs at a time: because of apt's locks a second one would fail.
 */
export class Apt {
  readonly #directory: string;
  readonly #suites: readonly string[];
  readonly #machineRoot: string;
  readonly #run: RunProgram;
  readonly #turn = new Slots(1);
  #ready: Promise<Result<void, string>> | undefined;
  #updated: Promise<Result<void, string>> | undefined;

  constructor(options: AptOptions) {
    this.#directory = options.directory;
    this.#suites = options.suites;
    this.#machineRoot = options.machineRoot ?? '/';
    this.#run = options.run ?? runProgram;
  }

  /** Index records of a source package; empty if the indexes do not contain it. Failures say why, in words. */
  async showSource(name: string): Promise<Result<string, string>> {
    const ready = await this.#prepare();
    if (!ready.ok) return ready;
    const result = await this.#apt('apt-cache', ['showsrc', name], this.#directory);
    if (result.exitCode === null) return failed(missing);
    // Its exit code is 100 for a package it does not know.
    return ok(result.exitCode === 0 ? result.stdout : '');
  }

  /** Fetches the indexes again, once per object. */
  update(): Promise<Result<void, string>> {
    this.#updated ??= this.#update();
    return this.#updated;
  }

  /** Downloads the original tar files of exactly this version into `directory`. */
  async downloadTars(name: string, version: string, directory: string): Promise<Result<void, string>> {
    const argv = ['source', '--download-only', '--tar-only', `${name}=${version}`];
    return this.#answer(await this.#apt('apt-get', argv, directory));
  }

  async #update(): Promise<Result<void, string>> {
    const ready = await this.#prepare();
    if (!ready.ok) return ready;
    return this.#answer(await this.#apt('apt-get', ['update'], this.#directory));
  }

  #answer(result: ProgramResult): Result<void, string> {
    if (result.exitCode === 0) return ok(undefined);
    if (result.exitCode === null) return failed(missing);
    const lines = result.stderr
      .split('\n')
      .filter((line) => line.startsWith('E:') || line.startsWith('Err:'));
    return failed(`apt-get: ${lines[0]?.replace(/^\w+:\s*/, '') ?? `exit code ${String(result.exitCode)}`}`);
  }

  #apt(program: string, argv: readonly string[], cwd: string): Promise<ProgramResult> {
    const options = [
      `Dir::Etc::SourceList=${join(this.#directory, 'sources.list')}`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::Lists=${join(this.#directory, 'lists')}`,
      `Dir::Cache=${join(this.#directory, 'cache')}`,
      'Acquire::Languages=none',
      'Acquire::Retries=3',
      'Acquire::http::Timeout=30',
      'Acquire::https::Timeout=30',
      // When run as root, apt would switch to a user who may not write to our directories.
      ...(process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : []),
    ].flatMap((option) => ['-o', option]);
    // Other processes may share the directory, and apt fails instead of waiting for a lock.
    return this.#turn.run(() =>
      withProcessLock(join(this.#directory, 'lock'), () =>
        this.#run([program, '-q', ...options, ...argv], cwd, environment()),
      ),
    );
  }

  #prepare(): Promise<Result<void, string>> {
    this.#ready ??= this.#makeState();
    return this.#ready;
  }

  async #makeState(): Promise<Result<void, string>> {
    const mirror = pickMirror(await this.#archives());
    if (mirror === undefined) return failed('the apt configuration of this machine names no Debian archive');
    const keyring = await this.#keyring(mirror);
    const option = keyring === undefined ? '' : ` [signed-by=${keyring}]`;
    const list = this.#suites.map((suite) => `deb-src${option} ${mirror.uri} ${suite} main\n`).join('');
    await mkdir(join(this.#directory, 'lists', 'partial'), { recursive: true });
    await mkdir(join(this.#directory, 'cache', 'archives', 'partial'), { recursive: true });
    const file = join(this.#directory, 'sources.list');
    if ((await readText(file)) !== list) await writeFile(file, list);
    return ok(undefined);
  }

  async #archives(): Promise<readonly AptArchive[]> {
    const etc = join(this.#machineRoot, 'etc/apt');
    const parts = join(etc, 'sources.list.d');
    const names = (await listDirectory(parts)).sort();
    const read = async (file: string, parse: (text: string) => readonly AptArchive[]) =>
      parse((await readText(file)) ?? '');
    const lists = await Promise.all([
      read(join(etc, 'sources.list'), parseListFile),
      ...names.map((name) => {
        if (name.endsWith('.list')) return read(join(parts, name), parseListFile);
        return name.endsWith('.sources') ? read(join(parts, name), parseSourcesFile) : [];
      }),
    ]);
    return lists.flat();
  }

  /**
   * Debian's keyring, which knows newer suites than the machine's own, or else the one that the configuration names.
   */
  async #keyring(mirror: AptArchive): Promise<string | undefined> {
    for (const name of ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp']) {
      const file = join('/usr/share/keyrings', name);
      try {
        await access(join(this.#machineRoot, file));
        return file;
      } catch (error) {
        if (errorCode(error) === undefined) throw error;
      }
    }
    return mirror.signedBy;
  }
}

const missing = 'this machine has no apt-get';

/** Only the proxy variables, which apt itself reads from the environment. */
function environment(): Readonly<Record<string, string>> {
  const passed = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C',
    ...Object.fromEntries(passed),
  };
}

async function runProgram(
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<ProgramResult> {
  const shell = $({ cwd, env: { ...env }, quiet: true, nothrow: true, timeout: '20m', stdio: 'pipe' });
  // With `exec`, our process is the parent whose death, however it happens, ends apt-get.
  const output = await shell`exec $(command -v setpriv >/dev/null && echo setpriv --pdeathsig KILL) ${argv}`;
  // 127 is the shell's exit code for a missing program; null: killed by a signal after the timeout.
  return {
    exitCode: output.exitCode === 127 ? null : (output.exitCode ?? 124),
    stdout: output.stdout,
    stderr: output.stderr,
  };
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

async function listDirectory(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(errorCode(error) ?? '')) return [];
    throw error;
  }
}
