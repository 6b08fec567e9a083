import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTree, splitTree } from '../../src/store/canonical-tree.ts';
import {
  decodeDirectory,
  decodeTree,
  digestBytes,
  encodeDirectory,
  encodeTree,
  type DirectoryMessage,
} from '../../src/store/directory-message.ts';
import { runs } from '../setup/runs.ts';

/** An encoder that shares nothing with ours: tag, length, body. */
function field(number: number, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

function numberField(number: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const hash = 'ab'.repeat(32);
const content = Buffer.concat([field(1, hash), numberField(2, 7)]);
const properties = field(1, field(1, 'MTime'), field(2, '2017-01-15T01:30:15.01Z'));
const file = (name: string, ...more: readonly Uint8Array[]): Buffer =>
  field(1, field(1, name), field(2, content), ...more);
const directory = (name: string, digest: Uint8Array = content): Buffer =>
  field(2, field(1, name), field(2, digest));
const symlink = (name: string, target: string | Uint8Array, ...more: readonly Uint8Array[]): Buffer =>
  field(3, field(1, name), field(2, target), ...more);
const all = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

describe('decodeDirectory', () => {
  const plain: DirectoryMessage = {
    files: [
      { name: 'a', digest: digestOf(hash, 7), executable: true },
      { name: 'b', digest: digestOf(hash, 7), executable: false },
    ],
    directories: [{ name: 'd', digest: digestOf(hash, 7) }],
    symlinks: [{ name: 'l', target: '../x' }],
  };

  it('drops node properties and fields that it does not know', () => {
    const foreign = all(
      file('a', numberField(4, 1), field(6, properties)),
      file('b', numberField(4, 0), numberField(9, 5)),
      directory('d'),
      symlink('l', '../x', field(4, properties)),
      field(5, properties),
      field(77, 'x'),
      // Of fixed width.
      all(varint(20 * 8 + 5), Buffer.alloc(4)),
      all(varint(21 * 8 + 1), Buffer.alloc(8)),
    );
    expect(decodeDirectory(foreign)).toEqual(plain);
    expect(decodeDirectory(encodeDirectory(plain))).toEqual(plain);
  });

  it('accepts the fields of a node in any order, and any number except 0 as true', () => {
    const foreign = field(1, numberField(4, 2), field(2, content), field(1, 'a'));
    expect(decodeDirectory(foreign)?.files).toEqual([plain.files[0]]);
  });

  it('requires names in order of their bytes', () => {
    const names = ['B', 'a', 'é', '\u{fffd}', '\u{1f600}'];
    const decoded = decodeDirectory(all(...names.map((name) => file(name))));
    expect(decoded?.files.map(({ name }) => name)).toEqual(names);
  });

  it.each<[string, Uint8Array]>([
    ['files out of order', all(file('b'), file('a'))],
    ['directories out of order', all(directory('b'), directory('a'))],
    ['links out of order', all(symlink('b', 'x'), symlink('a', 'x'))],
    ['order of code units instead of bytes', all(file('\u{1f600}'), file('\u{fffd}'))],
    ['one name of two files', all(file('a'), file('a'))],
    ['one name of a file and a directory', all(file('a'), directory('a'))],
    ['one name of a directory and a link', all(directory('a'), symlink('a', 'x'))],
    ['a path for a name', file('a/b')],
    ['an absolute path for a name', file('/a')],
    ['.', directory('.')],
    ['..', directory('..')],
    ['an empty name', file('')],
    ['no name', field(1, field(2, content))],
    ['a name with a zero byte', file('a\0b')],
    ['a name that is not UTF-8', field(1, field(1, Buffer.from([0xff])), field(2, content))],
    ['half a surrogate pair', field(1, field(1, Buffer.from([0xed, 0xa0, 0x80])), field(2, content))],
    ['a target that is not UTF-8', symlink('a', Buffer.from([0xc3]))],
    ['an empty target', symlink('a', '')],
    ['no digest', field(1, field(1, 'a'))],
    ['a hash in capitals', field(1, field(1, 'a'), field(2, field(1, hash.toUpperCase())))],
    ['a short hash', field(1, field(1, 'a'), field(2, field(1, 'ab')))],
    ['a negative size', field(1, field(1, 'a'), field(2, field(1, hash), numberField(2, 2n ** 64n - 7n)))],
    ['a size beyond all', field(1, field(1, 'a'), field(2, field(1, hash), numberField(2, 2n ** 62n)))],
    ['a size that is text', field(1, field(1, 'a'), field(2, field(1, hash), field(2, '7')))],
    ['two names', field(1, field(1, 'a'), field(1, 'a'), field(2, content))],
    ['two digests', field(1, field(1, 'a'), field(2, content), field(2, content))],
    ['a number instead of a node', numberField(1, 1)],
    ['a group that does not end', varint(9 * 8 + 3)],
    ['a cut message', file('a').subarray(0, -1)],
  ])('refuses %s', (_, bytes) => {
    expect(decodeDirectory(bytes)).toBeUndefined();
  });

  it('gives something that it would encode to the same, or undefined, for any bytes', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated(messages().map(encodeDirectory)));
    fc.assert(
      fc.property(bytes, (any) => {
        const decoded = decodeDirectory(any);
        if (decoded === undefined) return;
        expect(decodeDirectory(encodeDirectory(decoded))).toEqual(decoded);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(messages(), (message) => {
        const encoded = encodeDirectory(message);
        const decoded = decodeDirectory(encoded);
        expect(decoded).toBeDefined();
        if (decoded !== undefined) expect(encodeDirectory(decoded)).toEqual(encoded);
      }),
    );
  });
});

describe('canonicalTree', () => {
  it('is what the same tree of ours would be, whatever a server added to it', () => {
    const inner = all(symlink('l', '/etc', field(4, properties)), field(5, properties));
    const innerDigest = all(field(1, partsOf(inner).hash), numberField(2, inner.length));
    const outer = all(
      file('f', field(6, properties)),
      directory('a', innerDigest),
      directory('b', innerDigest),
    );
    const canonical = canonicalTree(digestBytes(outer), [inner, outer]);
    const ourInner = encodeDirectory({
      files: [],
      directories: [],
      symlinks: [{ name: 'l', target: '/etc' }],
    });
    const ours = digestBytes(ourInner);
    const ourOuter = encodeDirectory({
      files: [{ name: 'f', digest: digestOf(hash, 7), executable: false }],
      directories: [
        { name: 'a', digest: ours },
        { name: 'b', digest: ours },
      ],
      symlinks: [],
    });
    expect(canonical).toEqual({
      tree: digestBytes(ourOuter),
      messages: new Map([
        [ours, ourInner],
        [digestBytes(ourOuter), ourOuter],
      ]),
      absoluteLinks: true,
    });
    // Once more it stays what it is.
    expect(canonicalTree(digestBytes(ourOuter), [ourInner, ourOuter])).toEqual(canonical);
  });

  it('takes the directories from a Tree message, where the empty one may be missing', () => {
    const empty = digestBytes(Buffer.alloc(0));
    const root = encodeDirectory({ files: [], directories: [{ name: 'd', digest: empty }], symlinks: [] });
    const foreign = all(field(9, 'x'), field(1, root), numberField(8, 1));
    const directories = splitTree(foreign);
    expect(directories?.map((bytes) => Buffer.from(bytes))).toEqual([Buffer.from(root)]);
    expect(canonicalTree(digestBytes(root), directories ?? [])).toMatchObject({
      tree: digestBytes(root),
      absoluteLinks: false,
    });
    expect(splitTree(all(field(1, root), field(1, root)))).toBeUndefined();
    expect(splitTree(field(2, root))).toBeUndefined();
    expect(splitTree(numberField(1, 3))).toBeUndefined();
    expect(splitTree(field(1, root).subarray(0, -1))).toBeUndefined();
  });

  it('is undefined for a directory that is missing or malformed', () => {
    const bad = all(file('b'), file('a'));
    const root = (digest: ReturnType<typeof digestBytes>): Uint8Array =>
      encodeDirectory({ files: [], directories: [{ name: 'd', digest }], symlinks: [] });
    expect(canonicalTree(digestOf(hash, 7), [])).toBeUndefined();
    expect(canonicalTree(digestBytes(root(digestOf(hash, 7))), [root(digestOf(hash, 7))])).toBeUndefined();
    expect(canonicalTree(digestBytes(root(digestBytes(bad))), [root(digestBytes(bad)), bad])).toBeUndefined();
  });

  /** A chain of directories, each of which holds the one before `width` times. */
  function chain(levels: number, width: number): { readonly root: Uint8Array; readonly all: Uint8Array[] } {
    const made = [encodeDirectory({ files: [], directories: [], symlinks: [] })];
    for (let level = 1; level < levels; level += 1) {
      const digest = digestBytes(made.at(-1) ?? Buffer.alloc(0));
      const directories = Array.from({ length: width }, (_, at) => ({ name: String(at), digest }));
      made.push(encodeDirectory({ files: [], directories, symlinks: [] }));
    }
    return { root: made.at(-1) ?? Buffer.alloc(0), all: made };
  }

  it('is undefined for a tree that cannot be unpacked', () => {
    const deep = chain(20_000, 1);
    expect(canonicalTree(digestBytes(deep.root), deep.all)).toBeUndefined();
    const fits = chain(1000, 1);
    expect(canonicalTree(digestBytes(fits.root), fits.all)?.tree).toBe(digestBytes(fits.root));
    const wide = chain(60, 2);
    expect(canonicalTree(digestBytes(wide.root), wide.all)).toBeUndefined();
    const narrow = chain(10, 2);
    expect(canonicalTree(digestBytes(narrow.root), narrow.all)?.tree).toBe(digestBytes(narrow.root));
  });

  it('never throws, whatever the messages are', () => {
    const trees = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated(messages().map(encodeDirectory))),
      {
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(trees, fc.uint8Array({ maxLength: 40 }), (directories, bytes) => {
        for (const each of directories) canonicalTree(digestBytes(each), directories);
        splitTree(bytes);
        decodeTree(encodeTree(bytes, directories), digestBytes(bytes));
      }),
      { numRuns: runs(300) },
    );
  });
});

function digestOf(hex: string, size: number): ReturnType<typeof digestBytes> {
  return `${hex}-${String(size)}` as ReturnType<typeof digestBytes>;
}

function partsOf(bytes: Uint8Array): { readonly hash: string } {
  return { hash: digestBytes(bytes).slice(0, 64) };
}

/** Valid messages, with names of all kinds. */
function messages(): fc.Arbitrary<DirectoryMessage> {
  const names = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
    .filter((name) => !/^\.{1,2}$|[/\0]/.test(name));
  const digests = fc.nat(1_000_000).map((size) => digestOf(hash, size));
  const node = fc.record({
    name: names,
    digest: digests,
    executable: fc.boolean(),
    target: names,
    kind: fc.nat(2),
  });
  return fc.uniqueArray(node, { maxLength: 6, selector: ({ name }) => name }).map((nodes) => ({
    files: nodes
      .filter(({ kind }) => kind === 0)
      .map(({ name, digest, executable }) => ({ name, digest, executable })),
    directories: nodes.filter(({ kind }) => kind === 1).map(({ name, digest }) => ({ name, digest })),
    symlinks: nodes.filter(({ kind }) => kind === 2).map(({ name, target }) => ({ name, target })),
  }));
}

/** Bytes of which some are another, gone, or one too many. */
function mutated(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { maxLength: 3 });
  return fc.tuple(bytes, changes).map(([before, edits]) => {
    const after = [...before];
    for (const [place, byte, kind] of edits)
      after.splice(place % (after.length + 1), kind === 2 ? 0 : 1, ...(kind === 1 ? [] : [byte]));
    return Uint8Array.from(after);
  });
}
