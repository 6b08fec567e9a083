import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { withProcessLock } from '../core/process-lock.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { nameParts } from './entry-name.ts';
import { allowedTransports, checkGitUrl, shownUrl, submoduleUrl, withoutPassword } from './git-url.ts';
import { fetchingEnvironment, programRunner, type ProgramResult, type RunProgram } from './run-program.ts';
import { unpackInThread } from './unpack-thread.ts';

/** A commit of a repository. */
export interface GitRequest {
  /** For messages. */
  readonly name: string;
  readonly url: string;
  /** Commit, tag or branch. */
  readonly ref: string;
  /** URLs of submodules by their paths, which replace those of `.gitmodules`. */
  readonly submodules: Readonly<Record<string, string>>;
}

/** The files of a commit with those of its submodules, in a directory of the caller's. */
export interface CheckedOut {
  readonly directory: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
}

export interface GitOptions {
  /** Directory for copies of repositories; created if missing. */
  readonly cacheDirectory: string;
  /** Use only commits that are in the copies. */
  readonly offline: boolean;
  readonly run?: RunProgram;
}

/** Submodules of submodules, and submodules in all: more than any project has. */
const limits = { depth: 10, submodules: 500 } as const;

/** Of a commit's files, none is changed by what its `.gitattributes` say: neither ends of lines nor contents, and none is left out. */
const attributes = '* -text -eol -filter -ident -working-tree-encoding -export-ignore -export-subst\n';

/**
 * Fetches commits by the machine's git. Nothing in a repository is run or obeyed: hooks, filters and configuration files are
 * out of play, and files reach the disk by the unpacker that reads all archives.
 */
export class GitSources {
  readonly #options: GitOptions;
  readonly #run: RunProgram;

  constructor(options: GitOptions) {
    this.#options = options;
    this.#run = options.run ?? programRunner('360m');
  }

  /**
   * Writes the files of a commit into `into`, an empty directory. Fails with `source-unavailable`, `hostile-archive` or
   * `missing-program`.
   */
  async checkOut(
    request: GitRequest,
    into: string,
    progress: (line: string) => void,
  ): Promise<Result<CheckedOut, Failure>> {
    return new CheckOut(this.#options, this.#run, request, into, progress).run();
  }
}

/** A submodule as a commit names it. */
interface Submodule {
  readonly path: string;
  readonly commit: string;
  /** Undefined: `.gitmodules` has none. */
  readonly url: string | undefined;
}

/** Thrown and caught in this file. */
class Refused extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

class CheckOut {
  readonly #options: GitOptions;
  readonly #program: RunProgram;
  readonly #request: GitRequest;
  readonly #into: string;
  readonly #progress: (line: string) => void;
  #count = 0;

  constructor(
    options: GitOptions,
    program: RunProgram,
    request: GitRequest,
    into: string,
    progress: (line: string) => void,
  ) {
    this.#options = options;
    this.#program = program;
    this.#request = request;
    this.#into = into;
    this.#progress = progress;
  }

  async run(): Promise<Result<CheckedOut, Failure>> {
    const { url, ref, submodules } = this.#request;
    try {
      const made = await this.#repository(url, ref, submodules, 0);
      return ok(made);
    } catch (error) {
      if (error instanceof Refused) return failed(error.failure);
      throw error;
    }
  }

  /** Fetches and unpacks one repository and its submodules. */
  async #repository(
    url: string,
    ref: string,
    overrides: Readonly<Record<string, string>>,
    depth: number,
  ): Promise<CheckedOut> {
    const checked = checkGitUrl(url);
    if (!checked.ok) throw this.#unavailable(url, `the URL ${checked.failure}`);
    if (!/^[^\s-][^\s:^~?*[\\]*$/.test(ref))
      throw this.#unavailable(url, `${ref} is no name of a commit, tag or branch`);
    const copy = join(this.#options.cacheDirectory, `${createHash('sha256').update(url).digest('hex')}.git`);
    await mkdir(join(copy, 'info'), { recursive: true });
    const fetched = await withProcessLock(join(copy, 'bootstrap.lock'), async () => {
      await this.#makeCopy(copy, url);
      const commit = await this.#commit(copy, url, ref);
      const workspace = join(this.#into, String(this.#count));
      this.#count += 1;
      await mkdir(workspace);
      const archive = join(workspace, 'archive.tar');
      await this.#mustGit(copy, url, [
        'archive',
        '--format=tar',
        '--prefix=source/',
        `--output=${archive}`,
        commit,
      ]);
      return { commit, workspace, archive, submodules: await this.#submodules(copy, url, commit, overrides) };
    });
    const { commit, workspace, archive, submodules } = fetched;
    const unpacked = await unpackInThread({
      archive,
      name: `${this.#request.name} from ${shownUrl(url)}`,
      into: workspace,
    });
    if (!unpacked.ok) throw new Refused(unpacked.failure);
    for (const submodule of submodules) await this.#place(unpacked.value, url, submodule, depth);
    return { directory: unpacked.value, commit };
  }

  async #place(
    directory: string,
    parent: string,
    { path, commit, url }: Submodule,
    depth: number,
  ): Promise<void> {
    if (url === undefined)
      throw this.#unavailable(parent, `.gitmodules names no URL for its submodule ${path}`);
    if (depth >= limits.depth || this.#count > limits.submodules)
      throw this.#unavailable(parent, `its submodule ${path} is one of too many, or nested too deeply`);
    this.#progress(`submodule ${path}`);
    const made = await this.#repository(submoduleUrl(parent, url), commit, {}, depth + 1);
    // An archive has an empty directory for each submodule, which no link can lead to: git's trees have one entry a name.
    const place = join(directory, path);
    await rmdir(place);
    await rename(made.directory, place);
  }

  /** Makes the bare copy of a repository, unless it is there. */
  async #makeCopy(copy: string, url: string): Promise<void> {
    const names = await readdir(copy);
    if (!names.includes('HEAD')) {
      const argv = ['init', '--quiet', '--bare', '--template=', '--initial-branch=none', copy];
      await this.#mustGit(copy, url, argv);
    }
    // The attributes of this file win over those of a commit.
    await writeFile(join(copy, 'info/attributes'), attributes);
  }

  /** The commit that a ref names, which is in the copy afterwards. */
  async #commit(copy: string, url: string, ref: string): Promise<string> {
    const isCommit = /^[0-9a-f]{40}$/.test(ref);
    const known = async (name: string): Promise<string | undefined> => {
      const found = await this.#git(copy, ['rev-parse', '--quiet', '--verify', `${name}^{commit}`]);
      const commit = found.stdout.trim();
      return found.exitCode === 0 && /^[0-9a-f]{40}$/.test(commit) ? commit : undefined;
    };
    if (isCommit) {
      const here = await known(ref);
      if (here !== undefined) return here;
    }
    if (this.#options.offline) throw this.#unavailable(url, 'not in the copy of the repository');
    this.#progress(`fetching ${ref} from ${shownUrl(url)}`);
    const fetch = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-commit-graph'];
    const alone = await this.#git(copy, [...fetch, '--depth=1', '--', url, ref]);
    if (alone.exitCode === null) throw new Refused(noGit);
    if (alone.exitCode === 0) {
      const commit = await known(isCommit ? ref : 'FETCH_HEAD');
      if (commit !== undefined) return commit;
    }
    if (!isCommit) throw this.#unavailable(url, reasonOf(alone));
    // Some servers give away only what a branch or tag names: then the whole repository is fetched.
    const all = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
    const whole = await this.#git(copy, [...fetch, '--', url, ...all]);
    if (whole.exitCode !== 0) throw this.#unavailable(url, reasonOf(whole));
    const commit = await known(ref);
    if (commit === undefined)
      throw this.#unavailable(url, `no branch or tag of the repository has the commit ${ref}`);
    return commit;
  }

  async #submodules(
    copy: string,
    url: string,
    commit: string,
    overrides: Readonly<Record<string, string>>,
  ): Promise<readonly Submodule[]> {
    const tree = await this.#mustGit(copy, url, ['ls-tree', '-r', '-z', '--full-tree', commit]);
    const links = tree.split('\0').flatMap((line) => {
      const [, id, path] = /^160000 commit ([0-9a-f]{40})\t(.+)$/s.exec(line) ?? [];
      return id === undefined || path === undefined ? [] : [{ path, commit: id }];
    });
    if (links.length === 0) return [];
    for (const { path } of links) {
      const parts = nameParts(path);
      if (!parts.ok || parts.value.join('/') !== path)
        throw new Refused({
          reason: 'hostile-archive',
          archive: shownUrl(url),
          entry: path,
          why: parts.ok ? 'an unusual path' : parts.failure,
        });
    }
    // It may be missing, which matters only where no override says the URL.
    const file = await this.#git(copy, ['config', '--blob', `${commit}:.gitmodules`, '--null', '--list']);
    const urls = file.exitCode === 0 ? submoduleUrls(file.stdout) : new Map<string, string>();
    return links.map(({ path, commit: id }) => ({
      path,
      commit: id,
      url: Object.hasOwn(overrides, path) ? overrides[path] : urls.get(path),
    }));
  }

  async #mustGit(copy: string, url: string, argv: readonly string[]): Promise<string> {
    const result = await this.#git(copy, argv);
    if (result.exitCode === null) throw new Refused(noGit);
    if (result.exitCode !== 0) throw this.#unavailable(url, reasonOf(result));
    return result.stdout;
  }

  #git(copy: string, argv: readonly string[]): Promise<ProgramResult> {
    const settings = [
      ...['gc.auto=0', 'maintenance.auto=false', 'core.hooksPath=/dev/null', 'credential.helper='],
      // A server that sends less than this for a minute has failed.
      ...['http.lowSpeedLimit=500', 'http.lowSpeedTime=60'],
    ].flatMap((setting) => ['-c', setting]);
    return this.#program(['git', `--git-dir=${copy}`, ...settings, ...argv], copy, {
      ...fetchingEnvironment(),
      HOME: copy,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ALLOW_PROTOCOL: allowedTransports,
      GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
      ...(process.env['SSH_AUTH_SOCK'] === undefined ? {} : { SSH_AUTH_SOCK: process.env['SSH_AUTH_SOCK'] }),
    });
  }

  #unavailable(url: string, why: string): Refused {
    const { name } = this.#request;
    const attempts = [{ origin: shownUrl(url), why: withoutPassword(why, url) }];
    return new Refused({
      reason: 'source-unavailable',
      source: name,
      attempts,
      offline: this.#options.offline,
    });
  }
}

const noGit: Failure = {
  reason: 'missing-program',
  program: 'git',
  purpose: 'sources that are commits of git repositories',
  debianPackage: 'git',
};

/** URLs by path, from the output of `git config --null --list` for a `.gitmodules`. */
function submoduleUrls(listed: string): ReadonlyMap<string, string> {
  const fields = new Map<string, { path?: string; url?: string }>();
  for (const entry of listed.split('\0')) {
    const [, name, field, value] = /^submodule\.(.*)\.(path|url)\n(.*)$/s.exec(entry) ?? [];
    if (name === undefined || value === undefined || (field !== 'path' && field !== 'url')) continue;
    fields.set(name, { ...fields.get(name), [field]: value });
  }
  return new Map(
    [...fields.values()].flatMap(({ path, url }) =>
      path === undefined || url === undefined ? [] : [[path, url] as const],
    ),
  );
}

/** Why git failed, in its own words. */
function reasonOf({ exitCode, stderr }: ProgramResult): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const line =
    lines.find((each) => /^(?:fatal|error|remote error):/.test(each)) ?? lines.find((each) => each !== '');
  return `git: ${line?.replace(/^(?:fatal|error): /, '') ?? `exit code ${String(exitCode)}`}`;
}
