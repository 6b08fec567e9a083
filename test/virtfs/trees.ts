import fc from 'fast-check';
import { Readable, Writable } from 'node:stream';
import { toBytes, type Bytes } from '../../src/virtfs/bytes.ts';
import type { Content, Entry } from '../../src/virtfs/entry.ts';
import { isReserved, largestMajor, largestMinor } from '../../src/virtfs/metadata.ts';
import { packShare, type Packed } from '../../src/virtfs/pack-share.ts';
import { readTar } from '../../src/virtfs/tar-read.ts';
import { tarEnd, tarHead, tarPadding } from '../../src/virtfs/tar-write.ts';
import { unpackShare, type Unpacked } from '../../src/virtfs/unpack-share.ts';

/** An entry with what a file holds; empty for everything else. */
export interface Sample {
  readonly entry: Entry;
  readonly body: Buffer;
}

/** What a test takes for granted when it is not about it. */
export function sample(path: string, content: Content | string, more: Partial<Entry> = {}): Sample {
  const body = Buffer.from(typeof content === 'string' ? content : '');
  return {
    entry: {
      path: toBytes(path),
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 1_700_000_000_000_000_000n,
      content: typeof content === 'string' ? { kind: 'file', size: body.length } : content,
      ...more,
    },
    body,
  };
}

/** A tarball of exactly these entries. */
export function tarOf(samples: readonly Sample[]): Buffer {
  const pieces = samples.flatMap(({ entry, body }) => [tarHead(entry), body, tarPadding(body.length)]);
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return Buffer.concat([...pieces, tarEnd(bytes)]);
}

/** The entries of a tarball, with what files hold. */
export async function samplesOf(tar: Uint8Array): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const { entry, body } of readTar(inPieces(tar, 1000))) {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    samples.push({ entry, body: Buffer.concat(pieces) });
  }
  return samples;
}

export function inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return Readable.from(pieces);
}

/** Unpacks, and insists. */
export async function unpacked(tar: Uint8Array, directory: string): Promise<Unpacked> {
  const result = await unpackShare({ tar: inPieces(tar, 5000), name: 'test.tar', directory });
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

/** Packs, and insists. */
export async function packed(directory: string): Promise<Packed & { readonly tar: Buffer }> {
  const pieces: Buffer[] = [];
  const sink = new Writable({
    write: (piece: Buffer, _, done) => {
      pieces.push(Buffer.from(piece));
      done();
    },
  });
  const result = await packShare({ directory, sink });
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return { ...result.value, tar: Buffer.concat(pieces) };
}

/** What a random tree may have. */
export interface Extent {
  /** Undefined: 2^32-1. */
  readonly largestOwner?: number;
  /** Whether times are of whole seconds, from 1970 on. */
  readonly wholeSeconds?: boolean;
  /** Whether only files and symbolic links have several names. */
  readonly plainLinks?: boolean;
}

type Leaf = { readonly content: Content; readonly body: Buffer } | { readonly again: number };
type Node = { readonly attributes: Attributes } & (
  { readonly children: ReadonlyMap<Bytes, Node> } | { readonly leaf: Leaf }
);
type Attributes = Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtime'>;

const nameByte = fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f);
const name: fc.Arbitrary<Bytes> = fc
  .oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[a-c.]{1,3}$/).map(toBytes) },
    { weight: 2, arbitrary: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).map(toBytes) },
    { weight: 1, arbitrary: fc.uint8Array({ min: 1, minLength: 1, maxLength: 9 }).map(toBytes) },
    {
      weight: 2,
      arbitrary: fc
        .array(nameByte, { minLength: 95, maxLength: 255 })
        .map((bytes) => toBytes(Uint8Array.from(bytes))),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(toBytes('ü'.repeat(127)), toBytes('x'.repeat(255)), toBytes('a\nb')),
    },
  )
  .map((bytes) => bytes.replaceAll('/', '-').replaceAll('\0', '-').slice(0, 255) as Bytes)
  .filter((bytes) => bytes !== '' && bytes !== '.' && bytes !== '..' && !isReserved(bytes));

const target: fc.Arbitrary<Bytes> = fc.oneof(
  name,
  fc.constantFrom('/etc/passwd', '../..', 'nowhere', `/${'long/'.repeat(60)}`).map(toBytes),
  fc.array(name, { minLength: 1, maxLength: 14 }).map((parts) => parts.join('/') as Bytes),
);

const leaf: fc.Arbitrary<Leaf> = fc.oneof(
  fc.uint8Array({ maxLength: 1500 }).map((bytes) => ({
    content: { kind: 'file' as const, size: bytes.length },
    body: Buffer.from(bytes),
  })),
  fc
    .oneof(
      target.map((to) => ({ kind: 'symlink' as const, target: to })),
      fc.record({
        kind: fc.constantFrom('character-device' as const, 'block-device' as const),
        major: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: largestMajor })),
        minor: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: largestMinor })),
      }),
      fc.constant({ kind: 'fifo' as const }),
    )
    .map((content) => ({ content, body: Buffer.alloc(0) })),
  fc.nat().map((again) => ({ again })),
);

/** A share with everything that a tarball can hold, in the order in which shares are packed. */
export function shares({
  largestOwner = 2 ** 32 - 1,
  wholeSeconds = false,
  plainLinks = false,
}: Extent = {}): fc.Arbitrary<Sample[]> {
  const owner = fc.oneof(
    fc.constantFrom(0, 1000, 65534, 2 ** 21 - 1, 2 ** 21, 2 ** 31, largestOwner),
    fc.integer({ min: 0, max: largestOwner }),
  );
  const wholeTime = fc.bigInt({ min: 0n, max: 2n ** 33n + 10n }).map((seconds) => seconds * 1_000_000_000n);
  const time = wholeSeconds
    ? wholeTime
    : fc.oneof(
        wholeTime,
        fc.bigInt({ min: (1n - 2n ** 31n) * 1_000_000_000n, max: 2n ** 33n * 1_000_000_000n }),
        fc
          .bigInt({ min: -1_500_000n, max: 2n ** 31n * 1_000_000n })
          .map((microseconds) => microseconds * 1000n),
      );
  const attributes: fc.Arbitrary<Attributes> = fc.record({
    mode: fc.oneof(
      fc.constantFrom(0, 0o644, 0o4755, 0o2775, 0o1777, 0o7777),
      fc.integer({ min: 0, max: 0o7777 }),
    ),
    uid: owner,
    gid: owner,
    mtime: time,
  });
  const { directory } = fc.letrec<{ directory: Node; node: Node }>((tie) => ({
    node: fc.oneof({ maxDepth: 6, depthSize: 'small' }, fc.record({ attributes, leaf }), tie('directory')),
    directory: fc.record({
      attributes,
      children: fc.array(fc.tuple(name, tie('node')), { maxLength: 6 }).map((pairs) => new Map(pairs)),
    }),
  }));
  return directory.map((root) => flatten(root, plainLinks));
}

function flatten(root: Node, plainLinks: boolean): Sample[] {
  const unlinked = plainLinks
    ? ['directory', 'link', 'fifo', 'character-device', 'block-device']
    : ['directory', 'link'];
  const samples: Sample[] = [];
  const visit = (path: Bytes, node: Node): void => {
    const { attributes } = node;
    if ('children' in node) {
      samples.push({ entry: { path, ...attributes, content: { kind: 'directory' } }, body: Buffer.alloc(0) });
      for (const [child, below] of [...node.children].sort(([a], [b]) => (a < b ? -1 : 1))) {
        visit((path === '' ? child : `${path}/${child}`) as Bytes, below);
      }
      return;
    }
    if ('again' in node.leaf) {
      const linkable = samples.filter(({ entry }) => !unlinked.includes(entry.content.kind));
      const first = linkable[node.leaf.again % linkable.length];
      if (first === undefined) return;
      const { path: to, ...shared } = first.entry;
      samples.push({ entry: { ...shared, path, content: { kind: 'link', to } }, body: Buffer.alloc(0) });
      return;
    }
    const { content, body } = node.leaf;
    // Links have one mode only on Linux.
    const mode = content.kind === 'symlink' ? 0o777 : attributes.mode;
    samples.push({ entry: { path, ...attributes, mode, content }, body });
  };
  visit('' as Bytes, root);
  return samples;
}
