import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failed, ok, type Result } from '../core/result.ts';
import { errorCode } from '../core/fault.ts';
import { parseListFile, parseSourcesFile, pickArchive, type AptArchive } from './apt-mirror.ts';
import { withProcessLock } from '../core/process-lock.ts';
import { fetchingEnvironment, programRunner, type ProgramResult, type RunProgram } from './run-program.ts';
import { Slots } from './slots.ts';

export interface AptOptions {
  /** Directory for the private state: index files, and a list with the archive of each suite. */
  readonly directory: string;
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
  readonly #machineRoot: string;
  readonly #run: RunProgram;
  readonly #turn = new Slots(1);
  /** Path of the list of archives by suite. */
  readonly #ready = new Map<string, Promise<Result<string, string>>>();
  readonly #updated = new Map<string, Promise<Result<void, string>>>();

  constructor(options: AptOptions) {
    this.#directory = options.directory;
    this.#machineRoot = options.machineRoot ?? '/';
    this.#run = options.run ?? programRunner('20m');
  }

  /** Records of a source package in the index of a suite; empty if it does not contain the package. Failures say why, in words. */
  async showSource(suite: string, name: string): Promise<Result<string, string>> {
    const list = await this.#prepare(suite);
    if (!list.ok) return list;
    const result = await this.#apt(list.value, 'apt-cache', ['showsrc', name], this.#directory);
    if (result.exitCode === null) return failed(missing);
    // Its exit code is 100 for a package it does not know.
    return ok(result.exitCode === 0 ? result.stdout : '');
  }

  /** Fetches the index of a suite again, once per object. */
  update(suite: string): Promise<Result<void, string>> {
    const updated = this.#updated.get(suite) ?? this.#update(suite);
    this.#updated.set(suite, updated);
    return updated;
  }

  /** Downloads the original tar files of exactly this version, which the index of the suite names, into `directory`. */
  async downloadTars(
    suite: string,
    name: string,
    version: string,
    directory: string,
  ): Promise<Result<void, string>> {
    const list = await this.#prepare(suite);
    if (!list.ok) return list;
    const argv = ['source', '--download-only', '--tar-only', `${name}=${version}`];
    return this.#answer(await this.#apt(list.value, 'apt-get', argv, directory));
  }

  async #update(suite: string): Promise<Result<void, string>> {
    const list = await this.#prepare(suite);
    if (!list.ok) return list;
    return this.#answer(await this.#apt(list.value, 'apt-get', ['update'], this.#directory));
  }

  #answer(result: ProgramResult): Result<void, string> {
    if (result.exitCode === 0) return ok(undefined);
    if (result.exitCode === null) return failed(missing);
    const lines = result.stderr
      .split('\n')
      .filter((line) => line.startsWith('E:') || line.startsWith('Err:'));
    return failed(`apt-get: ${lines[0]?.replace(/^\w+:\s*/, '') ?? `exit code ${String(result.exitCode)}`}`);
  }

  #apt(list: string, program: string, argv: readonly string[], cwd: string): Promise<ProgramResult> {
    const options = [
      `Dir::Etc::SourceList=${list}`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::Lists=${join(this.#directory, 'lists')}`,
      `Dir::Cache=${join(this.#directory, 'cache')}`,
      // The indexes of other suites stay.
      'APT::Get::List-Cleanup=false',
      // Archives are verified by their pinned hashes, so an outdated index does no harm, and some mirrors lag behind.
      'Acquire::Check-Valid-Until=false',
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
        this.#run([program, '-q', ...options, ...argv], cwd, fetchingEnvironment()),
      ),
    );
  }

  #prepare(suite: string): Promise<Result<string, string>> {
    const ready = this.#ready.get(suite) ?? this.#makeState(suite);
    this.#ready.set(suite, ready);
    return ready;
  }

  async #makeState(suite: string): Promise<Result<string, string>> {
    const archive = pickArchive(await this.#archives(), suite);
    if (archive === undefined) {
      return failed(`the apt configuration of this machine names no Debian archive with ${suite}`);
    }
    const keyring = await this.#keyring(archive);
    const option = keyring === undefined ? '' : ` [signed-by=${keyring}]`;
    const list = `deb-src${option} ${archive.uri} ${suite} main\n`;
    await mkdir(join(this.#directory, 'lists', 'partial'), { recursive: true });
    await mkdir(join(this.#directory, 'cache', 'archives', 'partial'), { recursive: true });
    const file = join(this.#directory, `${suite}.list`);
    if ((await readText(file)) !== list) await writeFile(file, list);
    return ok(file);
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
  async #keyring(archive: Pick<AptArchive, 'signedBy'>): Promise<string | undefined> {
    for (const name of ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp']) {
      const file = join('/usr/share/keyrings', name);
      try {
        await access(join(this.#machineRoot, file));
        return file;
      } catch (error) {
        if (errorCode(error) === undefined) throw error;
      }
    }
    return archive.signedBy;
  }
}

const missing = 'this machine has no apt-get';

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
