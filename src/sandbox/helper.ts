import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { access, chmod, constants, lstat, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isDigest, type Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { findProgram, machinePath } from '../core/host-programs.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Store } from '../store/store.ts';

/** Source files of the helper, below `src/sandbox/enter/`. */
const sources = ['enter.c', 'lend.c', 'filter.c', 'enter.h'] as const;

const note = 'sandbox-helper';
const purpose = 'compiling the helper that sets up sandboxes';

/**
 * The program that enters sandboxes, `src/sandbox/enter/enter.c`: compiled by the machine's compiler when its sources
 * or that compiler have changed, kept as a tree in the store, and compared with its digest before use. It runs with all
 * the privileges of the user who starts a build. If others can write to the store, it is therefore not kept there, but
 * compiled for this process alone.
 *
 * @param repository absolute path of this program's own repository, with the sources
 */
export async function obtainHelper(store: Store, repository: string): Promise<Result<string, Failure>> {
  const compiler = (await findProgram('gcc')) ?? (await findProgram('cc'));
  if (compiler === undefined)
    return failed({ reason: 'missing-program', program: 'gcc', purpose, debianPackage: 'gcc' });
  const texts: [string, Uint8Array][] = [];
  for (const name of sources) texts.push([name, await readFile(join(repository, 'src/sandbox/enter', name))]);
  const madeFrom = describe(compiler, texts);

  if (!(await isOursAlone(store))) return compileForThisProcess(compiler, texts);
  const known = readNote(await store.getNote('machine', note), madeFrom);
  if (known !== undefined && (await store.verifyTree(known)).ok) return usable(programIn(store, known));
  const scratch = await store.makeScratch(note);
  try {
    const compiled = await compile(compiler, texts, scratch.path);
    if (!compiled.ok) return compiled;
    const tree = await store.adoptTree(join(scratch.path, 'tree'));
    if (!tree.ok) return tree;
    await store.putNote('machine', note, { madeFrom, tree: tree.value });
    return await usable(programIn(store, tree.value));
  } finally {
    await scratch.release();
  }
}

/** Digest of everything that determines the helper: its sources, and the installed compiler. */
function describe(compiler: string, texts: readonly [string, Uint8Array][]): string {
  const hash = createHash('sha256');
  const { size, mtimeMs, ctimeMs, ino } = statSync(compiler);
  hash.update(JSON.stringify([compiler, size, mtimeMs, ctimeMs, ino]));
  for (const [name, text] of texts) hash.update(JSON.stringify([name, text.length])).update(text);
  return hash.digest('hex');
}

function readNote(value: unknown, madeFrom: string): Digest | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { madeFrom: known, tree } = value as { madeFrom?: unknown; tree?: unknown };
  return known === madeFrom && isDigest(tree) ? tree : undefined;
}

function programIn(store: Store, tree: Digest): string {
  return join(store.treePath(tree), 'enter');
}

/** The path of a program, if it can be executed there. */
async function usable(program: string): Promise<Result<string, Failure>> {
  return access(program, constants.X_OK).then(
    () => ok(program),
    () =>
      failed({
        reason: 'namespaces-refused',
        detail: `running a program that lies in ${dirname(program)}, whose file system may be mounted noexec`,
        remedy: 'use a store on a file system mounted without noexec',
      }),
  );
}

/** Whether only root and this user can replace the program. */
async function isOursAlone(store: Store): Promise<boolean> {
  const user = process.geteuid?.();
  for (const directory of ['', 'trees', 'notes', 'notes/machine']) {
    const found = await lstat(join(store.root, directory)).catch(() => undefined);
    // It is created when the note is written.
    if (found === undefined) continue;
    if (found.uid !== user || (found.mode & 0o022) !== 0) return false;
  }
  return true;
}

async function compile(
  compiler: string,
  texts: readonly [string, Uint8Array][],
  directory: string,
): Promise<Result<string, Failure>> {
  await mkdir(join(directory, 'tree'));
  for (const [name, text] of texts) await writeFile(join(directory, name), text);
  const program = join(directory, 'tree/enter');
  const units = sources.filter((name) => name.endsWith('.c'));
  const words = ['-O2', '-static', '-std=gnu11', '-Wall', '-Wextra', '-o', program, ...units];
  try {
    const env = { PATH: machinePath.join(':'), LC_ALL: 'C' };
    await promisify(execFile)(compiler, words, { cwd: directory, env });
    await chmod(program, 0o755);
    return ok(program);
  } catch (error) {
    const { stderr } = error as { stderr?: unknown };
    const said = typeof stderr === 'string' ? stderr.trim() : '';
    const detail = said === '' ? String(error) : said.split('\n').slice(0, 20).join('\n');
    return failed({ reason: 'uncompilable-helper', compiler, detail });
  }
}

/** In a directory with an unpredictable name that only this user can enter, removed when this process ends. */
async function compileForThisProcess(
  compiler: string,
  texts: readonly [string, Uint8Array][],
): Promise<Result<string, Failure>> {
  const directory = await mkdtemp(join(tmpdir(), 'bootstrap-helper-'));
  process.on('exit', () => {
    rmSync(directory, { recursive: true, force: true });
  });
  const compiled = await compile(compiler, texts, directory);
  return compiled.ok ? usable(compiled.value) : compiled;
}
