import { createHash } from 'node:crypto';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { digest, digestParts, isDigest, type Digest } from '../core/digest.ts';
import { onlyField, readFields, readText } from './message-fields.ts';

/** A file in a `DirectoryMessage`. */
export interface FileNode {
  readonly name: string;
  readonly digest: Digest;
  readonly executable: boolean;
}

export interface DirectoryNode {
  readonly name: string;
  /** Digest of the encoded `DirectoryMessage` below. */
  readonly digest: Digest;
}

export interface SymlinkNode {
  readonly name: string;
  readonly target: string;
}

/**
 * The Remote Execution API v2 message `Directory`, without node properties, which describe nothing that our trees have.
 */
export interface DirectoryMessage {
  readonly files: readonly FileNode[];
  readonly directories: readonly DirectoryNode[];
  readonly symlinks: readonly SymlinkNode[];
}

/** Content address of some bytes. */
export function digestBytes(bytes: Uint8Array): Digest {
  return digest(`${createHash('sha256').update(bytes).digest('hex')}-${String(bytes.length)}`);
}

/**
 * Order of names in a directory: that of their UTF-8 bytes. It equals code-unit order except for characters beyond
 * U+FFFF, whose surrogates would sort before U+E000 to U+FFFF.
 */
export function compareNames(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return byteRank(left) - byteRank(right);
  }
  return a.length - b.length;
}

function byteRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Canonical encoding: fields in order of number, nodes in order of name, default values omitted. */
export function encodeDirectory(message: DirectoryMessage): Uint8Array {
  const writer = new BinaryWriter();
  for (const file of byName(message.files)) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(file.name);
    writeDigest(writer, file.digest);
    if (file.executable) writer.tag(4, WireType.Varint).bool(true);
    writer.join();
  }
  for (const directory of byName(message.directories)) {
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(directory.name);
    writeDigest(writer, directory.digest);
    writer.join();
  }
  for (const symlink of byName(message.symlinks)) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(symlink.name);
    writer.tag(2, WireType.LengthDelimited).string(symlink.target);
    writer.join();
  }
  return writer.finish();
}

function byName<Node extends { readonly name: string }>(nodes: readonly Node[]): Node[] {
  return [...nodes].sort((a, b) => compareNames(a.name, b.name));
}

function writeDigest(writer: BinaryWriter, value: Digest): void {
  const { hash, size } = digestParts(value);
  writer.tag(2, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(hash);
  if (size > 0) writer.tag(2, WireType.Varint).int64(size);
  writer.join();
}

/**
 * Decodes a `Directory` message from an external source; unknown fields and node properties are dropped. Undefined if
 * the bytes are not such a message, or it violates the requirements of the Remote Execution API: every list sorted by
 * name, no duplicate names, no name that is a path, text in UTF-8, no field twice.
 */
export function decodeDirectory(bytes: Uint8Array): DirectoryMessage | undefined {
  const files: FileNode[] = [];
  const directories: DirectoryNode[] = [];
  const symlinks: SymlinkNode[] = [];
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  for (const { number, chunk } of fields) {
    if (number > 3) continue;
    const node = chunk === undefined ? undefined : readNode(chunk);
    if (node === undefined) return undefined;
    const { name, second, executable } = node;
    if (number === 3) {
      const target = readText(second);
      if (target === undefined || target === '') return undefined;
      symlinks.push({ name, target });
      continue;
    }
    const content = readDigest(second);
    if (content === undefined) return undefined;
    if (number === 1) files.push({ name, digest: content, executable });
    else directories.push({ name, digest: content });
  }
  if (![files, directories, symlinks].every(isSorted)) return undefined;
  const nodes = [...files, ...directories, ...symlinks];
  if (new Set(nodes.map(({ name }) => name)).size < nodes.length) return undefined;
  return { files, directories, symlinks };
}

function isSorted(nodes: readonly { readonly name: string }[]): boolean {
  return nodes.every(({ name }, at) => at === 0 || compareNames(nodes[at - 1]?.name ?? '', name) < 0);
}

/**
 * Encodes the message `Tree`: a root `Directory` and every distinct one below it, already encoded. It is kept beside a
 * tree in the store, so that the tree can be listed without touching its files.
 */
export function encodeTree(root: Uint8Array, children: Iterable<Uint8Array>): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).bytes(root);
  for (const child of children) writer.tag(2, WireType.LengthDelimited).bytes(child);
  return writer.finish();
}

/** Directories of an encoded `Tree` by digest, or undefined if the bytes are not such a message with root `tree`. */
export function decodeTree(bytes: Uint8Array, tree: Digest): Map<Digest, DirectoryMessage> | undefined {
  const found = new Map<Digest, DirectoryMessage>();
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  for (const { chunk } of fields) {
    const message = chunk === undefined ? undefined : decodeDirectory(chunk);
    if (chunk === undefined || message === undefined) return undefined;
    found.set(digestBytes(chunk), message);
  }
  for (const message of [...found.values()]) {
    if (message.directories.some((child) => !found.has(child.digest))) return undefined;
  }
  return found.has(tree) ? found : undefined;
}

function readNode(
  bytes: Uint8Array,
): { readonly name: string; readonly second: Uint8Array; readonly executable: boolean } | undefined {
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  const name = onlyField(fields, 1);
  const second = onlyField(fields, 2);
  const executable = onlyField(fields, 4);
  if (!name || !second || name.chunk === undefined || second.chunk === undefined) return undefined;
  // In symlink nodes, field 4 holds the node properties.
  if (executable === false) return undefined;
  const text = readText(name.chunk);
  // A name that is a path could make a file be unpacked outside the tree.
  if (text === undefined || ['', '.', '..'].includes(text) || text.includes('/')) return undefined;
  return { name: text, second: second.chunk, executable: (executable?.varint ?? 0n) !== 0n };
}

function readDigest(bytes: Uint8Array): Digest | undefined {
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  const hash = onlyField(fields, 1);
  const size = onlyField(fields, 2);
  if (!hash || hash.chunk === undefined || size === false) return undefined;
  if (size !== undefined && size.varint === undefined) return undefined;
  const length = size?.varint ?? 0n;
  // Larger values do not fit a safe integer; negative ones are decoded as large values.
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const text = `${Buffer.from(hash.chunk).toString('latin1')}-${String(length)}`;
  return isDigest(text) ? text : undefined;
}
