import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { machine } from 'node:os';
import path from 'node:path';
import type { PlanInputs } from '../../stages/inputs.ts';
import { processorOf } from '../../stages/machine.ts';
import { digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { runsProgramsOf } from '../core/foreign-programs.ts';
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
  /** Whether this machine runs the programs of an arch: by what its descriptor says, and by what the kernel does. */
  readonly runs: (arch: Arch) => boolean;
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
    runs: ({ triple, runsOn = [] }) => runsOn.includes(machine()) && runsProgramsOf(processorOf({ triple })),
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

/** The word of `--target-compiler` for a compiler of the build machine's own. */
export const ownCompiler = 'build';

/** The word of `--builder` for the build machine itself. */
export const ownMachine = 'build';

/** Names of a plan's arches, as the user wrote them. */
export interface PlanNames {
  readonly arch: string;
  /** Undefined: the build machine's processor. */
  readonly host?: string | undefined;
  /**
   * Which compiler compiles what is made for the arch: the released one that runs on the arch of this name, or `ownCompiler`.
   * Undefined: the one for the host where its programs run here, otherwise the build machine's own.
   */
  readonly targetCompiler?: string | undefined;
}

/** All inputs of a plan. */
export async function planInputs(
  repository: Repository,
  names: PlanNames,
): Promise<Result<PlanInputs, Failure>> {
  const target = await repository.arches.find(names.arch, 'arch');
  if (!target.ok) return target;
  const host = await (names.host === undefined
    ? repository.arches.findMachine(machine())
    : repository.arches.find(names.host, 'host'));
  if (!host.ok) return host;
  if (names.targetCompiler === undefined) {
    const compilerHost = repository.runs(host.value) ? host.value : undefined;
    return inputsFor(repository, target.value, host.value, compilerHost);
  }
  if (names.targetCompiler === ownCompiler) return inputsFor(repository, target.value, host.value);
  const compilerHost = await repository.arches.find(names.targetCompiler, 'arch');
  if (!compilerHost.ok) return compilerHost;
  if (!repository.runs(compilerHost.value)) {
    return failed({
      reason: 'bad-option',
      option: '--target-compiler',
      value: names.targetCompiler,
      why: `programs for ${compilerHost.value.name} do not run on this machine`,
      hint: `Use \`--target-compiler ${ownCompiler}\`, or name an arch whose programs run here.`,
    });
  }
  return inputsFor(repository, target.value, host.value, compilerHost.value);
}

/**
 * The same for arches as their descriptors have them, which may not be in the repository.
 *
 * @param compilerHost where the compiler runs that compiles what is made for the target; undefined, or the target itself: on the
 * build machine
 */
export function inputsFor(
  { lock, chosen, files, runs }: Repository,
  target: Arch,
  host: Arch,
  compilerHost?: Arch,
): Result<PlanInputs, Failure> {
  const fitted = archWithVersions(target, chosen, lock);
  if (!fitted.ok) return fitted;
  const hosted = archWithVersions(host, chosen, lock);
  if (!hosted.ok) return hosted;
  const other = compilerHost?.name === target.name ? undefined : compilerHost;
  const compiling = other === undefined ? ok(undefined) : archWithVersions(other, chosen, lock);
  if (!compiling.ok) return compiling;
  return ok({
    lock: chosen,
    files,
    build: { os: 'linux', cpu: machine() },
    target: fitted.value,
    host: hosted.value,
    runs: [...new Set([host, ...(other === undefined ? [] : [other])].filter(runs))].map(({ name }) => name),
    ...(compiling.value === undefined ? {} : { compilerHost: compiling.value }),
  });
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
