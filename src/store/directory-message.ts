import { createHash } from 'node:crypto';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { digest, digestParts, type Digest } from '../core/digest.ts';

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

/** The Remote Execution API v2 message `Directory`, without node properties. */
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
 * Order of names in a directory: that of their UTF-8 bytes. It is code-unit order but for characters
 * beyond U+FFFF, whose surrogates would sort before U+E000 to U+FFFF.
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

/** Canonical encoding: fields in order of number, nodes in order of name, defaults left out. */
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

/** Reads a `Directory` message; undefined when the bytes are not one. */
export function decodeDirectory(bytes: Uint8Array): DirectoryMessage | undefined {
  const files: FileNode[] = [];
  const directories: DirectoryNode[] = [];
  const symlinks: SymlinkNode[] = [];
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  for (const { number, chunk } of fields) {
    const node = chunk === undefined ? undefined : readNode(chunk);
    if (node === undefined) return undefined;
    const { name, second, executable } = node;
    if (number === 3) {
      symlinks.push({ name, target: Buffer.from(second).toString() });
      continue;
    }
    const content = readDigest(second);
    if (content === undefined) return undefined;
    if (number === 1) files.push({ name, digest: content, executable });
    else if (number === 2) directories.push({ name, digest: content });
    else return undefined;
  }
  return { files, directories, symlinks };
}

/**
 * The message `Tree`: a root `Directory` and every different one below it, given as encoded. Kept beside a
 * tree in the store, so that listing it touches none of its files.
 */
export function encodeTree(root: Uint8Array, children: Iterable<Uint8Array>): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).bytes(root);
  for (const child of children) writer.tag(2, WireType.LengthDelimited).bytes(child);
  return writer.finish();
}

/** Directories of an encoded `Tree` by digest, or undefined when the bytes are not such a message of root `tree`. */
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

interface Field {
  readonly number: number;
  /** Bytes of a length-delimited field; undefined for a number. */
  readonly chunk?: Uint8Array;
  readonly varint?: bigint;
}

/** Splits a message into fields; undefined when it is cut short or holds what we never write. */
function readFields(bytes: Uint8Array): Field[] | undefined {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === WireType.LengthDelimited) fields.push({ number, chunk: reader.bytes() });
      else if (type === WireType.Varint) fields.push({ number, varint: BigInt(reader.uint64()) });
      else return undefined;
    }
  } catch {
    // The reader throws on any malformed input, and does nothing else that may fail.
    return undefined;
  }
  return fields;
}

function readNode(
  bytes: Uint8Array,
): { readonly name: string; readonly second: Uint8Array; readonly executable: boolean } | undefined {
  const fields = readFields(bytes);
  const name = fields?.find((field) => field.number === 1)?.chunk;
  const second = fields?.find((field) => field.number === 2)?.chunk;
  if (name === undefined || second === undefined) return undefined;
  const executable = fields?.some((field) => field.number === 4 && field.varint === 1n) === true;
  const text = Buffer.from(name).toString();
  // A name that is a path could lead whoever unpacks the message out of the tree.
  if (['', '.', '..'].includes(text) || text.includes('/')) return undefined;
  return { name: text, second, executable };
}

function readDigest(bytes: Uint8Array): Digest | undefined {
  const fields = readFields(bytes);
  const hash = fields?.find((field) => field.number === 1)?.chunk;
  const size = fields?.find((field) => field.number === 2)?.varint ?? 0n;
  const text = `${hash === undefined ? '' : Buffer.from(hash).toString('latin1')}-${String(size)}`;
  return /^[0-9a-f]{64}-[0-9]+$/.test(text) ? digest(text) : undefined;
}
