import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { toBytes } from '../../src/virtfs/bytes.ts';
import type { Entry } from '../../src/virtfs/entry.ts';
import { packShare } from '../../src/virtfs/pack-share.ts';
import { temporaryDirectory } from '../sources/temporary.ts';
import { packed, samplesOf } from './trees.ts';

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
let share = '';

beforeEach(() => {
  share = join(temporaryDirectory(), 'share');
  mkdirSync(share, { mode: 0o700 });
});

/** A file as the guest leaves it. */
function put(path: string, metadata: string | undefined, body = ''): string {
  const file = join(share, path);
  writeFileSync(file, body, { mode: 0o600 });
  if (metadata !== undefined) putMetadata(path, metadata);
  return file;
}

function putMetadata(path: string, text: string): string {
  const directory = join(share, path, '..', '.virtfs_metadata');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, path.split('/').at(-1) ?? '');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

async function entries(directory = share): Promise<Record<string, Omit<Entry, 'path'>>> {
  const samples = await samplesOf((await packed(directory)).tar);
  return Object.fromEntries(samples.map(({ entry: { path, ...rest } }) => [path, rest]));
}

async function failureOf(directory = share): Promise<unknown> {
  const sink = new Writable({
    write: (_piece, _encoding, done) => {
      done();
    },
  });
  const result = await packShare({ directory, sink });
  return result.ok ? undefined : result.failure;
}

describe('packShare', () => {
  it('gives what the guest sees', async () => {
    put('a', 'virtfs.uid=1000\nvirtfs.gid=100\nvirtfs.mode=35309\n', 'body');
    put('console', 'virtfs.uid=0\nvirtfs.gid=5\nvirtfs.mode=8592\nvirtfs.rdev=1281\n');
    put('link', 'virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=41471\n', '../x');
    put('pipe', 'virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=4534\n');
    mkdirSync(join(share, 'd'), { mode: 0o700 });
    putMetadata('d', 'virtfs.uid=7\nvirtfs.gid=-2\nvirtfs.mode=17407\n');
    expect(await entries()).toMatchObject({
      a: { uid: 1000, gid: 100, mode: 0o4755, content: { kind: 'file', size: 4 } },
      console: { uid: 0, gid: 5, mode: 0o620, content: { kind: 'character-device', major: 5, minor: 1 } },
      link: { mode: 0o777, content: { kind: 'symlink', target: '../x' } },
      pipe: { mode: 0o666, content: { kind: 'fifo' } },
      d: { uid: 7, gid: 2 ** 32 - 2, mode: 0o1777, content: { kind: 'directory' } },
    });
  });

  it('takes from the host what the metadata does not define', async () => {
    put('plain', undefined);
    put('emptied', '');
    put('owned', 'virtfs.uid=5\n');
    symlinkSync('/etc/passwd', join(share, 'link'));
    const made = await entries();
    expect(made).toMatchObject({
      plain: { uid, gid, mode: 0o600 },
      emptied: { uid, gid, mode: 0o600 },
      owned: { uid: 5, gid, mode: 0o600 },
      link: { content: { kind: 'symlink', target: '/etc/passwd' } },
    });
    expect(made['']).toMatchObject({ uid, gid, mode: 0o700 });
  });

  it('has the attributes of the share itself from its own file, and never packs metadata', async () => {
    writeFileSync(join(share, '.virtfs_metadata_root'), 'virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=17407\n');
    mkdirSync(join(share, 'd'));
    writeFileSync(join(share, 'd/.virtfs_metadata_root'), '');
    put('d/x', 'virtfs.uid=0\n');
    const made = await entries();
    expect(Object.keys(made)).toEqual(['', 'd', 'd/x']);
    expect(made['']).toMatchObject({ uid: 0, gid: 0, mode: 0o1777 });
  });

  it('packs a directory inside a share with the attributes that it has there', async () => {
    mkdirSync(join(share, 'upload'));
    putMetadata('upload', 'virtfs.uid=12\nvirtfs.gid=13\nvirtfs.mode=16872\n');
    expect((await entries(join(share, 'upload')))['']).toMatchObject({ uid: 12, gid: 13, mode: 0o750 });
  });

  it('finds all names of a file, and treats names with different attributes as two files', async () => {
    put('a', 'virtfs.uid=1\n', 'x');
    for (const name of ['b', 'c']) linkSync(join(share, 'a'), join(share, name));
    putMetadata('b', 'virtfs.uid=1\n');
    putMetadata('c', 'virtfs.uid=2\n');
    expect(await entries()).toMatchObject({
      a: { uid: 1, content: { kind: 'file', size: 1 } },
      b: { uid: 1, content: { kind: 'link', to: 'a' } },
      c: { uid: 2, content: { kind: 'file', size: 1 } },
    });
  });

  it('keeps times to the nanosecond', async () => {
    const file = put('a', undefined);
    execFileSync('touch', ['-d', '@1700000000.123456789', file]);
    expect((await entries())['a']).toMatchObject({ mtime: 1_700_000_000_123_456_789n });
  });

  it('names the sockets that it leaves out', async () => {
    put('s\tocket', 'virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=49645\n');
    const result = await packed(share);
    expect(result).toMatchObject({ entries: 1, sockets: ['s\\x09ocket'] });
  });

  it('gives the same bytes again', async () => {
    for (const name of ['b', 'a', 'ü', 'A']) put(name, 'virtfs.uid=0\n', name);
    expect((await packed(share)).tar.equals((await packed(share)).tar)).toBe(true);
    expect(Object.keys(await entries())).toEqual(['', 'A', 'a', 'b', toBytes('ü')]);
  });

  it('reads files of several pieces completely', async () => {
    const body = Buffer.alloc(1_000_001, 'abcdefg');
    writeFileSync(join(share, 'large'), body);
    const [, large] = await samplesOf((await packed(share)).tar);
    expect(large?.body.equals(body)).toBe(true);
  });

  it('rethrows errors of the sink', async () => {
    put('a', undefined, 'x');
    const sink = new Writable({
      write: (_piece, _encoding, done) => {
        done(new Error('full'));
      },
    });
    await expect(packShare({ directory: share, sink })).rejects.toThrow('full');
  });

  it('throws when the sink is destroyed while nobody reads from it', async () => {
    for (const name of ['a', 'b']) put(name, undefined, 'x'.repeat(1 << 19));
    const sink = new PassThrough();
    setTimeout(() => sink.destroy(new Error('gone')), 50);
    await expect(packShare({ directory: share, sink })).rejects.toThrow('gone');
  });

  it('ends when it is interrupted', async () => {
    const controller = new AbortController();
    controller.abort('SIGINT');
    const result = await packShare({ directory: share, sink: new Writable(), signal: controller.signal });
    expect(result).toEqual({ ok: false, failure: { reason: 'interrupted', signal: 'SIGINT' } });
  });
});

describe('a share that cannot be packed', () => {
  it('is not a directory', async () => {
    expect(await failureOf(put('file', undefined))).toMatchObject({
      reason: 'bad-share',
      path: join(share, 'file'),
      why: 'it is not a directory',
    });
    expect(await failureOf(join(share, 'absent'))).toMatchObject({
      reason: 'bad-share',
      path: join(share, 'absent'),
      why: 'there is no such directory',
    });
  });

  it('has metadata that cannot be read', async () => {
    put('a', undefined);
    const file = putMetadata('a', 'nonsense\n');
    expect(await failureOf()).toMatchObject({
      reason: 'bad-share',
      path: file,
      why: 'line 1 is not of the form virtfs.uid=NUMBER',
    });
    writeFileSync(file, 'virtfs.uid=0\n'.repeat(1000));
    expect(await failureOf()).toMatchObject({ path: file, why: 'it is not the metadata of a share' });
    rmSync(file);
    symlinkSync('/etc/passwd', file);
    expect(await failureOf()).toMatchObject({ path: file, why: 'it is not the metadata of a share' });
    rmSync(file);
    execFileSync('mkfifo', [file]);
    expect(await failureOf()).toMatchObject({ path: file, why: 'it is not the metadata of a share' });
  });

  it('has something else in place of a metadata directory', async () => {
    const place = join(share, '.virtfs_metadata');
    symlinkSync('/etc', place);
    expect(await failureOf()).toMatchObject({
      reason: 'bad-share',
      path: place,
      why: 'it is not a directory',
    });
  });

  it('has metadata that contradicts the file', async () => {
    const file = put('a', 'virtfs.mode=16877\n');
    expect(await failureOf()).toMatchObject({
      reason: 'bad-share',
      path: file,
      why: 'it is a file, but its metadata has the mode 40755 (octal)',
    });
    rmSync(file);
    mkdirSync(file);
    putMetadata('a', 'virtfs.mode=33188\n');
    expect(await failureOf()).toMatchObject({ path: file });
  });

  it.each([
    ['nothing', ''],
    ['too much', 'x'.repeat(4096)],
    ['a NUL byte', 'a\0b'],
  ])('has a symbolic link to %s', async (_what, target) => {
    const file = put('l', 'virtfs.mode=41471\n', target);
    expect(await failureOf()).toMatchObject({
      reason: 'bad-share',
      path: file,
      why: 'it should contain the target of a symbolic link, but does not',
    });
  });

  it.each<[string, (file: string) => void, string]>([
    [
      'grows',
      (file) => {
        appendFileSync(file, 'more');
      },
      'it changed while it was being read',
    ],
    [
      'shrinks',
      (file) => {
        truncateSync(file, 10);
      },
      'it shrank while it was being read',
    ],
    [
      'is written to',
      (file) => {
        utimesSync(file, 1, 1);
      },
      'it changed while it was being read',
    ],
    [
      'vanishes',
      (file) => {
        rmSync(file);
      },
      'no such file or directory',
    ],
  ])('has a file that %s meanwhile', async (_what, change, why) => {
    // What comes before fills a piece, so that the sink is called before the file is looked at again.
    put('before', undefined, 'x'.repeat(1 << 18));
    const file = put('file', undefined, 'x'.repeat(1 << 19));
    let pieces = 0;
    const sink = new Writable({
      write: (_piece, _encoding, done) => {
        pieces += 1;
        if (pieces === (why.startsWith('no such') ? 1 : 2)) change(file);
        done();
      },
    });
    const result = await packShare({ directory: share, sink });
    expect(result).toMatchObject({ ok: false, failure: { reason: 'bad-share', path: file, why } });
    expect(lstatSync(share).isDirectory()).toBe(true);
  });
});
