import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { BoundInput, BoundRecipe } from '../plan/bound.ts';
import type { Store } from '../store/store.ts';
import { buildDirectory } from '../executor/script.ts';

/** Something mounted in a sandbox. Targets are absolute sandbox paths. */
export type Mount =
  /** An empty directory of the sandbox's own that the action may write. */
  | ({ readonly kind: 'scratch'; readonly target: string } & MountPoints)
  /** One tree, or a directory of it, read-only. */
  | { readonly kind: 'tree'; readonly target: string; readonly source: string }
  /** One file, read-only. */
  | { readonly kind: 'file'; readonly target: string; readonly source: string; readonly executable: boolean }
  /** Several directories as one, and a scratch layer over them where `writable`. */
  | ({
      readonly kind: 'union';
      readonly target: string;
      readonly lowers: readonly string[];
      readonly writable: boolean;
      /** Whether this is to be a copy on every machine, because somebody else owns a part of it. Undefined: no. */
      readonly copied?: boolean;
    } & MountPoints);

/** What has to exist in a mount for others (and outputs) to lie there, and does not yet; relative to its target. */
export interface MountPoints {
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/** Where an output's tree is taken from when the script has ended. */
export interface OutputPlace {
  readonly path: string;
  /** Target of the mount that holds it, and where in it. */
  readonly mount: string;
  readonly inside: string;
  /** Whether that mount stands over input trees, so that only the sandbox sees what the output holds. */
  readonly united: boolean;
}

/** What a sandbox's root looks like, as plain data; nothing is made yet. */
export interface Layout {
  /** Directories of the root itself, absolute, parents first. */
  readonly directories: readonly string[];
  /** Links of the root itself: path to target. */
  readonly links: Readonly<Record<string, string>>;
  /** Files copied into the root itself: path to source. */
  readonly files: Readonly<Record<string, { readonly source: string; readonly executable: boolean }>>;
  /** Parents before what lies in them. */
  readonly mounts: readonly Mount[];
  readonly outputs: Readonly<Record<string, OutputPlace>>;
}

/** Names in the root that the executor makes itself. */
const ownNames = new Set(['build', 'tmp', 'proc', 'dev', 'etc', 'tools', 'script', 'bin']);

interface Wanted {
  readonly target: string;
  readonly lowers: string[];
  readonly writable: boolean;
  /** Whether this is one file instead of trees. */
  readonly file?: { readonly source: string; readonly executable: boolean };
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}

async function entryKind(path: string): Promise<'directory' | 'file' | 'other' | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other';
}

/** The mounts that one input asks for, before they are set in relation to each other. */
async function wantedByInput(
  input: BoundInput,
  store: Store,
  links: Record<string, string>,
  faults: string[],
): Promise<Wanted[]> {
  const first = input.contents[0];
  if (input.contents.some((content) => content.kind === 'file')) {
    if (first?.kind !== 'file' || input.contents.length > 1 || input.writable || input.path === '/') {
      faults.push(`${input.path}: a file cannot be united with others, nor be writable`);
      return [];
    }
    const file = { source: store.blobPath(first.digest), executable: first.executable };
    return [{ target: input.path, lowers: [], writable: false, file }];
  }
  // Each once: different refs may have turned out the same, and an overlay refuses one directory twice.
  const trees = [...new Set(input.contents.map((content) => store.treePath(content.digest)))];
  if (input.path !== '/') return [{ target: input.path, lowers: trees, writable: input.writable }];

  const byName = new Map<string, Wanted>();
  for (const tree of trees) {
    for (const entry of await readdir(tree, { withFileTypes: true })) {
      const target = `/${entry.name}`;
      const source = join(tree, entry.name);
      if (ownNames.has(entry.name))
        faults.push(`a tree mounted at / brings ${target}, which is the sandbox's own`);
      else if (entry.isSymbolicLink()) links[target] = await readlink(source);
      else if (entry.isDirectory()) {
        const known = byName.get(target);
        if (known === undefined) byName.set(target, { target, lowers: [source], writable: input.writable });
        else known.lowers.push(source);
      } else
        faults.push(
          `a tree mounted at / brings the file ${target}; only directories and links can lie there`,
        );
    }
  }
  return [...byName.values()];
}

/**
 * Sets out where everything of an action lies in its sandbox. Reads the store's trees only to see whether mount
 * points exist. A recipe that cannot be laid out (outputs in read-only inputs, one path twice) is a `plan-fault`.
 */
export async function layOut(
  name: string,
  recipe: BoundRecipe,
  store: Store,
): Promise<Result<Layout, Failure>> {
  const faults: string[] = [];
  const links: Record<string, string> = {};
  const files: Record<string, { source: string; executable: boolean }> = {};
  const inputs: BoundInput[] = [...recipe.inputs];
  if (recipe.tools.length > 0) {
    inputs.push({ path: '/tools' as BoundInput['path'], contents: recipe.tools, writable: false });
  }

  const wanted: Wanted[] = [];
  for (const input of inputs) wanted.push(...(await wantedByInput(input, store, links, faults)));
  links['/bin'] ??= recipe.tools.length > 0 ? 'tools/bin' : 'usr/bin';
  for (const path of [buildDirectory, '/tmp']) wanted.push({ target: path, lowers: [], writable: true });

  for (const target of new Set(wanted.map((one) => one.target))) {
    if (wanted.filter((one) => one.target === target).length > 1) faults.push(`two inputs lie at ${target}`);
    if (/^\/(?:proc|dev|etc|script|bin)(?:\/|$)/.test(target))
      faults.push(`nothing can be mounted at ${target}`);
  }

  const outputPaths = Object.entries(recipe.outputs);
  for (const [output, path] of outputPaths) {
    const other = outputPaths.find(([id, at]) => id !== output && (at === path || isBelow(path, at)));
    if (other !== undefined) faults.push(`output ${output} lies in output ${other[0]}`);
    const around = wanted
      .filter((one) => one.target === path || isBelow(path, one.target))
      .sort((a, b) => b.target.length - a.target.length)[0];
    if (around === undefined) wanted.push({ target: path, lowers: [], writable: true });
    else if (!around.writable)
      faults.push(`output ${output} at ${path} lies in the read-only input ${around.target}`);
  }
  if (faults.length > 0) {
    return failed({ reason: 'plan-fault', faults: faults.map((fault) => `${name}: ${fault}`) });
  }

  wanted.sort((a, b) => (a.target < b.target ? -1 : 1));
  const around = (path: string): Wanted | undefined =>
    wanted.filter((one) => isBelow(path, one.target)).at(-1);

  const directories = new Set(['/proc', '/dev', '/etc']);
  const missing = new Map<string, { directories: string[]; files: string[] }>();
  const missingIn = (target: string) => {
    const known = missing.get(target) ?? { directories: [], files: [] };
    missing.set(target, known);
    return known;
  };
  const mounts: Wanted[] = [];
  for (const one of wanted) {
    const parent = around(one.target);
    if (parent === undefined) {
      const parts = one.target.split('/').slice(1, one.file === undefined ? undefined : -1);
      parts.forEach((_, depth) => directories.add(`/${parts.slice(0, depth + 1).join('/')}`));
      if (one.file !== undefined) {
        files[one.target] = one.file;
        continue;
      }
    } else {
      const inside = one.target.slice(parent.target.length + 1);
      const kinds = await Promise.all(parent.lowers.map((lower) => entryKind(join(lower, inside))));
      const kind = kinds.find((found) => found !== undefined);
      const needed = one.file === undefined ? 'directory' : 'file';
      if (parent.file !== undefined || (kind !== undefined && kind !== needed)) {
        faults.push(
          `${one.target} is to be mounted where ${parent.target} has something else than a ${needed}`,
        );
      }
      if (kind === undefined) {
        missingIn(parent.target)[needed === 'directory' ? 'directories' : 'files'].push(inside);
      }
    }
    // An input without contents is an empty directory, which its mount point is already.
    if (one.lowers.length > 0 || one.writable || one.file !== undefined) mounts.push(one);
  }

  const outputs: Record<string, OutputPlace> = {};
  for (const [output, path] of outputPaths) {
    const holder = wanted.filter((one) => one.target === path || isBelow(path, one.target)).at(-1);
    if (holder === undefined) throw new Error(`output ${output} lies nowhere`);
    const inside = path.slice(holder.target.length + 1);
    outputs[output] = { mount: holder.target, inside, path, united: holder.lowers.length > 0 };
    if (inside !== '' && holder.lowers.length === 0) missingIn(holder.target).directories.push(inside);
  }
  if (faults.length > 0) {
    return failed({ reason: 'plan-fault', faults: faults.map((fault) => `${name}: ${fault}`) });
  }
  return ok({
    directories: [...directories],
    links,
    files,
    mounts: mounts.map((one) => toMount(one, missing.get(one.target) ?? { directories: [], files: [] })),
    outputs,
  });
}

function toMount(wanted: Wanted, missing: { directories: string[]; files: string[] }): Mount {
  const { target, lowers, writable, file } = wanted;
  const [only] = lowers;
  if (file !== undefined) return { kind: 'file', target, ...file };
  if (only === undefined) return { kind: 'scratch', target, ...missing };
  const nothingMissing = missing.directories.length === 0 && missing.files.length === 0;
  if (lowers.length === 1 && !writable && nothingMissing) return { kind: 'tree', target, source: only };
  return { kind: 'union', target, lowers, writable, ...missing };
}
