import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { machine } from 'node:os';
import path from 'node:path';
import type { PlanInputs } from '../../stages/inputs.ts';
import { digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { parseLock } from '../inputs/lock-file.ts';
import type { Lock } from '../inputs/lock.ts';
import { repoPath, type RepoPath } from '../plan/names.ts';
import { checkPatches } from './check-patches.ts';
import { openArches, type Arches } from './load-arches.ts';

/** Directories whose files can be inputs of actions. */
const fileDirectories = ['patches', 'target'];

/** The inputs that do not depend on the requested arch. */
export interface Repository {
  readonly root: string;
  readonly arches: Arches;
  readonly lock: Lock;
  readonly files: PlanInputs['files'];
}

/**
 * Reads `sources.lock`, lists `arches/` and further directories of descriptors, and digests what lies below `patches/`
 * and `target/`.
 */
export async function loadRepository(
  root: string,
  archDirectories: readonly string[] = [],
): Promise<Result<Repository, Failure>> {
  const lock = await loadLock(root);
  if (!lock.ok) return lock;
  const patches = await checkPatches(
    root,
    lock.value.sources.map((source) => source.name),
  );
  if (!patches.ok) return patches;
  return ok({
    root,
    arches: await openArches(root, archDirectories),
    lock: lock.value,
    files: await digestFiles(root),
  });
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
  return ok({
    lock: repository.lock,
    files: repository.files,
    build: { os: 'linux', cpu: machine() },
    target: target.value,
    host: host.value,
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
