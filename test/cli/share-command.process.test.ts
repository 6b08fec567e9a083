import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharePackCommand, shareUnpackCommand } from '../../src/cli/share-command.ts';
import { testSession, type TestSession } from './rig.ts';

/** A session in a directory with a share. */
function sessionWithShare(): TestSession & { readonly share: string } {
  const session = testSession();
  const share = path.join(session.home, 'share');
  mkdirSync(path.join(share, '.virtfs_metadata'), { recursive: true });
  writeFileSync(path.join(share, 'null'), '');
  writeFileSync(
    path.join(share, '.virtfs_metadata/null'),
    'virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=8630\nvirtfs.rdev=259\n',
  );
  return { ...session, share };
}

describe('share pack and share unpack', () => {
  test.each(['a.tar', 'a.tar.gz', 'a.tgz'])('go by way of %s', async (name) => {
    const session = sessionWithShare();
    expect(await sharePackCommand(session, 'share', name)).toBe(0);
    expect(session.said).toEqual({ out: `${name}: 2 entries\n`, err: '' });
    const listed = execFileSync('tar', ['--numeric-owner', '-tvf', path.join(session.home, name)]);
    expect(listed.toString()).toMatch(/^crw-rw-rw- 0\/0 +1,3 .* null$/m);
    session.said.out = '';
    expect(await shareUnpackCommand(session, name, 'again')).toBe(0);
    expect(session.said).toEqual({ out: 'again: 2 entries\n', err: '' });
    expect(readFileSync(path.join(session.home, 'again/.virtfs_metadata/null'), 'utf8')).toContain(
      'rdev=259\n',
    );
    expect(readdirSync(session.home).sort()).toEqual([name, 'again', 'share'].sort());
  });

  test('give the same bytes for the same share', async () => {
    const session = sessionWithShare();
    for (const name of ['a.tgz', 'b.tgz']) expect(await sharePackCommand(session, 'share', name)).toBe(0);
    const read = (name: string) => readFileSync(path.join(session.home, name));
    expect(read('a.tgz').equals(read('b.tgz'))).toBe(true);
  });

  test('unpack takes xz too', async () => {
    const session = sessionWithShare();
    execFileSync('tar', ['-C', session.home, '-cJf', path.join(session.home, 'a.tar.xz'), 'share']);
    expect(await shareUnpackCommand(session, 'a.tar.xz', 'again')).toBe(2);
    expect(session.said.err).toBe(
      'bootstrap: a.tar.xz cannot be unpacked into a share: the name .virtfs_metadata, which is reserved in shares\n' +
        '  entry     share/.virtfs_metadata/\n' +
        '  Nothing from it was left in the share.\n',
    );
  });

  test('pack says which socket it leaves out', async () => {
    const session = sessionWithShare();
    writeFileSync(path.join(session.share, '.virtfs_metadata/null'), 'virtfs.mode=49645\n');
    expect(await sharePackCommand(session, 'share', 'a.tar')).toBe(0);
    expect(session.said).toEqual({
      out: 'a.tar: 1 entry\n',
      err: 'bootstrap: left out the socket null, which no tarball can hold\n',
    });
  });
});

describe('wrong use', () => {
  test.each([
    ['a.zip', 'the format of a.zip cannot be determined from its name\n  Name it .tar, .tar.gz or .tgz.'],
    ['share/a.tar', 'share/a.tar is inside the share itself\n  Name a file outside it.'],
  ])('packing into %s', async (name, text) => {
    const session = sessionWithShare();
    expect(await sharePackCommand(session, 'share', name)).toBe(2);
    expect(session.said.err).toBe(`bootstrap: ${text}\n`);
  });

  test('packing what is no directory leaves no tarball', async () => {
    const session = sessionWithShare();
    expect(await sharePackCommand(session, 'share/null', 'a.tar')).toBe(2);
    expect(session.said.err).toBe(
      `bootstrap: ${session.share}/null: it is not a directory\n` +
        '  Name the directory that the emulator shares with its guest.\n',
    );
    expect(readdirSync(session.home)).toEqual(['share']);
  });

  test('a failed pack leaves the tarball that was there', async () => {
    const session = sessionWithShare();
    writeFileSync(path.join(session.home, 'a.tar'), 'before');
    writeFileSync(path.join(session.share, '.virtfs_metadata/null'), 'nonsense');
    expect(await sharePackCommand(session, 'share', 'a.tar')).toBe(2);
    expect(session.said.err).toContain('line 1 is not of the form virtfs.uid=NUMBER\n');
    expect(readFileSync(path.join(session.home, 'a.tar'), 'utf8')).toBe('before');
    expect(readdirSync(session.home).sort()).toEqual(['a.tar', 'share']);
  });

  test.each(['absent/a.tar', 'directory.tar'])('packing into %s', async (name) => {
    const session = sessionWithShare();
    mkdirSync(path.join(session.home, 'directory.tar'));
    expect(await sharePackCommand(session, 'share', name)).toBe(2);
    expect(session.said.err).toContain(`cannot write to ${session.home}/${name}\n`);
    expect(readdirSync(session.home).sort()).toEqual(['directory.tar', 'share']);
  });

  test.each([
    ['absent.tar', 'there is no such file'],
    ['share', 'it is a directory'],
    ['share/null', 'it is not a tar archive, plain or compressed with gzip, xz or bzip2'],
  ])('unpacking %s', async (name, why) => {
    const session = sessionWithShare();
    expect(await shareUnpackCommand(session, name, 'again')).toBe(2);
    expect(session.said.err).toBe(
      `bootstrap: ${name} cannot be unpacked into a share: ${why}\n  Nothing from it was left in the share.\n`,
    );
    expect(readdirSync(session.home)).toEqual(['share']);
  });

  test('unpacking a damaged tarball leaves nothing', async () => {
    const session = sessionWithShare();
    writeFileSync(path.join(session.share, 'large'), Buffer.alloc(3_000_000, 'x'));
    expect(await sharePackCommand(session, 'share', 'a.tgz')).toBe(0);
    const whole = readFileSync(path.join(session.home, 'a.tgz'));
    writeFileSync(path.join(session.home, 'cut.tgz'), whole.subarray(0, whole.length - 20));
    expect(await shareUnpackCommand(session, 'cut.tgz', 'again')).toBe(2);
    expect(session.said.err).toContain('cut.tgz cannot be unpacked into a share: it cannot be decompressed');
    expect(readdirSync(session.home).sort()).toEqual(['a.tgz', 'cut.tgz', 'share']);
  });
});
