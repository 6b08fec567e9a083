import type { Digest } from '../../src/core/digest.ts';
import type { Listings } from '../../src/executor/input-root.ts';
import type { Layout, Mount } from '../../src/sandbox/layout.ts';
import { digestBytes } from '../../src/store/directory-message.ts';

/** Paths of a store that say what lies there, instead of where. */
export const sourceOf = {
  treePath: (tree: Digest) => tree as string,
  blobPath: (blob: Digest) => blob as string,
};

/** What lies at paths, relative to the root: `directory`, `-> target`, or a digest and whether it is executable. */
export type View = Map<string, string>;

/** What a sandbox's root looks like once a layout is prepared and mounted, as the kernel would have it. */
export function mountedView(layout: Layout, listings: Listings): View {
  const view: View = new Map();
  const put = (path: string, what: string): void => {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (path.includes('/') && view.get(parent) !== 'directory') throw new Error(`${path} has no directory`);
    view.set(path, what);
  };
  const makeDirectory = (path: string): void => {
    if (view.get(path) === 'directory') return;
    if (view.has(path)) throw new Error(`${path} is a directory and something else`);
    put(path, 'directory');
  };
  for (const path of layout.directories) makeDirectory(path.slice(1));
  for (const [path, target] of Object.entries(layout.links)) put(path.slice(1), `-> ${target}`);
  for (const [path, { text, executable }] of Object.entries(layout.texts)) {
    put(path.slice(1), `${digestBytes(Buffer.from(text))} ${executable ? 'x' : '-'}`);
  }
  for (const [path, { source, executable }] of Object.entries(layout.files)) {
    put(path.slice(1), `${source} ${executable ? 'x' : '-'}`);
  }
  for (const mount of layout.mounts) {
    const target = mount.target.slice(1);
    const point = view.get(target);
    const needed =
      mount.kind === 'file'
        ? point !== undefined && !/^(?:directory|-> .*)$/.test(point)
        : point === 'directory';
    if (!needed) throw new Error(`${target} is no mount point: ${String(point)}`);
    for (const path of [...view.keys()]) if (path.startsWith(`${target}/`)) view.delete(path);
    if (mount.kind === 'file') view.set(target, `${mount.source} ${mount.executable ? 'x' : '-'}`);
    else for (const [path, what] of contentOf(mount, listings)) view.set(`${target}/${path}`, what);
  }
  return new Map([...view].sort(([a], [b]) => order(a, b)));
}

/** What a mount shows below its target. */
function contentOf(mount: Exclude<Mount, { kind: 'file' }>, listings: Listings): View {
  const content: View = new Map();
  if (mount.kind !== 'tree') {
    for (const path of mount.directories) makeAll(content, path, 'directory');
    // Only a mount point, which the file that is mounted there hides.
    for (const path of mount.files) makeAll(content, path, 'a mount point');
  }
  const lowers = mount.kind === 'tree' ? [mount.source] : mount.kind === 'union' ? mount.lowers : [];
  for (const lower of lowers) {
    for (const [path, what] of treeAt(lower, listings)) if (!content.has(path)) content.set(path, what);
  }
  return content;
}

function makeAll(content: View, path: string, what: string): void {
  const names = path.split('/');
  for (let depth = 1; depth < names.length; depth += 1)
    content.set(names.slice(0, depth).join('/'), 'directory');
  content.set(path, what);
}

/** A tree, or a directory of one, by a path of `sourceOf`. */
function treeAt(source: string, listings: Listings): View {
  const [tree = '', ...inside] = source.split('/');
  const prefix = inside.map((name) => `${name}/`).join('');
  const entries = listings.get(tree as Digest) ?? [];
  return new Map(
    entries.flatMap((entry) => {
      if (!entry.path.startsWith(prefix)) return [];
      const what =
        entry.kind === 'file'
          ? `${entry.digest} ${entry.executable ? 'x' : '-'}`
          : entry.kind === 'symlink'
            ? `-> ${entry.target}`
            : 'directory';
      return [[entry.path.slice(prefix.length), what] as const];
    }),
  );
}

function order(a: string, b: string): number {
  return a.replaceAll('/', '\u0000') < b.replaceAll('/', '\u0000') ? -1 : 1;
}
