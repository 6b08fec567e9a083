import { execFile } from 'node:child_process';
import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Digest } from '../core/digest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import {
  digestBytes,
  encodeDirectory,
  type DirectoryNode,
  type FileNode,
  type SymlinkNode,
} from '../store/directory-message.ts';
import { digestFile } from '../store/tree-digest.ts';
import { readElf } from './elf.ts';

/** Runs a program of the machine with a fixed environment and returns its output; undefined if it fails. */
export async function askProgram(program: string, args: readonly string[]): Promise<string | undefined> {
  const answer = await tryProgram(program, args);
  return answer.ok ? answer.value : undefined;
}

/** The same, with the output of a program that failed, or the reason why it does not run. */
export async function tryProgram(program: string, args: readonly string[]): Promise<Result<string, string>> {
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
  return promisify(execFile)(program, [...args], { env, maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout, stderr }) => ok(stdout + stderr),
    (error: unknown) => {
      const { stdout = '', stderr = '', message = '' } = error as Partial<Record<string, string>>;
      return failed(`${stdout}${stderr}`.trim() || message);
    },
  );
}

/** Top-level directories that are links into `usr` on most machines, and always are in our trees. */
const movedToUsr = /^(?:lib|lib32|lib64|libx32|bin|sbin)(?=\/|$)/;

/** The largest file that may be a linker script. */
const longestScript = 4096;

/** A directory whose files have another path in the tree than on the machine. Files named by its linker scripts are not searched for. */
export interface MovedDirectory {
  /** Canonical path on the machine. */
  readonly from: string;
  /** Path in the tree. */
  readonly to: string;
}

type Entry =
  { readonly kind: 'file'; readonly source: string } | { readonly kind: 'symlink'; readonly target: string };

/**
 * A growing list of files of this machine, each with everything it needs: the targets of links, the shared
 * libraries of programs with their loader, the files named by linker scripts. Paths in the tree are those of the
 * machine, with `/lib…` and `/bin` moved into `usr`. Links stay links, except that those that lead through a place that is not
 * copied (`/etc/alternatives`) lead straight to the file.
 */
export class MachineFiles {
  /** Tree path to its contents. */
  readonly #entries = new Map<string, Entry>();
  /** Machine paths (files, links, listed directories) that determine the tree: if none changes, the tree does not change either. */
  readonly watched = new Set<string>();
  #loader: string | undefined;
  #libraryDirectory: string | undefined;
  /** A directory of the machine that has another path in the tree. */
  readonly #moved: MovedDirectory | undefined;

  constructor(moved?: MovedDirectory) {
    this.#moved = moved;
  }

  /** The path in the tree of a file given by its canonical path. */
  #place(canonical: string): string {
    const moved = this.#moved;
    if (moved === undefined || !canonical.startsWith(`${moved.from}/`)) return treePathOf(canonical);
    return moved.to + canonical.slice(moved.from.length);
  }

  /** Whether files at this path keep their path, so that links may lead there. */
  #isCopied(path: string): boolean {
    const inMoved = this.#moved !== undefined && path.startsWith(`${this.#moved.from}/`);
    return inMoved || path.startsWith('/usr/') || movedToUsr.test(path.slice(1));
  }

  /** Whether something was added. */
  has(treePath: string): boolean {
    return this.#entries.has(treePath);
  }

  /** Adds a file or link with everything it needs. False if it does not exist. */
  async add(path: string): Promise<boolean> {
    const directory = await realpath(dirname(path)).catch(() => undefined);
    if (directory === undefined) return false;
    const canonical = join(directory, basename(path));
    const found = await lstat(canonical).catch(() => undefined);
    if (found === undefined || found.isDirectory()) return false;
    const place = this.#place(canonical);
    if (this.#entries.has(place)) return true;
    this.watched.add(canonical);
    if (found.isSymbolicLink()) return this.#addLink(canonical, place);
    this.#entries.set(place, { kind: 'file', source: canonical });
    await this.#addNeeds(canonical, found.size);
    return true;
  }

  async #addLink(canonical: string, place: string): Promise<boolean> {
    const text = await readlink(canonical);
    let next = isAbsolute(text) ? text : join(dirname(canonical), text);
    next = join(await realpath(dirname(next)).catch(() => dirname(next)), basename(next));
    if (!this.#isCopied(next)) {
      this.watched.add(next);
      const final = await realpath(canonical).catch(() => undefined);
      if (final === undefined) return false;
      next = final;
    }
    if (!(await this.add(next)) && !(await this.#isMovedDirectory(next))) return false;
    this.#entries.set(place, { kind: 'symlink', target: relative(dirname(place), this.#place(next)) });
    return true;
  }

  /** A moved directory is taken as a whole, so the target of a link in it is added anyway. */
  async #isMovedDirectory(path: string): Promise<boolean> {
    if (this.#moved === undefined || !`${path}/`.startsWith(`${this.#moved.from}/`)) return false;
    return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
  }

  /** Adds a directory with everything in it. */
  async addDirectory(path: string): Promise<void> {
    const canonical = await realpath(path).catch(() => undefined);
    if (canonical === undefined) return;
    this.watched.add(canonical);
    for (const entry of await readdir(canonical, { withFileTypes: true })) {
      const inside = join(canonical, entry.name);
      if (entry.isDirectory()) await this.addDirectory(inside);
      else await this.add(inside);
    }
  }

  /** Makes a program callable by its name from `usr/bin`, wherever the machine has it. */
  async addProgram(name: string, path: string): Promise<void> {
    let canonical = join(await realpath(dirname(path)), basename(path));
    // Directories outside /usr are not copied themselves, but the targets of their links are.
    if (!this.#place(canonical).startsWith('usr/')) {
      this.watched.add(canonical);
      canonical = await realpath(path);
    }
    await this.add(canonical);
    const place = `usr/bin/${name}`;
    if (this.#entries.has(place)) return;
    const target = this.#place(canonical);
    this.#entries.set(place, { kind: 'symlink', target: relative('usr/bin', target) });
  }

  async #addNeeds(path: string, size: number): Promise<void> {
    if (/\.(?:h|hpp|o|a)$/.test(path) && size > longestScript) return;
    const elf = await readElf(path);
    if (elf === undefined) {
      const isScript = /\.(?:so|a)$/.test(path) && size <= longestScript;
      // Paths in a relocatable toolchain are relative to its sysroot.
      if (isScript && this.#moved === undefined) await this.#addScriptNeeds(path);
      return;
    }
    if (!elf.dynamic || path.endsWith('.o')) return;
    if (elf.interpreter !== undefined) {
      this.#loader ??= elf.interpreter;
      await this.#addLoader(elf.interpreter);
    }
    if (this.#loader === undefined) return;
    const listed = (await askProgram(this.#loader, ['--list', path])) ?? '';
    for (const [, library] of listed.matchAll(/=> (\/\S+) \(0x/g))
      if (library !== undefined) await this.#addLibrary(library);
  }

  /** The loader must be found under exactly the name that programs ask for, `/lib64/…`, which may be reached through links. */
  async #addLoader(interpreter: string): Promise<void> {
    const place = this.#place(interpreter);
    if (this.#entries.has(place) || !(await this.add(interpreter)) || this.#entries.has(place)) return;
    const target = this.#place(join(await realpath(dirname(interpreter)), basename(interpreter)));
    this.#entries.set(place, { kind: 'symlink', target: relative(dirname(place), target) });
  }

  async #addLibrary(library: string): Promise<void> {
    if (!(await this.add(library))) return;
    const canonical = this.#place(join(await realpath(dirname(library)), basename(library)));
    if (basename(library).startsWith('libc.so')) this.#libraryDirectory = dirname(canonical);
    this.#libraries.add(canonical);
  }
  readonly #libraries = new Set<string>();

  async #addScriptNeeds(path: string): Promise<void> {
    const text = await readFile(path, 'latin1');
    if (!/\b(?:GROUP|INPUT)\s*\(/.test(text)) return;
    const plain = text.replaceAll(/\/\*.*?\*\//gs, ' ');
    for (const [word] of plain.matchAll(/[^\s()]+/g)) {
      if (word.startsWith('/')) await this.add(word);
      else if (/^lib\S+\.(?:so|a)[.\d]*$/.test(word)) {
        // A bare name is searched for in the directories given by -L; of those, only this one and its neighbours matter.
        if (!(await this.add(join(dirname(path), word)))) await this.#addNearLibc(word);
      }
    }
  }

  async #addNearLibc(name: string): Promise<void> {
    if (this.#libraryDirectory !== undefined) await this.add(join('/', this.#libraryDirectory, name));
  }

  /**
   * All contents of the tree. Libraries that the machine finds through its loader cache get a link beside libc, because
   * a sandbox has no such cache.
   */
  #allEntries(): ReadonlyMap<string, Entry> {
    const entries = new Map(this.#entries);
    const beside = this.#libraryDirectory;
    for (const library of this.#libraries) {
      const place = beside === undefined ? library : join(beside, basename(library));
      if (!entries.has(place)) {
        entries.set(place, { kind: 'symlink', target: relative(dirname(place), library) });
      }
    }
    for (const top of ['lib', 'lib32', 'lib64', 'libx32']) {
      if ([...entries.keys()].some((path) => path.startsWith(`usr/${top}/`))) {
        entries.set(top, { kind: 'symlink', target: `usr/${top}` });
      }
    }
    return entries;
  }

  /** The digest that the tree will have, computed without writing it. */
  async digest(): Promise<Digest> {
    const root: Folder = new Map();
    for (const [path, entry] of this.#allEntries()) {
      const names = path.split('/');
      const folder = names.slice(0, -1).reduce((at: Folder, name) => {
        const next = at.get(name) ?? new Map<string, Entry | Folder>();
        if (!(next instanceof Map)) throw new Error(`${path} is inside something that is not a directory`);
        at.set(name, next);
        return next;
      }, root);
      folder.set(names.at(-1) ?? '', entry);
    }
    return digestFolder(root);
  }

  /**
   * Writes the tree that `digest` describes. `copyUserDirectory` (`src/store/user-directory.ts`) cannot do this, since it
   * copies one directory as it is: here files come from many directories, most of them have another path in the tree, some
   * links exist only there or have another target, and directories that contain nothing listed are left out. This is so even
   * for a toolchain that has a directory to itself; copied as it is, that would get another digest, and its actions other keys.
   */
  async writeTo(directory: string): Promise<void> {
    for (const [path, entry] of this.#allEntries()) {
      const to = join(directory, path);
      await mkdir(dirname(to), { recursive: true });
      if (entry.kind === 'symlink') await symlink(entry.target, to);
      else {
        await copyFile(entry.source, to, constants.COPYFILE_FICLONE);
        await chmod(to, (await isExecutable(entry.source)) ? 0o755 : 0o644);
      }
    }
  }
}

type Folder = Map<string, Entry | Folder>;

async function digestFolder(folder: Folder): Promise<Digest> {
  const message = {
    files: [] as FileNode[],
    directories: [] as DirectoryNode[],
    symlinks: [] as SymlinkNode[],
  };
  for (const [name, entry] of folder) {
    if (entry instanceof Map) message.directories.push({ name, digest: await digestFolder(entry) });
    else if (entry.kind === 'symlink') message.symlinks.push({ name, target: entry.target });
    else {
      const { source } = entry;
      message.files.push({ name, digest: await digestFile(source), executable: await isExecutable(source) });
    }
  }
  return digestBytes(encodeDirectory(message));
}

async function isExecutable(file: string): Promise<boolean> {
  return ((await lstat(file)).mode & 0o100) !== 0;
}

/** The path in the tree of a file of the machine, given by its canonical path. */
function treePathOf(canonical: string): string {
  const path = canonical.slice(1);
  return movedToUsr.test(path) ? `usr/${path}` : path;
}
