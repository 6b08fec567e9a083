import { execFile, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Digest } from '../core/digest.ts';
import { filesOf } from '../executor/input-files.ts';
import type { InputTree } from '../executor/input-tree.ts';
import type { InputRoot, Listings } from '../executor/input-root.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { Store, TreeEntry } from '../store/store.ts';
import { diskNames, guestEnter, guestInit, type GuestTask } from './guest-script.ts';
import { tarStream, type ArchiveEntry } from './tar-stream.ts';

/** Finds the bytes of a file, or the path of a file of this machine that has them. */
export type ContentOf = (digest: Digest) => Uint8Array | string;

/** What a guest's disk holds: what its init runs, and the action's root. */
export function diskEntries(task: GuestTask, tree: InputTree, contentOf: ContentOf): readonly ArchiveEntry[] {
  const text = (path: string, content: string): ArchiveEntry => {
    return { kind: 'file', path, executable: true, content: Buffer.from(content) };
  };
  const below = (path: string): string => `${diskNames.root}/${path}`;
  return [
    text(diskNames.init, guestInit(task)),
    text(diskNames.enter, guestEnter(task)),
    { kind: 'directory', path: diskNames.root },
    ...tree.entries.map((entry) => archiveEntry(below(entry.path), entry, contentOf)),
  ];
}

/** What the disk of tools holds: what is below `/tools` in a tree. */
export function toolEntries(tree: InputTree, contentOf: ContentOf): readonly ArchiveEntry[] {
  const prefix = `${toolsPlace.slice(1)}/`;
  return tree.entries
    .filter(({ path }) => path.startsWith(prefix))
    .map((entry) => archiveEntry(entry.path.slice(prefix.length), entry, contentOf));
}

function archiveEntry(path: string, entry: TreeEntry, contentOf: ContentOf): ArchiveEntry {
  if (entry.kind === 'directory') return { kind: 'directory', path };
  if (entry.kind === 'symlink') return { kind: 'symlink', path, target: entry.target };
  return { kind: 'file', path, executable: entry.executable, content: contentOf(entry.digest) };
}

/** Where an action has its tools. */
const toolsPlace = '/tools';

/**
 * An input root without its tools, and these alone: many actions have the same ones, which are then packed once. Undefined: there are
 * none, or something else lies among them.
 */
export function splitTools(
  root: InputRoot,
): { readonly rest: InputRoot; readonly tools: InputRoot } | undefined {
  const found = root.places.find(({ path }) => path === toolsPlace);
  const isAlone = ![...root.places.map(({ path }) => path), ...Object.keys(root.files)].some((path) =>
    path.startsWith(`${toolsPlace}/`),
  );
  if (found === undefined || !isAlone) return undefined;
  return {
    rest: { ...root, places: root.places.filter((place) => place !== found) },
    tools: {
      directories: [],
      links: {},
      texts: {},
      files: {},
      places: [found],
      outputs: {},
      writable: false,
    },
  };
}

/** Finds the contents of an input root: its texts in memory, everything else in the store. */
export function contentsOf(
  recipe: BoundRecipe,
  tree: Pick<InputTree, 'texts'>,
  listings: Listings,
  store: Store,
): ContentOf {
  const files = filesOf(recipe, listings, store);
  return (digest) => {
    const content = tree.texts.get(digest) ?? files.get(digest)?.path;
    if (content === undefined) throw new Error(`no bytes of ${digest} are known`);
    return content;
  };
}

/**
 * Writes an uncompressed squashfs: unpacking in an emulated machine takes longer than reading more. Throws if mksquashfs fails,
 * with what it said.
 *
 * @param mksquashfs the program; it must know `-tar`
 */
export async function writeSquashfs(
  mksquashfs: string,
  entries: readonly ArchiveEntry[],
  seconds: number,
  file: string,
): Promise<void> {
  const options = [
    '-tar',
    '-quiet',
    '-no-progress',
    '-noappend',
    '-no-xattrs',
    '-all-root',
    // Otherwise everybody could write to the top directory, which no archive names.
    '-root-mode',
    '0755',
    '-no-compression',
  ];
  const child = spawn(mksquashfs, ['-', file, ...options], { env: {}, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // A program that ended early is told by its exit code, better than by the pipe.
  const fed = pipeline(Readable.from(tarStream(entries, seconds)), child.stdin).catch(
    (error: unknown) => error,
  );
  const code = await ended;
  const fault = await fed;
  if (code !== 0) throw new Error(`mksquashfs ended with ${String(code)}: ${said.trim()}`);
  if (fault !== undefined) throw fault;
}

/**
 * Features of ext4 that a scratch disk has. No journal: nothing on it has to outlive a crash. With extents, room for swapping is
 * reserved in a moment, and not written. Large inodes keep times in nanoseconds.
 */
const scratchFeatures: readonly string[] = [
  'none',
  ...['extent', 'filetype', 'sparse_super', 'large_file', 'huge_file', 'flex_bg', 'dir_nlink', 'extra_isize'],
  ...['ext_attr', 'dir_index', 'uninit_bg'],
];

/**
 * Writes a disk with an empty file system, which takes no room until it is written to. Here that takes a moment, in a guest seconds.
 * Throws if mke2fs fails, with what it said.
 *
 * @param mke2fs the program, of e2fsprogs
 */
export async function writeScratchDisk(mke2fs: string, file: string, bytes: number): Promise<void> {
  const handle = await open(file, 'wx');
  await handle.truncate(bytes);
  await handle.close();
  const options = ['-q', '-F', '-O', scratchFeatures.join(','), '-I', '256', '-m', '0', '-i', '32768'];
  // A new file is all zeros: the guest's kernel need not write them.
  const settings = 'lazy_itable_init=1,assume_storage_prezeroed=1,nodiscard,root_owner=0:0';
  // Without a configuration, which says what `-t ext4` means, that would mean no extents, and times of whole seconds.
  const env = { MKE2FS_CONFIG: '/dev/null' };
  await promisify(execFile)(mke2fs, [...options, '-L', 'home', '-E', settings, file], { env });
}
