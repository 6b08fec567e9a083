import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Limits } from '../../src/sources/limits.ts';
import { unpack } from '../../src/sources/unpack.ts';
import { unpackInThread } from '../../src/sources/unpack-thread.ts';
import { pax, tarBytes, type Entry } from './tar-bytes.ts';
import { temporaryDirectory } from './temporary.ts';

async function unpackBytes(
  bytes: Uint8Array,
  more: {
    readonly inner?: string;
    readonly directory?: string;
    readonly drop?: readonly string[];
    readonly limits?: Limits;
  } = {},
) {
  const directory = temporaryDirectory();
  const archive = join(directory, 'archive');
  writeFileSync(archive, bytes);
  const into = join(directory, 'into');
  mkdirSync(into);
  return unpack({ archive, name: 'p 1', into, ...more });
}

async function unpacked(
  entries: readonly Entry[],
  more: { readonly drop?: readonly string[] } = {},
): Promise<string> {
  const result = await unpackBytes(gzipSync(tarBytes(entries)), more);
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

async function refusal(entries: readonly Entry[], limits?: Limits): Promise<string> {
  const result = await unpackBytes(tarBytes(entries), limits === undefined ? {} : { limits });
  if (result.ok) throw new Error('it was unpacked');
  expect(result.failure).toMatchObject({ reason: 'hostile-archive', archive: 'p 1' });
  return result.failure.reason === 'hostile-archive' ? `${result.failure.entry}: ${result.failure.why}` : '';
}

describe('unpack', () => {
  it('removes the single top directory, and keeps only the executable bit of modes', async () => {
    const source = await unpacked([
      { path: 'p-1/', type: 'Directory', mode: 0o700 },
      { path: 'p-1/run', body: 'x', mode: 0o6755 },
      { path: 'p-1/deep/down/plain', body: 'y', mode: 0o4600 },
      { path: 'p-1/link', type: 'SymbolicLink', linkpath: 'deep/down/plain' },
    ]);
    expect(lstatSync(join(source, 'run')).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(source, 'deep/down/plain')).mode & 0o7777).toBe(0o644);
    expect(readlinkSync(join(source, 'link'))).toBe('deep/down/plain');
    expect(readFileSync(join(source, 'link'), 'utf8')).toBe('y');
  });

  it('keeps an archive without a top directory as it is', async () => {
    const source = await unpacked([
      { path: './', type: 'Directory' },
      { path: './a', body: 'a' },
      { path: './b/c', body: 'c' },
    ]);
    expect(readdirSync(source).sort()).toEqual(['a', 'b']);
  });

  it('does not take off a top that is a file', async () => {
    expect(readdirSync(await unpacked([{ path: 'only', body: 'a' }]))).toEqual(['only']);
  });

  it('reads pax and GNU long names', async () => {
    const long = `p-1/${'d'.repeat(200)}/${'f'.repeat(200)}`;
    const source = await unpacked([pax({ path: long }), { path: 'short', body: 'long' }]);
    expect(readFileSync(join(source, long.slice(4)), 'utf8')).toBe('long');
  });

  it('makes copies of hard links', async () => {
    const source = await unpacked([
      { path: 'p/a', body: 'one', mode: 0o755 },
      { path: 'p/b', type: 'Link', linkpath: 'p/a' },
    ]);
    expect(readFileSync(join(source, 'b'), 'utf8')).toBe('one');
    expect(lstatSync(join(source, 'b')).nlink).toBe(1);
    expect(lstatSync(join(source, 'b')).mode & 0o111).not.toBe(0);
  });

  it('lets a later file replace an earlier one, as tar does', async () => {
    const source = await unpacked([
      { path: 'p/a', body: 'a long first one', mode: 0o755 },
      { path: 'p/a', body: 'second' },
    ]);
    expect(readFileSync(join(source, 'a'), 'utf8')).toBe('second');
    expect(lstatSync(join(source, 'a')).mode & 0o111).toBe(0);
  });

  it('drops the given paths, including hostile links, and nothing with a similar name', async () => {
    const source = await unpacked(
      [
        { path: 'p/doc/manual', body: 'm' },
        { path: 'p/docs', body: 'd' },
        { path: 'p/bad', type: 'SymbolicLink', linkpath: '/etc/passwd' },
      ],
      { drop: ['doc', 'bad', 'absent'] },
    );
    expect(readdirSync(source)).toEqual(['docs']);
  });

  it('unpacks the archive inside an archive', async () => {
    const inner = gzipSync(tarBytes([{ path: 'q-2/file', body: 'inner' }]));
    const outer = gzipSync(
      tarBytes([
        { path: 'w/q-2.tar.gz', body: inner },
        { path: 'w/other.tar.gz', body: 'no archive' },
      ]),
    );
    const result = await unpackBytes(outer, { inner: 'q-2.tar.gz' });
    if (!result.ok) throw new Error(JSON.stringify(result.failure));
    expect(readFileSync(join(result.value, 'file'), 'utf8')).toBe('inner');
    const missing = await unpackBytes(outer, { inner: 'q-3.tar.gz' });
    expect(missing).toMatchObject({
      ok: false,
      failure: { reason: 'bad-archive', why: 'it does not hold q-3.tar.gz' },
    });
  });

  it('takes a source out of the archive that bundles it', async () => {
    const bundle = gzipSync(
      tarBytes([
        { path: 'w/third/p/file', body: 'bundled' },
        { path: 'w/third/p/doc/manual', body: 'm' },
        { path: 'w/third/p/up', type: 'SymbolicLink', linkpath: '../q' },
        { path: 'w/third/q', body: 'q' },
        { path: 'w/doc', body: 'd' },
      ]),
    );
    const result = await unpackBytes(bundle, { directory: 'third/p', drop: ['doc', 'up'] });
    if (!result.ok) throw new Error(JSON.stringify(result.failure));
    expect(readdirSync(result.value)).toEqual(['file']);
    // A link may stay inside the archive and yet leave the source.
    const leaving = await unpackBytes(bundle, { directory: 'third/p' });
    expect(leaving).toMatchObject({ ok: false, failure: { reason: 'hostile-archive', entry: 'up' } });
    for (const directory of ['third/none', 'third/q']) {
      const missing = await unpackBytes(bundle, { directory });
      const why = `it has no directory ${directory}`;
      expect(missing).toMatchObject({ ok: false, failure: { reason: 'bad-archive', why } });
    }
  });

  it('does the same in a thread', async () => {
    const directory = temporaryDirectory();
    const archive = join(directory, 'archive');
    writeFileSync(archive, gzipSync(tarBytes([{ path: 'p/a', body: 'a' }])));
    mkdirSync(join(directory, 'into'));
    const result = await unpackInThread({ archive, name: 'p', into: join(directory, 'into') });
    expect(result).toEqual({ ok: true, value: join(directory, 'into/tree/p') });
    expect(readFileSync(join(directory, 'into/tree/p/a'), 'utf8')).toBe('a');
  });
});

describe('a hostile archive', () => {
  const file = { path: 'p/plain', body: 'x' };

  it.each<[string, readonly Entry[], string]>([
    ['an absolute path', [{ path: '/etc/x', body: 'x' }], '/etc/x: an absolute path'],
    ['a path upwards', [{ path: 'p/../../x', body: 'x' }], 'p/../../x: a path with `..`'],
    ['a pax path upwards', [pax({ path: '../x' }), file], '../x: a path with `..`'],
    ['a device', [{ path: 'p/null', type: 'CharacterDevice' }], 'p/null: a device or pipe'],
    ['a pipe', [{ path: 'p/pipe', type: 'FIFO' }], 'p/pipe: a device or pipe'],
    [
      'an absolute link',
      [file, { path: 'p/l', type: 'SymbolicLink', linkpath: '/etc' }],
      'l: a link that leaves the tree, to /etc',
    ],
    [
      'a link upwards',
      [file, { path: 'p/l', type: 'SymbolicLink', linkpath: '../..' }],
      'l: a link that leaves the tree, to ../..',
    ],
    [
      'links that leave together',
      [
        { path: 'p/a/b/up', type: 'SymbolicLink', linkpath: '../..' },
        { path: 'p/evil', type: 'SymbolicLink', linkpath: 'a/b/up/../x' },
      ],
      'evil: a link that leaves the tree, to a/b/up/../x',
    ],
    [
      'a file through a link',
      [
        { path: 'p/l', type: 'SymbolicLink', linkpath: 'plain' },
        { path: 'p/l/x', body: 'x' },
      ],
      'p/l/x: it would be written through the link p/l',
    ],
    [
      'a file below a file',
      [file, { path: 'p/plain/x', body: 'x' }],
      'p/plain/x: its directory p/plain is a file of the archive',
    ],
    [
      'a file where a link was',
      [
        { path: 'p/l', type: 'SymbolicLink', linkpath: '/etc/passwd' },
        { path: 'p/l', body: 'x' },
      ],
      'p/l: it occurs twice, as different kinds of entry',
    ],
    [
      'a file where a directory was',
      [
        { path: 'p/d/', type: 'Directory' },
        { path: 'p/d', body: 'x' },
      ],
      'p/d: it occurs twice, as different kinds of entry',
    ],
    [
      'a hard link out of the tree',
      [{ path: 'p/h', type: 'Link', linkpath: '/etc/passwd' }],
      'p/h: an absolute path',
    ],
    [
      'a hard link to nothing of the archive',
      [{ path: 'p/h', type: 'Link', linkpath: 'p/absent' }],
      'p/h: a hard link to p/absent, which is not in the archive',
    ],
    [
      'a hard link to a directory',
      [
        { path: 'p/d/', type: 'Directory' },
        { path: 'p/h', type: 'Link', linkpath: 'p/d' },
      ],
      'p/h: a hard link to the directory p/d',
    ],
    ['a name that is not UTF-8', [{ path: 'p/\ufffd', body: '' }], 'p/\ufffd: a name that is not UTF-8'],
  ])('with %s is refused', async (_what, entries, why) => {
    expect(await refusal(entries)).toBe(why);
  });

  it('writes nothing outside while it is refused', async () => {
    const directory = temporaryDirectory();
    const archive = join(directory, 'archive');
    const entries: readonly Entry[] = [
      { path: 'p/out', type: 'SymbolicLink', linkpath: '../../..' },
      { path: 'p/out/written', body: 'x' },
    ];
    writeFileSync(archive, tarBytes(entries));
    mkdirSync(join(directory, 'into'));
    await unpack({ archive, name: 'p', into: join(directory, 'into') });
    expect(existsSync(join(directory, 'written'))).toBe(false);
    expect(readdirSync(directory).sort()).toEqual(['archive', 'into']);
  });

  it('accepts dangling links and cycles inside the tree', async () => {
    const source = await unpacked([
      { path: 'p/dangling', type: 'SymbolicLink', linkpath: 'nowhere/x' },
      { path: 'p/round', type: 'SymbolicLink', linkpath: 'about' },
      { path: 'p/about', type: 'SymbolicLink', linkpath: 'round' },
    ]);
    expect(readdirSync(source).sort()).toEqual(['about', 'dangling', 'round']);
  });

  it('of absurd size is refused', async () => {
    const limits: Limits = { totalBytes: 3000, fileBytes: 2000, entries: 5 };
    const entries = (sizes: readonly number[]) =>
      sizes.map((size, index) => ({ path: `p/${String(index)}`, body: 'x'.repeat(size) }));
    expect(await refusal(entries([2001]), limits)).toBe('p/0: too large: 2001 bytes');
    expect(await refusal(entries([1500, 1600]), limits)).toBe('p/1: the total size is too large');
    expect(await refusal(entries([0, 0, 0, 0, 0, 0]), limits)).toBe('p/5: too many entries');
    expect(await refusal([{ path: 'p/huge', size: 8 * 2 ** 30 }])).toBe(
      `p/huge: too large: ${String(8 * 2 ** 30)} bytes`,
    );
  });

  it('that unpacks to far more than its entries say is refused before the disk is full', async () => {
    const limits: Limits = { totalBytes: 1000, fileBytes: 1000, entries: 1 };
    const bomb = gzipSync(Buffer.concat([tarBytes([{ path: 'p/a', body: 'x' }]), Buffer.alloc(1 << 20)]));
    const result = await unpackBytes(bomb, { limits });
    expect(result).toMatchObject({ ok: false, failure: { reason: 'hostile-archive' } });
  });
});

describe('a damaged archive', () => {
  const good = tarBytes([{ path: 'p/a', body: 'x'.repeat(5000) }]);

  it.each<[string, Uint8Array]>([
    ['is text', Buffer.from('<html>404</html>')],
    ['is empty', Buffer.alloc(0)],
    ['is cut off in a file', good.subarray(0, 2048)],
    ['is cut off between entries', good.subarray(0, good.length - 1024)],
    ['is a cut off gzip', gzipSync(good).subarray(0, 40)],
    [
      'has a wrong header sum',
      Buffer.concat([good.subarray(0, good.length - 1024), Buffer.alloc(512, 'x'), Buffer.alloc(1024)]),
    ],
  ])('that %s is named as such', async (_what, bytes) => {
    expect(await unpackBytes(bytes)).toMatchObject({
      ok: false,
      failure: { reason: 'bad-archive', archive: 'p 1' },
    });
  });
});
