import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Limits } from '../../src/sources/limits.ts';
import { toBytes, type Bytes } from '../../src/virtfs/bytes.ts';
import type { Entry } from '../../src/virtfs/entry.ts';
import { unpackShare } from '../../src/virtfs/unpack-share.ts';
import { pax, tarBytes, type Entry as RawEntry } from '../sources/tar-bytes.ts';
import { temporaryDirectory } from '../sources/temporary.ts';
import { inPieces, packed, sample, samplesOf, tarOf, unpacked, type Sample } from './trees.ts';

let parent = '';
let share = '';

beforeEach(() => {
  parent = temporaryDirectory();
  share = join(parent, 'share');
});

async function failureOf(tar: Uint8Array, limits?: Limits): Promise<unknown> {
  const result = await unpackShare({
    tar: inPieces(tar, 700),
    name: 'x.tar',
    directory: share,
    ...(limits === undefined ? {} : { limits }),
  });
  return result.ok ? undefined : result.failure;
}

/** Why an archive is refused, and that nothing is left of it. */
async function refusal(tar: Uint8Array, limits?: Limits): Promise<string> {
  const failure = (await failureOf(tar, limits)) as { reason: string; entry: string; why: string };
  expect(failure).toMatchObject({ reason: 'unfit-tarball', tarball: 'x.tar' });
  expect(readdirSync(parent)).toEqual([]);
  return `${failure.entry}: ${failure.why}`;
}

function metadata(path: string): string {
  return readFileSync(join(share, path), 'latin1');
}

const device: Entry['content'] = { kind: 'block-device', major: 8, minor: 1 };

describe('unpackShare', () => {
  it('makes what qemu would have made', async () => {
    await unpacked(
      tarOf([
        sample('', { kind: 'directory' }, { mode: 0o1777, uid: 3 }),
        sample('d', { kind: 'directory' }, { mode: 0o755, gid: 2 ** 32 - 2 }),
        sample('d/file', 'body', { mode: 0o4755, uid: 1000, gid: 100 }),
        sample('d/disk', device, { mode: 0o660 }),
        sample('d/link', { kind: 'symlink', target: toBytes('/etc') }),
        sample('d/pipe', { kind: 'fifo' }),
      ]),
      share,
    );
    expect(metadata('.virtfs_metadata_root')).toBe('virtfs.uid=3\nvirtfs.gid=0\nvirtfs.mode=17407\n');
    expect(metadata('.virtfs_metadata/d')).toBe('virtfs.uid=0\nvirtfs.gid=-2\nvirtfs.mode=16877\n');
    expect(metadata('d/.virtfs_metadata/file')).toBe('virtfs.uid=1000\nvirtfs.gid=100\nvirtfs.mode=35309\n');
    expect(metadata('d/.virtfs_metadata/disk')).toBe(
      'virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=25008\nvirtfs.rdev=2049\n',
    );
    expect(metadata('d/.virtfs_metadata/link')).toBe('virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=41471\n');
    expect(metadata('d/.virtfs_metadata/pipe')).toBe('virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=4516\n');
    expect(readFileSync(join(share, 'd/link'), 'utf8')).toBe('/etc');
    expect(readFileSync(join(share, 'd/file'), 'utf8')).toBe('body');
    for (const name of ['file', 'disk', 'link', 'pipe']) {
      const made = lstatSync(join(share, 'd', name));
      expect(made.isFile(), name).toBe(true);
      expect(made.mode & 0o7777, name).toBe(0o600);
      expect(lstatSync(join(share, 'd/.virtfs_metadata', name)).mode & 0o7777, name).toBe(0o600);
    }
    expect(lstatSync(join(share, 'd')).mode & 0o7777).toBe(0o700);
  });

  it('links the metadata of links too, so that a change in the guest reaches all names', async () => {
    await unpacked(tarOf([sample('a', 'x'), sample('d/b', { kind: 'link', to: toBytes('a') })]), share);
    for (const [one, other] of [
      ['a', 'd/b'],
      ['.virtfs_metadata/a', 'd/.virtfs_metadata/b'],
    ] as const) {
      expect(lstatSync(join(share, one)).ino).toBe(lstatSync(join(share, other)).ino);
    }
  });

  it("gives root's directories where the tarball has none", async () => {
    await unpacked(tarOf([sample('a/b/c', 'x')]), share);
    expect(metadata('a/.virtfs_metadata/b')).toBe('virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=16877\n');
    expect(readdirSync(share).sort()).toEqual(['.virtfs_metadata', 'a']);
  });

  it('lets a later entry replace an earlier one, as tar does', async () => {
    await unpacked(
      tarOf([
        sample('a', 'long before', { uid: 1, mtime: 1_234_567_891n }),
        sample('b', { kind: 'link', to: toBytes('a') }),
        sample('a', device, { uid: 2 }),
        sample('d', { kind: 'directory' }, { uid: 1 }),
        sample('d', { kind: 'directory' }, { uid: 2 }),
      ]),
      share,
    );
    const samples = await samplesOf((await packed(share)).tar);
    expect(
      samples.slice(1).map(({ entry }) => [entry.path, entry.uid, entry.content.kind, entry.mtime]),
    ).toEqual([
      ['a', 2, 'block-device', 1_700_000_000_000_000_000n],
      ['b', 1, 'file', 1_234_567_891n],
      ['d', 2, 'directory', 1_700_000_000_000_000_000n],
    ]);
  });

  it('adds to what is there, and takes over directories', async () => {
    await unpacked(tarOf([sample('d', { kind: 'directory' }, { uid: 1 }), sample('d/a', 'a')]), share);
    await unpacked(tarOf([sample('d', { kind: 'directory' }, { uid: 2 }), sample('d/b', 'b')]), share);
    expect(metadata('.virtfs_metadata/d')).toContain('virtfs.uid=2\n');
    expect(readdirSync(join(share, 'd')).sort()).toEqual(['.virtfs_metadata', 'a', 'b']);
  });

  it('overwrites metadata of files that were removed on the host', async () => {
    mkdirSync(join(share, '.virtfs_metadata'), { recursive: true });
    for (const name of ['a', 'b']) writeFileSync(join(share, '.virtfs_metadata', name), 'virtfs.uid=9\n');
    await unpacked(tarOf([sample('a', 'x'), sample('b', { kind: 'link', to: toBytes('a') })]), share);
    expect(metadata('.virtfs_metadata/a')).toContain('virtfs.uid=0\n');
    expect(metadata('.virtfs_metadata/b')).toContain('virtfs.uid=0\n');
  });

  it('unpacks below a share with the attributes beside the directory', async () => {
    await unpacked(tarOf([sample('upload', { kind: 'directory' })]), share);
    await unpacked(tarOf([sample('', { kind: 'directory' }, { uid: 77 })]), join(share, 'upload'));
    expect(metadata('.virtfs_metadata/upload')).toContain('virtfs.uid=77\n');
    expect(readdirSync(join(share, 'upload'))).toEqual([]);
  });

  it('reads what GNU tar writes for a long name that is cut off behind a slash', async () => {
    const directory = 'd'.repeat(99);
    const source = join(parent, 'source');
    mkdirSync(join(source, directory), { recursive: true });
    writeFileSync(join(source, directory, 'file'), 'body');
    const tar = execFileSync('tar', ['--format=gnu', '-C', source, '-c', directory]);
    await unpacked(tar, share);
    expect(readFileSync(join(share, directory, 'file'), 'utf8')).toBe('body');
  });

  it.each(['v7', 'oldgnu', 'gnu', 'ustar', 'pax'])('reads the %s format', async (format) => {
    const source = join(parent, 'source');
    const directory = `${'d'.repeat(60)}/${'e'.repeat(20)}`;
    mkdirSync(join(source, directory), { recursive: true });
    writeFileSync(join(source, directory, 'file'), 'body');
    const long = format === 'v7' ? [] : ['f'.repeat(90)];
    for (const name of long) writeFileSync(join(source, directory, name), 'long');
    symlinkSync('file', join(source, directory, 'link'));
    const owner = ['--owner=12', '--group=13', '--mtime=@1700000000'];
    await unpacked(execFileSync('tar', [`--format=${format}`, ...owner, '-C', source, '-c', '.']), share);
    const samples = await samplesOf((await packed(share)).tar);
    expect(samples.map(({ entry }) => entry.path)).toEqual([
      '',
      'd'.repeat(60),
      directory,
      ...[...long, 'file', 'link'].map((name) => `${directory}/${name}`),
    ]);
    for (const { entry } of samples) {
      expect(entry).toMatchObject({ uid: 12, gid: 13, mtime: 1_700_000_000_000_000_000n });
    }
  });

  it('applies owners and times given for all entries', async () => {
    const globalHeader = tarBytes([pax({ uid: '5000000', mtime: '12.5' })]).subarray(0, 1024);
    globalHeader.write('g', 156);
    globalHeader.write('        ', 148);
    const sum = globalHeader.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    globalHeader.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await unpacked(Buffer.concat([globalHeader, tarBytes([{ path: 'a' }, { path: 'b' }])]), share);
    const samples = await samplesOf((await packed(share)).tar);
    for (const { entry } of samples.slice(1))
      expect(entry).toMatchObject({ uid: 5_000_000, mtime: 12_500_000_000n });
  });

  it('is not misled by line ends in extended headers', async () => {
    const path = `${'x'.repeat(120)}\n11 uid=77\n`;
    await unpacked(tarBytes([pax({ path }), { path: 'short', body: 'x' }]), share);
    expect(readdirSync(share)).toContain(path);
    expect(metadata(`.virtfs_metadata/${path}`)).toContain('virtfs.uid=0\n');
  });
});

const directory = { kind: 'directory' } as const;
const link = (to: string): Entry['content'] => ({ kind: 'link', to: to as Bytes });

describe('a hostile tarball', () => {
  it.each<[string, readonly Sample[], string]>([
    ['an absolute path', [sample('/etc/x', 'x')], '/etc/x: an absolute path'],
    ['a path upwards', [sample('p/../../x', 'x')], 'p/../../x: a path with `..`'],
    ['two dots alone', [sample('..', directory)], '../: a path with `..`'],
    ['a file without a name', [sample('.', 'x')], '.: an entry without a name'],
    ['an absolute hard link', [sample('h', link('/etc/passwd'))], 'h: an absolute path'],
    ['a hard link upwards', [sample('h', link('../x'))], 'h: a path with `..`'],
    [
      'a hard link to nothing of it',
      [sample('h', link('absent'))],
      'h: a hard link to absent, which has not appeared in the tarball before',
    ],
    [
      'a hard link to a directory',
      [sample('d', directory), sample('h', link('d'))],
      'h: a hard link to d, a directory',
    ],
    [
      'a file through a link',
      [sample('l', { kind: 'symlink', target: toBytes('/etc') }), sample('l/x', 'x')],
      'l/x: its directory l is not a directory in the tarball',
    ],
    [
      'a file below a file',
      [sample('f', 'x'), sample('f/x', 'x')],
      'f/x: its directory f is not a directory in the tarball',
    ],
    [
      'a file for a directory',
      [sample('d', directory), sample('d', 'x')],
      'd: it occurs twice, as different kinds of entry',
    ],
    [
      'a directory for a file',
      [sample('f', 'x'), sample('f', directory)],
      'f: it occurs twice, as different kinds of entry',
    ],
    [
      'metadata of its own',
      [sample('.virtfs_metadata/x', 'virtfs.uid=0\n')],
      '.virtfs_metadata/x: the name .virtfs_metadata, which is reserved in shares',
    ],
    [
      'metadata for the share',
      [sample('d/.virtfs_metadata_root', 'virtfs.uid=0\n')],
      'd/.virtfs_metadata_root: the name .virtfs_metadata_root, which is reserved in shares',
    ],
    [
      'a name too long',
      [sample(`d/${'x'.repeat(256)}`, 'x')],
      `d/${'x'.repeat(256)}: a name of more than 255 bytes`,
    ],
    [
      'a link target too long',
      [sample('l', { kind: 'symlink', target: 'x'.repeat(4096) as Bytes })],
      'l: a link target that is too long',
    ],
    [
      'a device that cannot exist',
      [sample('c', { kind: 'character-device', major: 4096, minor: 1 })],
      'c: a device number that Linux does not have: 4096:1',
    ],
    ['a terminal escape', [sample('/\x1b[2J', 'x')], '/\\x1b[2J: an absolute path'],
  ])('with %s is refused', async (_what, samples, why) => {
    expect(await refusal(tarOf([sample('good/before', 'x'), ...samples]))).toBe(why);
  });

  it.each<[string, readonly RawEntry[], string]>([
    [
      'an absurd owner',
      [pax({ uid: '4294967296' }), { path: 'a' }],
      'a: an owner that is not a number below 2^32',
    ],
    [
      'an owner that is no number',
      [pax({ gid: 'root' }), { path: 'a' }],
      'a: an owner that is not a number below 2^32',
    ],
    ['an impossible size', [pax({ size: '99999999999999999999' }), { path: 'a' }], 'a: an impossible size'],
    ['a time that is none', [pax({ mtime: 'noon' }), { path: 'a' }], 'a: a time that cannot be read'],
    [
      'a sparse file',
      [pax({ 'GNU.sparse.major': '1' }), { path: 'a' }],
      'a: a sparse file: make the tarball without --sparse',
    ],
    [
      'a hard link with content',
      [{ path: 'a' }, { path: 'h', type: 'Link', linkpath: 'a', body: 'x' }],
      'h: a hard link with content of its own',
    ],
    ['a link to nothing', [{ path: 'l', type: 'SymbolicLink' }], 'l: a link to nothing'],
    ['a NUL byte in a name', [pax({ path: 'a\0b' }), { path: 'a' }], 'a\\x00b: a NUL byte in a name'],
  ])('with %s is refused', async (_what, entries, why) => {
    expect(await refusal(tarBytes([{ path: 'good', body: 'x' }, ...entries]))).toBe(why);
  });

  it('of absurd size is refused', async () => {
    const limits: Limits = { totalBytes: 3000, fileBytes: 2000, entries: 5 };
    const files = (...sizes: readonly number[]) =>
      tarOf(sizes.map((size, index) => sample(String(index), 'x'.repeat(size))));
    expect(await refusal(files(2001), limits)).toBe('0: too large: 2001 bytes');
    expect(await refusal(files(1500, 1600), limits)).toBe('1: the total size is too large');
    expect(await refusal(files(0, 0, 0, 0, 0, 0), limits)).toBe('5: too many entries');
    expect(await refusal(Buffer.concat([files(1), Buffer.alloc(20_000)]), limits)).toBe(
      ': it has more than 3000 bytes',
    );
    expect(await refusal(tarBytes([{ path: 'huge', size: 2 ** 40 }]))).toBe(
      `huge: too large: ${String(2 ** 40)} bytes`,
    );
  });

  it('neither replaces nor harms what the share had', async () => {
    await unpacked(tarOf([sample('d/mine', 'mine', { uid: 5 })]), share);
    symlinkSync('/etc', join(share, 'out'));
    const before = (await packed(share)).tar;
    for (const [samples, entry, why] of [
      [
        [sample('new', 'x'), sample('d/mine', 'x')],
        'd/mine',
        'the share already has an entry with that name',
      ],
      [
        [sample('new/x', 'x'), sample('d/mine', directory)],
        'd/mine',
        'the share already has an entry with that name',
      ],
      [
        [sample('a', 'x'), sample('d/mine', link('a'))],
        'd/mine',
        'the share already has an entry with that name',
      ],
      [
        [sample('h', link('d/mine'))],
        'h',
        'a hard link to d/mine, which has not appeared in the tarball before',
      ],
      [[sample('out/passwd', 'x')], 'out/passwd', 'its directory out is not a directory in the share'],
      [[sample('out', directory)], 'out', 'the share already has an entry with that name'],
    ] as const) {
      expect(await failureOf(tarOf(samples))).toEqual({
        reason: 'unfit-tarball',
        tarball: 'x.tar',
        entry,
        why,
      });
    }
    const after = await samplesOf((await packed(share)).tar);
    const times = new Set(['', 'd']);
    const withoutTimes = ({ entry, body }: Sample) => ({
      entry: times.has(entry.path) ? { ...entry, mtime: 0n } : entry,
      body,
    });
    expect(after.map(withoutTimes)).toEqual((await samplesOf(before)).map(withoutTimes));
  });

  it('does not follow a link of the host in place of metadata', async () => {
    const elsewhere = join(parent, 'elsewhere');
    mkdirSync(elsewhere);
    mkdirSync(share);
    symlinkSync(elsewhere, join(share, '.virtfs_metadata'));
    expect(await failureOf(tarOf([sample('a', 'x')]))).toMatchObject({
      reason: 'bad-share',
      path: join(share, '.virtfs_metadata'),
      why: 'it is not a directory',
    });
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readdirSync(share)).toEqual(['.virtfs_metadata']);
  });
});

describe('a damaged tarball', () => {
  const good = tarOf([sample('a', 'x'.repeat(5000))]);

  it.each<[string, Uint8Array, string]>([
    [
      'is text',
      Buffer.from('<html>'.repeat(100)),
      ': it is damaged or not a tar archive: the checksum of a header is wrong',
    ],
    ['is empty', Buffer.alloc(0), ': it is cut off: its end is missing'],
    ['is cut off in a file', good.subarray(0, 2048), ': it is cut off: its end is missing'],
    ['is cut off between entries', good.subarray(0, 512 + 5120), ': it is cut off: its end is missing'],
    [
      'has nonsense for an extended header',
      tarBytes([{ path: 'x', type: 'ExtendedHeader', body: '99 path=x\n' }, { path: 'a' }]),
      ': it is damaged: an extended header cannot be read',
    ],
  ])('that %s is named as such, and leaves nothing', async (_what, bytes, why) => {
    expect(await refusal(bytes)).toBe(why);
  });

  it('is not tried if there is no share', async () => {
    writeFileSync(share, '');
    expect(await failureOf(good)).toMatchObject({
      reason: 'bad-share',
      path: share,
      why: 'it is not a directory',
    });
  });

  it('is not tried if no share can be created', async () => {
    share = join(parent, 'absent/share');
    expect(await failureOf(good)).toMatchObject({
      reason: 'bad-share',
      path: share,
      why: 'its parent directory does not exist',
    });
  });

  it('is left when it is interrupted', async () => {
    const controller = new AbortController();
    async function* interrupted(): AsyncGenerator<Uint8Array> {
      yield good.subarray(0, 1000);
      controller.abort('SIGTERM');
      yield good.subarray(1000);
    }
    const request = { tar: interrupted(), name: 'x.tar', directory: share, signal: controller.signal };
    expect(await unpackShare(request)).toEqual({
      ok: false,
      failure: { reason: 'interrupted', signal: 'SIGTERM' },
    });
    expect(readdirSync(parent)).toEqual([]);
  });
});
