import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { BoundInput, BoundRecipe, Content } from '../plan/bound.ts';
import { layTrees } from '../store/merge.ts';
import type { TreeEntry } from '../store/store.ts';
import { baseDirectory, baseFilesIn, type RootText } from './base-files.ts';
import { rootNames } from '../plan/root-names.ts';
import { buildDirectory, renderScript } from './script.ts';

/** Entries of trees by digest, as returned by `Store.listTree`. */
export type Listings = ReadonlyMap<Digest, readonly TreeEntry[]>;

/** A tree, or a top-level directory of one. */
export interface TreePart {
  readonly tree: Digest;
  /** Name of the directory; empty for the whole tree. */
  readonly inside: string;
}

/** What has to be created in a place as mount points for others (and outputs); relative to its path. */
export interface MountPoints {
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/** Something at a path of the root. It hides what an enclosing place has there. */
export type Place =
  /** An empty, writable directory. */
  | ({ readonly kind: 'empty'; readonly path: string } & MountPoints)
  /** Trees united in one directory, writable if `writable`. At least one. */
  | ({
      readonly kind: 'trees';
      readonly path: string;
      readonly parts: readonly TreePart[];
      /** Trees under `parts`, which they hide where they have the same name. */
      readonly below: readonly TreePart[];
      /** Files that no tree has, by path relative to the place. */
      readonly texts: Readonly<Record<string, RootText>>;
      readonly writable: boolean;
    } & MountPoints)
  /** One file, read-only. */
  | { readonly kind: 'file'; readonly path: string; readonly file: InputFile };

export interface InputFile {
  readonly digest: Digest;
  readonly executable: boolean;
}

/** Where an output's tree is taken from once the script has ended. */
export interface OutputPlace {
  readonly path: string;
  /** Path of the place that contains it, and the path in that. */
  readonly place: string;
  readonly inside: string;
  /** Whether that place has trees below what the action wrote. */
  readonly united: boolean;
}

/**
 * Everything that an action sees, as plain data: nothing is made yet, and how it is made is up to the executor. `/proc`
 * and `/dev` are empty directories here; each executor adds what the kernel provides there.
 */
export interface InputRoot {
  /** Directories of the root itself, outside all places: absolute, parents first. */
  readonly directories: readonly string[];
  /** Links of the root itself: path to target. */
  readonly links: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, RootText>>;
  /** Single files outside all places, by path. */
  readonly files: Readonly<Record<string, InputFile>>;
  /** In order of path, so that nested places follow the enclosing ones. */
  readonly places: readonly Place[];
  readonly outputs: Readonly<Record<string, OutputPlace>>;
  /** Whether the action may make new names in the root itself. */
  readonly writable: boolean;
}

/** Path of an action's script. */
const scriptPath = '/script';

/** Command that runs the script of a root. */
export const scriptCommand: readonly string[] = ['/bin/sh', '-e', scriptPath];

/** Command for who wants to look around in a root: where the script would begin. */
export const shellCommand: readonly string[] = ['/bin/sh', '-c', `cd ${buildDirectory} && exec /bin/sh`];

interface Wanted {
  readonly path: string;
  readonly parts: TreePart[];
  readonly below: TreePart[];
  readonly writable: boolean;
  /** Whether it is what trees at `/` have under this name. Undefined: no. */
  readonly top?: boolean;
  /** Set if this is one file instead of trees. */
  readonly file?: InputFile;
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`) && path !== directory;
}

/** Tools are inputs like any other. */
function inputsOf(recipe: BoundRecipe): readonly BoundInput[] {
  if (recipe.tools.length === 0) return recipe.inputs;
  return [
    ...recipe.inputs,
    { path: '/tools' as BoundInput['path'], contents: recipe.tools, writable: false },
  ];
}

function treesIn(contents: readonly Content[]): readonly Digest[] {
  // Each once, because different refs may have the same content.
  return [...new Set(contents.flatMap(({ kind, digest }) => (kind === 'tree' ? [digest] : [])))];
}

function treesBelow({ below = [] }: BoundInput): readonly Digest[] {
  return treesIn(below);
}

/** The trees whose listings `inputRoot` needs. It needs to know nothing about the others, however large they are. */
export function treesToList(recipe: BoundRecipe): ReadonlySet<Digest> {
  const inputs = inputsOf(recipe);
  const paths = inputs.map(({ path }) => path);
  return new Set(
    inputs.flatMap((input) => {
      const trees = [...treesIn(input.contents), ...treesBelow(input)];
      const looked =
        trees.length > 1 || paths.some((path) => isBelow(path, input.path)) || input.path === '/';
      return looked ? trees : [];
    }),
  );
}

/**
 * What an action sees. Fails with `clashing-inputs` if trees at one path contain one name with different content, and
 * with `plan-fault` for a recipe that contradicts itself: outputs in read-only inputs, one path twice, an input over a
 * file.
 *
 * @param name the action's, for messages
 * @param listings of `treesToList` at least
 */
export function inputRoot(name: string, recipe: BoundRecipe, listings: Listings): Result<InputRoot, Failure> {
  return new Draft(name, recipe, listings).finish();
}

/** A root under construction. */
class Draft {
  readonly #name: string;
  readonly #recipe: BoundRecipe;
  readonly #listings: Listings;
  readonly #faults: string[] = [];
  readonly #links: Record<string, string> = {};
  readonly #missing = new Map<string, { directories: string[]; files: string[] }>();
  #wanted: Wanted[] = [];

  constructor(name: string, recipe: BoundRecipe, listings: Listings) {
    this.#name = name;
    this.#recipe = recipe;
    this.#listings = listings;
  }

  finish(): Result<InputRoot, Failure> {
    const clash = this.#findClash();
    if (clash !== undefined) return failed(clash);
    for (const input of inputsOf(this.#recipe)) this.#wanted.push(...this.#wantedBy(input));
    if (!this.#wanted.some(({ path }) => path === '/bin'))
      this.#links['/bin'] ??= this.#recipe.tools.length > 0 ? 'tools/bin' : 'usr/bin';
    for (const path of [buildDirectory, '/tmp'])
      this.#wanted.push({ path, parts: [], below: [], writable: true });
    this.#addOutputs();
    this.#checkPaths();
    if (this.#faults.length > 0) return this.#fault();
    this.#wanted.sort((a, b) => (a.path < b.path ? -1 : 1));
    const outputs = this.#placeOutputs();
    const [directories, files, placed] = this.#placeAll();
    const etc = placed.find(({ path }) => path === baseDirectory);
    if (this.#faults.length > 0) return this.#fault();
    const script = { text: renderScript(this.#recipe.commands), executable: true };
    return ok({
      directories,
      links: this.#links,
      texts: { ...(etc === undefined ? baseFilesIn(`${baseDirectory}/`) : {}), [scriptPath]: script },
      files,
      places: placed.map((one) => this.#placeOf(one)),
      outputs,
      writable: this.#recipe.inputs.some(({ path, writable }) => path === '/' && writable),
    });
  }

  #fault(): Result<never, Failure> {
    const faults = this.#faults.map((fault) => `${this.#name}: ${fault}`);
    return failed({ reason: 'plan-fault', faults });
  }

  #list(tree: Digest): readonly TreeEntry[] {
    const entries = this.#listings.get(tree);
    if (entries === undefined) throw new Error(`no listing of ${tree}`);
    return entries;
  }

  #findClash(): Failure | undefined {
    for (const input of inputsOf(this.#recipe)) {
      const trees = treesIn(input.contents);
      if (trees.length < 2) continue;
      const laid = layTrees(trees.map((tree) => ({ label: tree, entries: this.#list(tree) })));
      if (laid.ok) continue;
      const { file, labels } = laid.failure;
      return { reason: 'clashing-inputs', action: this.#name, path: input.path, file, refs: labels };
    }
    return undefined;
  }

  /** What one input requires, before it is related to the others. */
  #wantedBy(input: BoundInput): readonly Wanted[] {
    const { path, contents, writable } = input;
    const [first] = contents;
    if ([...contents, ...(input.below ?? [])].some(({ kind }) => kind === 'file')) {
      if (
        first?.kind !== 'file' ||
        contents.length > 1 ||
        input.below !== undefined ||
        writable ||
        path === '/'
      ) {
        this.#faults.push(`${path}: a file cannot be united with others, nor be writable`);
        return [];
      }
      const { digest, executable } = first;
      return [{ path, parts: [], below: [], writable: false, file: { digest, executable } }];
    }
    const trees = treesIn(contents);
    const below = treesBelow(input);
    if (trees.length + below.length === 0) this.#faults.push(`the input at ${path} is empty`);
    if (path !== '/') {
      const whole = (tree: Digest): TreePart => ({ tree, inside: '' });
      return [{ path, parts: trees.map(whole), below: below.map(whole), writable }];
    }
    const byName = new Map<string, Wanted>();
    for (const tree of trees) this.#wantTopOf(tree, 'parts', byName, writable);
    for (const tree of below) this.#wantTopOf(tree, 'below', byName, writable);
    return [...byName.values()];
  }

  /** Adds what a tree has at the top: its directories become places, its links links of the root. */
  #wantTopOf(tree: Digest, layer: 'parts' | 'below', byName: Map<string, Wanted>, writable: boolean): void {
    const entries = this.#list(tree);
    const files = entries.filter(
      ({ path, kind }) => kind === 'file' && !path.includes('/') && !rootNames.has(path),
    );
    if (files[0] !== undefined) {
      const more = files.length > 1 ? ` and ${String(files.length - 1)} more` : '';
      this.#faults.push(
        `a tree mounted at / contains the file /${files[0].path}${more}; only directories and links may be there`,
      );
    }
    for (const entry of entries) {
      if (entry.path.includes('/')) continue;
      const at = `/${entry.path}`;
      if (rootNames.has(entry.path)) {
        const empty = entry.kind === 'directory' && !entries.some(({ path }) => isBelow(path, entry.path));
        if (!empty) this.#faults.push(`a tree mounted at / contains ${at}, which the sandbox reserves`);
      } else if (entry.kind === 'file') {
        continue;
      } else if (
        layer === 'below' &&
        (Object.hasOwn(this.#links, at) || (byName.has(at) && entry.kind === 'symlink'))
      ) {
        // Something else has that name.
      } else if (entry.kind === 'symlink') {
        this.#links[at] = entry.target;
      } else {
        const known = byName.get(at) ?? { path: at, parts: [], below: [], writable, top: true };
        known[layer].push({ tree, inside: entry.path });
        byName.set(at, known);
      }
    }
  }

  #checkPaths(): void {
    const seen = new Set<string>();
    const told = new Set<string>();
    for (const { path, top = false } of this.#wanted) {
      if (!top && /^\/(?:proc|dev|etc|script|bin)(?:\/|$)/.test(path))
        this.#faults.push(`nothing can be mounted at ${path}`);
      if (seen.has(path) && !told.has(path)) this.#faults.push(`there are two inputs at ${path}`);
      if (seen.has(path)) told.add(path);
      seen.add(path);
    }
    for (const path of seen) {
      const link = Object.keys(this.#links).find((at) => path === at || isBelow(path, at));
      if (link !== undefined) this.#faults.push(`${path} would be mounted over the link ${link}`);
    }
  }

  /** Outputs outside all writable places become places of their own. */
  #addOutputs(): void {
    const paths = Object.entries(this.#recipe.outputs);
    for (const [output, path] of paths) {
      const other = paths.find(([id, at]) => id !== output && (at === path || isBelow(path, at)));
      if (other !== undefined) this.#faults.push(`output ${output} is inside output ${other[0]}`);
      const around = this.#around(path, true);
      if (around === undefined) this.#wanted.push({ path, parts: [], below: [], writable: true });
      else if (!around.writable)
        this.#faults.push(`output ${output} at ${path} is inside the read-only input ${around.path}`);
    }
  }

  /** The innermost place that contains a path, or is at it. */
  #around(path: string, orAt: boolean): Wanted | undefined {
    return this.#wanted
      .filter((one) => isBelow(path, one.path) || (orAt && one.path === path))
      .sort((a, b) => b.path.length - a.path.length)[0];
  }

  #missingIn(path: string): { directories: string[]; files: string[] } {
    const known = this.#missing.get(path) ?? { directories: [], files: [] };
    this.#missing.set(path, known);
    return known;
  }

  #placeOutputs(): InputRoot['outputs'] {
    const outputs: Record<string, OutputPlace> = {};
    for (const [output, path] of Object.entries(this.#recipe.outputs)) {
      const holder = this.#around(path, true);
      if (holder === undefined) throw new Error(`output ${output} is in no place`);
      const inside = path.slice(holder.path.length + 1);
      const united = holder.parts.length + holder.below.length > 0;
      outputs[output] = { place: holder.path, inside, path, united };
      // Over trees the action makes it itself: only what it makes there is an output.
      if (inside !== '' && !united) this.#missingIn(holder.path).directories.push(inside);
    }
    return outputs;
  }

  /** What is in the root itself, and the places. */
  #placeAll(): readonly [InputRoot['directories'], InputRoot['files'], readonly Wanted[]] {
    const directories = new Set(['/proc', '/dev', '/etc']);
    const files: Record<string, InputFile> = {};
    const placed: Wanted[] = [];
    for (const one of this.#wanted) {
      const parent = this.#around(one.path, false);
      if (parent === undefined) {
        const parts = one.path.split('/').slice(1, one.file === undefined ? undefined : -1);
        parts.forEach((_, depth) => directories.add(`/${parts.slice(0, depth + 1).join('/')}`));
        if (one.file !== undefined) {
          files[one.path] = one.file;
          continue;
        }
      } else {
        this.#makePoint(one, parent);
      }
      placed.push(one);
    }
    return [[...directories], files, placed];
  }

  /** Makes sure that a place has a mount point in the enclosing place. */
  #makePoint(one: Wanted, parent: Wanted): void {
    const inside = one.path.slice(parent.path.length + 1);
    const needed = one.file === undefined ? 'directory' : 'file';
    const found = [...parent.parts, ...parent.below].map((part) => this.#kindIn(part, inside));
    const kind = found.find((each) => each !== undefined);
    if (parent.file !== undefined || found.some((each) => each !== undefined && each !== needed)) {
      this.#faults.push(
        `${one.path} would be mounted where ${parent.path} has something other than a ${needed}`,
      );
    } else if (kind === undefined) {
      this.#missingIn(parent.path)[needed === 'directory' ? 'directories' : 'files'].push(inside);
    }
  }

  /** What a tree has at a path; a parent that is not a directory is in the way. */
  #kindIn({ tree, inside }: TreePart, path: string): TreeEntry['kind'] | 'in the way' | undefined {
    const full = inside === '' ? path : `${inside}/${path}`;
    for (const entry of this.#list(tree)) {
      if (entry.path === full) return entry.kind;
      if (entry.kind !== 'directory' && isBelow(full, entry.path)) return 'in the way';
    }
    return undefined;
  }

  #placeOf({ path, parts, below, writable, file }: Wanted): Place {
    if (file !== undefined) return { kind: 'file', path, file };
    const points = this.#missing.get(path) ?? { directories: [], files: [] };
    if (parts.length + below.length === 0) return { kind: 'empty', path, ...points };
    const missing = Object.entries(path === baseDirectory ? baseFilesIn('') : {}).filter(
      ([name]) => ![...parts, ...below].some((part) => this.#kindIn(part, name) !== undefined),
    );
    return { kind: 'trees', path, parts, below, texts: Object.fromEntries(missing), writable, ...points };
  }
}
