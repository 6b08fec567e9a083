import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { machine } from 'node:os';
import path from 'node:path';
import type { PlanInputs } from '../../stages/inputs.ts';
import { digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { parseLock } from '../inputs/lock-file.ts';
import { archWithVersions } from '../inputs/arch-versions.ts';
import type { ChosenSources, Lock } from '../inputs/lock.ts';
import { chooseVersions, type AskedVersions } from '../inputs/versions.ts';
import { repoPath, type RepoPath } from '../plan/names.ts';
import type { Arch } from '../inputs/arch.ts';
import { checkPatches } from './check-patches.ts';
import { openArches, type Arches } from './load-arches.ts';

/** Directories whose files can be inputs of actions. */
const fileDirectories = ['patches', 'target'];

/** The inputs that do not depend on the requested arch. */
export interface Repository {
  readonly root: string;
  readonly arches: Arches;
  /** All versions of all sources. */
  readonly lock: Lock;
  /** One version of each source. */
  readonly chosen: ChosenSources;
  readonly files: PlanInputs['files'];
}

/** What a user says of the inputs of all plans. */
export interface RepositoryRequest {
  /** Directories with descriptors beside `arches/`; absolute. Undefined: none. */
  readonly archDirectories?: readonly string[] | undefined;
  /** Undefined: the default set. */
  readonly versions?: AskedVersions | undefined;
}

/**
 * Reads `sources.lock`, chooses versions, lists `arches/` and further directories of descriptors, and digests what lies
 * below `patches/` and `target/`.
 */
export async function loadRepository(
  root: string,
  { archDirectories = [], versions }: RepositoryRequest = {},
): Promise<Result<Repository, Failure>> {
  const sources = await loadSources(root, versions);
  if (!sources.ok) return sources;
  const patches = await checkPatches(root, sources.value.lock.sources);
  if (!patches.ok) return patches;
  return ok({
    root,
    arches: await openArches(root, archDirectories),
    ...sources.value,
    files: await digestFiles(root),
  });
}

/** Reads `sources.lock` and chooses versions; the part of `loadRepository` that needs no other file. */
export async function loadSources(
  root: string,
  asked?: AskedVersions,
): Promise<Result<Pick<Repository, 'lock' | 'chosen'>, Failure>> {
  const lock = await loadLock(root);
  if (!lock.ok) return lock;
  const chosen = chooseVersions(lock.value, asked);
  return chosen.ok ? ok({ lock: lock.value, chosen: chosen.value }) : chosen;
}

/** All inputs of a plan. If `host` is omitted, it is the build machine's processor. */
export async function planInputs(
  repository: Repository,
  names: { readonly arch: string; readonly host?: string },
): Promise<Result<PlanInputs, Failure>> {
  const target = await repository.arches.find(names.arch, 'arch');
  if (!target.ok) return target;
  const host = await (names.host === undefined
    ? repository.arches.findMachine(machine())
    : repository.arches.find(names.host, 'host'));
  if (!host.ok) return host;
  return inputsFor(repository, target.value, host.value);
}

/** The same for arches as their descriptors have them, which may not be in the repository. */
export function inputsFor(
  { lock, chosen, files }: Repository,
  target: Arch,
  host: Arch,
): Result<PlanInputs, Failure> {
  const fitted = archWithVersions(target, chosen, lock);
  if (!fitted.ok) return fitted;
  const hosted = archWithVersions(host, chosen, lock);
  if (!hosted.ok) return hosted;
  const build = { os: 'linux', cpu: machine() } as const;
  return ok({ lock: chosen, files, build, target: fitted.value, host: hosted.value });
}

async function loadLock(root: string): Promise<Result<Lock, Failure>> {
  const file = 'sources.lock';
  let text: string;
  try {
    text = await readFile(path.join(root, file), 'utf8');
  } catch (error) {
    const message = `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : String(error)})`;
    return failed({ reason: 'bad-input', file, faults: [{ field: '', message }] });
  }
  return parseLock(text, file);
}

/** Digests sorted by path. Editors' leftovers (`.name`, `name~`) do not count as files of the repository. */
async function digestFiles(root: string): Promise<PlanInputs['files']> {
  const files = new Map<RepoPath, { digest: ReturnType<typeof digest>; executable: boolean }>();
  const visit = async (relative: string): Promise<void> => {
    const entries = await readdir(path.join(root, relative), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.') || entry.name.endsWith('~')) continue;
      const name = `${relative}/${entry.name}`;
      if (entry.isDirectory()) await visit(name);
      else if (entry.isFile()) files.set(repoPath(name), await digestRepositoryFile(path.join(root, name)));
    }
  };
  for (const directory of fileDirectories) await visit(directory);
  return files;
}

/** What a plan says about a file of this repository. */
export async function digestRepositoryFile(
  file: string,
): Promise<{ digest: ReturnType<typeof digest>; executable: boolean }> {
  const [bytes, stats] = await Promise.all([readFile(file), stat(file)]);
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { digest: digest(`${hash}-${bytes.length}`), executable: (stats.mode & 0o100) !== 0 };
}
