import type { Digest } from '../core/digest.ts';
import { decodeDirectory, digestBytes, encodeDirectory, type DirectoryMessage } from './directory-message.ts';
import { readFields } from './message-fields.ts';

/** A tree as what a remote cache holds of it, apart from the bytes of its files. */
export interface EncodedTree {
  /** Digest of the root's message. */
  readonly tree: Digest;
  /** Encoded `Directory` messages by digest: the root's and every other one. */
  readonly messages: ReadonlyMap<Digest, Uint8Array>;
  /** Whether a link in it has an absolute target: a server takes it only with `SymlinkAbsolutePathStrategy` `ALLOWED`. */
  readonly absoluteLinks: boolean;
}

/** A path has at most 4,096 bytes, so that nothing deeper can be unpacked. */
const mostLevels = 2048;
/** Equal directories share one message, so that a few messages can stand for more files than any disk takes. */
const mostEntries = 2 ** 24;

export function hasAbsoluteLink(message: DirectoryMessage): boolean {
  return message.symlinks.some(({ target }) => target.startsWith('/'));
}

/** The encoded directories in a `Tree` message of anybody's, the root's first; undefined when the bytes are none. */
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
 * Which tree of ours a tree of somebody else's is: the same files, directories and links, encoded in the one way that
 * gives our digest. Undefined when a directory is missing, malformed (`decodeDirectory`), or not what its digest says,
 * and for what is too deep or too large to be unpacked.
 *
 * @param root digest of the foreign root
 * @param directories encoded `Directory` messages, of which those below the root are read
 */
export function canonicalTree(root: Digest, directories: Iterable<Uint8Array>): EncodedTree | undefined {
  const foreign = new Map([...directories].map((bytes) => [digestBytes(bytes), bytes]));
  const known = new Map<Digest, Canonical>();
  const messages = new Map<Digest, Uint8Array>();
  let absoluteLinks = false;

  const visit = (directory: Digest, level: number): Canonical | undefined => {
    const before = known.get(directory);
    if (before !== undefined) return level + before.levels > mostLevels ? undefined : before;
    // No bytes are an empty directory, which nobody needs to send.
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
  /** Files, directories and links in it and below. */
  readonly entries: number;
  /** 1 for a directory without directories. */
  readonly levels: number;
}
