import type { Digest } from '../core/digest.ts';
import { decodeDirectory, digestBytes, encodeDirectory, type DirectoryMessage } from './directory-message.ts';
import { readFields } from './message-fields.ts';

/** A tree as a remote cache holds it, without the contents of its files. */
export interface EncodedTree {
  /** Digest of the root's message. */
  readonly tree: Digest;
  /** Encoded `Directory` messages by digest, including the root's. */
  readonly messages: ReadonlyMap<Digest, Uint8Array>;
  /**
   * Whether any symbolic link has an absolute target: servers accept that only with `SymlinkAbsolutePathStrategy`
   * `ALLOWED`.
   */
  readonly absoluteLinks: boolean;
}

/** A path has at most 4,096 bytes, so nothing deeper can be unpacked. */
const mostLevels = 2048;
/** Equal directories share one message, so a few messages can describe more files than fit on any disk. */
const mostEntries = 2 ** 24;

export function hasAbsoluteLink(message: DirectoryMessage): boolean {
  return message.symlinks.some(({ target }) => target.startsWith('/'));
}

/**
 * The encoded directories of a `Tree` message from an external source, the root's first; undefined if the bytes are not
 * such a message.
 */
export function splitTree(bytes: Uint8Array): readonly [Uint8Array, ...Uint8Array[]] | undefined {
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  const roots: Uint8Array[] = [];
  const children: Uint8Array[] = [];
  for (const { number, chunk } of fields) {
    if (number > 2) continue;
    if (chunk === undefined) return undefined;
    (number === 1 ? roots : children).push(chunk);
  }
  const [root] = roots;
  return root === undefined || roots.length > 1 ? undefined : [root, ...children];
}

/**
 * Converts an external tree to our canonical encoding: the same files, directories and links, encoded in the one way
 * that gives our digest. Undefined if a directory is missing, malformed (`decodeDirectory`) or does not match its
 * digest, or if the tree is too deep or too large to be unpacked.
 *
 * @param root digest of the external root
 * @param directories encoded `Directory` messages; only those reachable from the root are read
 */
export function canonicalTree(root: Digest, directories: Iterable<Uint8Array>): EncodedTree | undefined {
  const foreign = new Map([...directories].map((bytes) => [digestBytes(bytes), bytes]));
  const known = new Map<Digest, Canonical>();
  const messages = new Map<Digest, Uint8Array>();
  let absoluteLinks = false;

  const visit = (directory: Digest, level: number): Canonical | undefined => {
    const before = known.get(directory);
    if (before !== undefined) return level + before.levels > mostLevels ? undefined : before;
    // An empty message is an empty directory, which servers need not send.
    const bytes = foreign.get(directory) ?? (directory === empty ? new Uint8Array() : undefined);
    const message = bytes === undefined ? undefined : decodeDirectory(bytes);
    if (message === undefined || level >= mostLevels) return undefined;
    let entries = message.files.length + message.directories.length + message.symlinks.length;
    let levels = 1;
    const below: { readonly name: string; readonly digest: Digest }[] = [];
    for (const { name, digest } of message.directories) {
      const child = visit(digest, level + 1);
      if (child === undefined) return undefined;
      entries += child.entries;
      levels = Math.max(levels, 1 + child.levels);
      below.push({ name, digest: child.digest });
    }
    if (entries > mostEntries) return undefined;
    absoluteLinks ||= hasAbsoluteLink(message);
    const encoded = encodeDirectory({ ...message, directories: below });
    const canonical = { digest: digestBytes(encoded), entries, levels };
    messages.set(canonical.digest, encoded);
    known.set(directory, canonical);
    return canonical;
  };

  const tree = visit(root, 0)?.digest;
  return tree === undefined ? undefined : { tree, messages, absoluteLinks };
}

const empty = digestBytes(new Uint8Array());

interface Canonical {
  readonly digest: Digest;
  /** Number of files, directories and links in it and below. */
  readonly entries: number;
  /** 1 for a directory without subdirectories. */
  readonly levels: number;
}
