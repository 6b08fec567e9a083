import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { BoundInput, BoundRecipe } from '../plan/bound.ts';
import { layTrees } from '../store/merge.ts';
import type { TreeEntry } from '../store/store.ts';
import { buildDirectory, renderScript } from './script.ts';

/** Entries of trees by digest, as `Store.listTree` gives them. */
export type Listings = ReadonlyMap<Digest, readonly TreeEntry[]>;

/** A tree, or a directory at the top of one. */
export interface TreePart {
  readonly tree: Digest;
  /** Name of the directory; empty for the whole tree. */
  readonly inside: string;
}

/** What has to exist in a place for others (and outputs) to lie there, and does not yet; relative to its path. */
export interface MountPoints {
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/** Something at a path of the root. It hides whatever a place around it has there. */
export type Place =
  /** An empty directory that the action may write. */
  | ({ readonly kind: 'empty'; readonly path: string } & MountPoints)
  /** Trees as one directory, which the action may write where `writable`. At least one. */
  | ({
      readonly kind: 'trees';
      readonly path: string;
      readonly parts: readonly TreePart[];
      readonly writable: boolean;
    } & MountPoints)
  /** One file, read-only. */
  | { readonly kind: 'file'; readonly path: string; readonly file: InputFile };

export interface InputFile {
  readonly digest: Digest;
  readonly executable: boolean;
}

/** A text that every root has or that is made for this one. */
export interface RootText {
  readonly text: string;
  readonly executable: boolean;
}

/** Where an output's tree is taken from when the script has ended. */
export interface OutputPlace {
  readonly path: string;
  /** Path of the place that holds it, and where in it. */
  readonly place: string;
  readonly inside: string;
  /** Whether that place has trees below what the action wrote. */
  readonly united: boolean;
}

/**
 * All that an action sees, as plain data: nothing is made yet, and how it is made is the executor's business. `/proc` and
 * `/dev` are empty directories here, and what the kernel puts there each executor adds.
 */
export interface InputRoot {
  /** Directories of the root itself, outside of all places: absolute, parents first. */
  readonly directories: readonly string[];
  /** Links of the root itself: path to target. */
  readonly links: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, RootText>>;
  /** Single files that lie in no place, by path. */
  readonly files: Readonly<Record<string, InputFile>>;
  /** In order of path, so that what lies in others follows them. */
  readonly places: readonly Place[];
  readonly outputs: Readonly<Record<string, OutputPlace>>;
}

/** Path of an action's script. */
const scriptPath = '/script';

/** What runs the script of a root. */
export const scriptCommand: readonly string[] = ['/bin/sh', '-e', scriptPath];

/** Files that every root has, so that programs find the one user there is. */
const baseFiles: Readonly<Record<string, RootText>> = {
  '/etc/passwd': { text: 'root:x:0:0:root:/build:/bin/sh\n', executable: false },
  '/etc/group': { text: 'root:x:0:\n', executable: false },
  '/etc/hosts': { text: '127.0.0.1 localhost bootstrap\n', executable: false },
};

/** Names in the root that no tree at `/` may bring. */
const ownNames = new Set(['build', 'tmp', 'proc', 'dev', 'etc', 'tools', 'script', 'bin']);

interface Wanted {
  readonly path: string;
  readonly parts: TreePart[];
  readonly writable: boolean;
  /** Whether this is one file instead of trees. */
  readonly file?: InputFile;
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`) && path !== directory;
}

/** Tools are inputs like others. */
function inputsOf(recipe: BoundRecipe): readonly BoundInput[] {
  if (recipe.tools.length === 0) return recipe.inputs;
  return [
    ...recipe.inputs,
    { path: '/tools' as BoundInput['path'], contents: recipe.tools, writable: false },
  ];
}

function treesIn(input: BoundInput): readonly Digest[] {
  // Each once: different refs may have turned out the same.
  return [...new Set(input.contents.flatMap(({ kind, digest }) => (kind === 'tree' ? [digest] : [])))];
}

/** The trees whose listings `inputRoot` looks into. Of the others it needs to know nothing, however large they are. */
export function treesToList(recipe: BoundRecipe): ReadonlySet<Digest> {
  const inputs = inputsOf(recipe);
  const paths = inputs.map(({ path }) => path);
  return new Set(
    inputs.flatMap((input) => {
      const trees = treesIn(input);
      const looked =
        trees.length > 1 || paths.some((path) => isBelow(path, input.path)) || input.path === '/';
      return looked ? trees : [];
    }),
  );
}

/**
 * What an action sees. Fails with `clashing-inputs` where trees at one path bring one name with different content, and
 * with `plan-fault` for a recipe that contradicts itself: outputs in read-only inputs, one path twice, an input over a
 * file.
 *
 * @param name the action's, for messages
 * @param listings of `treesToList` at least
 */
export function inputRoot(name: string, recipe: BoundRecipe, listings: Listings): Result<InputRoot, Failure> {
  return new Draft(name, recipe, listings).finish();
}

/** A root in the making. */
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
    this.#links['/bin'] ??= this.#recipe.tools.length > 0 ? 'tools/bin' : 'usr/bin';
    for (const path of [buildDirectory, '/tmp']) this.#wanted.push({ path, parts: [], writable: true });
    this.#addOutputs();
    this.#checkPaths();
    if (this.#faults.length > 0) return this.#fault();
    this.#wanted.sort((a, b) => (a.path < b.path ? -1 : 1));
    const outputs = this.#placeOutputs();
    const [directories, files, placed] = this.#placeAll();
    if (this.#faults.length > 0) return this.#fault();
    const script = { text: renderScript(this.#recipe.commands), executable: true };
    return ok({
      directories,
      links: this.#links,
      texts: { ...baseFiles, [scriptPath]: script },
      files,
      places: placed.map((one) => this.#placeOf(one)),
      outputs,
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
      const trees = treesIn(input);
      if (trees.length < 2) continue;
      const laid = layTrees(trees.map((tree) => ({ label: tree, entries: this.#list(tree) })));
      if (laid.ok) continue;
      const { file, labels } = laid.failure;
      return { reason: 'clashing-inputs', action: this.#name, path: input.path, file, refs: labels };
    }
    return undefined;
  }

  /** What one input asks for, before all are set in relation to each other. */
  #wantedBy(input: BoundInput): readonly Wanted[] {
    const { path, contents, writable } = input;
    const [first] = contents;
    if (contents.some(({ kind }) => kind === 'file')) {
      if (first?.kind !== 'file' || contents.length > 1 || writable || path === '/') {
        this.#faults.push(`${path}: a file cannot be united with others, nor be writable`);
        return [];
      }
      const { digest, executable } = first;
      return [{ path, parts: [], writable: false, file: { digest, executable } }];
    }
    const trees = treesIn(input);
    if (trees.length === 0) this.#faults.push(`the input at ${path} is empty`);
    if (path !== '/') return [{ path, parts: trees.map((tree) => ({ tree, inside: '' })), writable }];

    const byName = new Map<string, Wanted>();
    for (const tree of trees) {
      for (const entry of this.#list(tree)) {
        if (entry.path.includes('/')) continue;
        const at = `/${entry.path}`;
        if (ownNames.has(entry.path)) {
          this.#faults.push(`a tree mounted at / brings ${at}, which is the sandbox's own`);
        } else if (entry.kind === 'symlink') {
          this.#links[at] = entry.target;
        } else if (entry.kind === 'directory') {
          const known = byName.get(at) ?? { path: at, parts: [], writable };
          known.parts.push({ tree, inside: entry.path });
          byName.set(at, known);
        } else {
          this.#faults.push(
            `a tree mounted at / brings the file ${at}; only directories and links can lie there`,
          );
        }
      }
    }
    return [...byName.values()];
  }

  #checkPaths(): void {
    const seen = new Set<string>();
    const told = new Set<string>();
    for (const { path } of this.#wanted) {
      if (seen.has(path) && !told.has(path)) this.#faults.push(`two inputs lie at ${path}`);
      if (seen.has(path)) told.add(path);
      seen.add(path);
    }
    for (const path of seen) {
      const link = Object.keys(this.#links).find((at) => path === at || isBelow(path, at));
      if (/^\/(?:proc|dev|etc|script|bin)(?:\/|$)/.test(path))
        this.#faults.push(`nothing can be mounted at ${path}`);
      else if (link !== undefined) this.#faults.push(`${path} is to be mounted over the link ${link}`);
    }
  }

  /** Outputs that lie in nothing that may be written are places of their own. */
  #addOutputs(): void {
    const paths = Object.entries(this.#recipe.outputs);
    for (const [output, path] of paths) {
      const other = paths.find(([id, at]) => id !== output && (at === path || isBelow(path, at)));
      if (other !== undefined) this.#faults.push(`output ${output} lies in output ${other[0]}`);
      const around = this.#around(path, true);
      if (around === undefined) this.#wanted.push({ path, parts: [], writable: true });
      else if (!around.writable)
        this.#faults.push(`output ${output} at ${path} lies in the read-only input ${around.path}`);
    }
  }

  /** The innermost place that a path lies in, or at. */
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
      if (holder === undefined) throw new Error(`output ${output} lies nowhere`);
      const inside = path.slice(holder.path.length + 1);
      const united = holder.parts.length > 0;
      outputs[output] = { place: holder.path, inside, path, united };
      // In trees the action makes it itself: only what it made there is an output.
      if (inside !== '' && !united) this.#missingIn(holder.path).directories.push(inside);
    }
    return outputs;
  }

  /** What lies in the root itself, and the places. */
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

  /** Sees to it that a place has something to lie on in the place around it. */
  #makePoint(one: Wanted, parent: Wanted): void {
    const inside = one.path.slice(parent.path.length + 1);
    const needed = one.file === undefined ? 'directory' : 'file';
    const found = parent.parts.map((part) => this.#kindIn(part, inside));
    const kind = found.find((each) => each !== undefined);
    if (parent.file !== undefined || found.some((each) => each !== undefined && each !== needed)) {
      this.#faults.push(
        `${one.path} is to be mounted where ${parent.path} has something else than a ${needed}`,
      );
    } else if (kind === undefined) {
      this.#missingIn(parent.path)[needed === 'directory' ? 'directories' : 'files'].push(inside);
    }
  }

  /** What a tree has at a path. Something that is not a directory on the way there is in the way. */
  #kindIn({ tree, inside }: TreePart, path: string): TreeEntry['kind'] | 'in the way' | undefined {
    const full = inside === '' ? path : `${inside}/${path}`;
    for (const entry of this.#list(tree)) {
      if (entry.path === full) return entry.kind;
      if (entry.kind !== 'directory' && isBelow(full, entry.path)) return 'in the way';
    }
    return undefined;
  }

  #placeOf({ path, parts, writable, file }: Wanted): Place {
    if (file !== undefined) return { kind: 'file', path, file };
    const points = this.#missing.get(path) ?? { directories: [], files: [] };
    if (parts.length === 0) return { kind: 'empty', path, ...points };
    return { kind: 'trees', path, parts, writable, ...points };
  }
}
