import { join } from 'node:path';
import type { RootText } from '../executor/base-files.ts';
import type { InputRoot, MountPoints, Place } from '../executor/input-root.ts';
import type { LocalTrees } from '../store/store.ts';

/** Something mounted in a sandbox. Targets are absolute sandbox paths. */
export type Mount =
  /** An empty directory for this sandbox that the action may write. */
  | ({ readonly kind: 'scratch'; readonly target: string } & MountPoints)
  /** One tree, or a directory of it, read-only. */
  | { readonly kind: 'tree'; readonly target: string; readonly source: string }
  /** One file, read-only. */
  | { readonly kind: 'file'; readonly target: string; readonly source: string; readonly executable: boolean }
  /** Several directories united, with a scratch layer over them if `writable`. */
  | ({
      readonly kind: 'union';
      readonly target: string;
      /** Each hides what later ones have under the same name. */
      readonly lowers: readonly string[];
      /** Files that none of them has, by path relative to the target. */
      readonly texts: Readonly<Record<string, RootText>>;
      readonly writable: boolean;
      /** Whether it must be a copy on every machine, because another user owns a part of it. Undefined: no. */
      readonly copied?: boolean;
    } & MountPoints);

/** Where an output's tree is taken from once the script has ended. */
export interface OutputPlace {
  readonly path: string;
  /** Target of the mount that contains it, and the path in that. */
  readonly mount: string;
  readonly inside: string;
  /** Whether that mount lies over input trees, so that the output is visible only inside the sandbox. */
  readonly united: boolean;
}

/** How an input root is assembled from parts of a local store. */
export interface Layout {
  /** Directories of the root itself, absolute, parents first. */
  readonly directories: readonly string[];
  /** Links of the root itself: path to target. */
  readonly links: Readonly<Record<string, string>>;
  /** Files written into the root itself. */
  readonly texts: Readonly<Record<string, RootText>>;
  /** Files copied into the root itself: path to source. */
  readonly files: Readonly<Record<string, { readonly source: string; readonly executable: boolean }>>;
  /** Parents before their children. */
  readonly mounts: readonly Mount[];
  readonly outputs: Readonly<Record<string, OutputPlace>>;
  /** Whether the action may make new names in the root itself. */
  readonly writable: boolean;
}

/** Gives the paths of parts of a store. */
type Parts = Pick<LocalTrees, 'treePath' | 'blobPath'>;

/** Determines how everything in an input root is mounted from a local store. Touches no file. */
export function layOut(root: InputRoot, store: Parts): Layout {
  const files = Object.entries(root.files).map(
    ([path, { digest, executable }]) => [path, { source: store.blobPath(digest), executable }] as const,
  );
  const outputs = Object.entries(root.outputs).map(
    ([output, { path, place, inside, united }]) => [output, { path, mount: place, inside, united }] as const,
  );
  return {
    directories: root.directories,
    links: root.links,
    texts: root.texts,
    files: Object.fromEntries(files),
    mounts: root.places.map((place) => mountOf(place, store)),
    outputs: Object.fromEntries(outputs),
    writable: root.writable,
  };
}

function mountOf(place: Place, store: Parts): Mount {
  const target = place.path;
  if (place.kind === 'file') {
    const { digest, executable } = place.file;
    return { kind: 'file', target, source: store.blobPath(digest), executable };
  }
  const { directories, files } = place;
  if (place.kind === 'empty') return { kind: 'scratch', target, directories, files };
  const { writable, texts } = place;
  const lowers = [...place.parts, ...place.below].map(({ tree, inside }) =>
    join(store.treePath(tree), inside),
  );
  const [only] = lowers;
  const added = directories.length + files.length + Object.keys(texts).length;
  // An overlay without an upper layer needs at least two lower directories.
  const single = lowers.length === 1 && !writable && added === 0;
  if (single && only !== undefined) return { kind: 'tree', target, source: only };
  return { kind: 'union', target, lowers, texts, writable, directories, files };
}
