import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import { compareNames } from '../../src/store/directory-message.ts';
import { digestDirectory, digestFile } from '../../src/store/tree-digest.ts';
import { writeSketch, type TreeSketch } from './sketch.ts';
import { temporaryDirectory, testEpoch } from './temporary-store.ts';
import { runs } from '../setup/runs.ts';
import { anyCharacter } from '../setup/any-character.ts';

/** A second encoder, written from the .proto file and sharing nothing with the first: field header, length, bytes. */
function field(number: number, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  if (body.length > 16383) throw new Error('two bytes of length are enough here');
  const length =
    body.length < 128 ? [body.length] : [(body.length % 128) + 128, Math.floor(body.length / 128)];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), body]);
}

function contentDigest(bytes: string | Buffer): Buffer {
  const { length } = Buffer.from(bytes);
  if (length > 127) throw new Error('one byte of size is enough here');
  const size = length === 0 ? Buffer.alloc(0) : Buffer.from([2 * 8, length]);
  return field(2, field(1, createHash('sha256').update(bytes).digest('hex')), size);
}

async function digestOf(directory: string): Promise<Digest> {
  const digested = await digestDirectory(directory);
  if (!digested.ok) throw new Error(JSON.stringify(digested.failure));
  return digested.value.tree;
}

const small: TreeSketch = {
  'b.txt': 'hello\n',
  empty: '',
  'B.sh': { executable: '#!/bin/sh\n' },
  'sub/x': 'x',
  link: { link: 'sub/x' },
  broken: { link: '/nowhere/ü' },
};

describe('digestDirectory', () => {
  it('is the digest of the Remote Execution API messages', async () => {
    const directory = await temporaryDirectory();
    await writeSketch(directory, small);
    const executable = Buffer.from([4 * 8, 1]);
    const sub = field(1, field(1, 'x'), contentDigest('x'));
    const root = Buffer.concat([
      field(1, field(1, 'B.sh'), contentDigest('#!/bin/sh\n'), executable),
      field(1, field(1, 'b.txt'), contentDigest('hello\n')),
      field(1, field(1, 'empty'), contentDigest('')),
      field(2, field(1, 'sub'), contentDigest(sub)),
      field(3, field(1, 'broken'), field(2, '/nowhere/ü')),
      field(3, field(1, 'link'), field(2, 'sub/x')),
    ]);
    const digested = await digestDirectory(directory);
    const expected = `${createHash('sha256').update(root).digest('hex')}-${String(root.length)}`;
    expect(digested).toEqual({
      ok: true,
      value: {
        tree: expected,
        message: new Uint8Array(Buffer.concat([field(1, root), field(2, sub)])),
        files: 4,
        bytes: 17,
      },
    });
    // Golden: a change of this line orphans everything that was ever stored or pinned.
    expect(expected).toBe('98a159549c72e23caea9301bd3c21fe6f9b12c96add6fafdafb0d23ed6dc7bed-351');
  });

  it('gives the empty directory the digest of no bytes', async () => {
    expect(await digestOf(await temporaryDirectory())).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855-0',
    );
  });

  it('keeps equal directories once, every parent before its children', async () => {
    const directory = await temporaryDirectory();
    await writeSketch(directory, { 'a/same/f': 'f', 'b/same/f': 'f', 'c/a/same/f': 'f' });
    const digested = await digestDirectory(directory);
    if (!digested.ok) throw new Error('unexpected');
    const same = field(1, field(1, 'f'), contentDigest('f'));
    const middle = field(2, field(1, 'same'), contentDigest(same));
    const outer = field(2, field(1, 'a'), contentDigest(middle));
    const root = Buffer.concat([
      field(2, field(1, 'a'), contentDigest(middle)),
      field(2, field(1, 'b'), contentDigest(middle)),
      field(2, field(1, 'c'), contentDigest(outer)),
    ]);
    expect(Buffer.from(digested.value.message)).toEqual(
      Buffer.concat([field(1, root), field(2, outer), field(2, middle), field(2, same)]),
    );
  });

  it('does not depend on the order of making, on times or on modes other than x', async () => {
    const names = fc.stringMatching(/^[a-zA-Z0-9é_+-]{1,8}$/);
    const sketches = fc.dictionary(
      fc.oneof(
        names,
        fc.tuple(names, names).map(([a, b]) => `d ${a}/${b}`),
      ),
      fc.oneof(
        fc.string(),
        fc.string().map((executable) => ({ executable })),
        names.map((link) => ({ link })),
      ),
      { maxKeys: 12 },
    );
    const base = await temporaryDirectory();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(sketches, fc.nat(), async (sketch, seed) => {
        run += 1;
        const entries = Object.entries(sketch);
        const shuffled = entries
          .map((entry, at) => ({ entry, rank: createHash('md5').update(`${seed} ${at}`).digest('hex') }))
          .sort((a, b) => (a.rank < b.rank ? -1 : 1))
          .map(({ entry }) => entry);
        const one = join(base, `${run}-one`);
        const two = join(base, `${run}-two`);
        await writeSketch(one, sketch);
        await writeSketch(two, Object.fromEntries(shuffled));
        await chmod(two, 0o700);
        for (const name of await readdir(two)) {
          const file = join(two, name);
          const stats = await lstat(file);
          if (stats.isFile()) await chmod(file, (stats.mode & 0o100) === 0 ? 0o600 : 0o4711);
        }
        expect(await digestOf(two)).toBe(await digestOf(one));
      }),
      { numRuns: runs(40) },
    );
  });

  it.each<[string, (directory: string) => Promise<void>]>([
    ['a byte', (directory) => writeFile(join(directory, 'b.txt'), 'hellO\n')],
    ['a length', (directory) => writeFile(join(directory, 'empty'), '\0')],
    ['an executable bit set', (directory) => chmod(join(directory, 'b.txt'), 0o744)],
    ['an executable bit cleared', (directory) => chmod(join(directory, 'B.sh'), 0o655)],
    ['a new file', (directory) => writeFile(join(directory, 'sub/y'), '')],
    ['a new empty directory', (directory) => mkdir(join(directory, 'sub/y'))],
    [
      'a name',
      (directory) => Promise.resolve(execFileSync('mv', ['b.txt', 'c.txt'], { cwd: directory })).then(),
    ],
    [
      'a link target',
      (directory) =>
        Promise.resolve(execFileSync('ln', ['-sfn', 'sub/y', 'link'], { cwd: directory })).then(),
    ],
  ])('changes with %s', async (_, change) => {
    const directory = await temporaryDirectory();
    await writeSketch(directory, small);
    const before = await digestOf(directory);
    await change(directory);
    expect(await digestOf(directory)).not.toBe(before);
  });

  it('tells a file from a link or a directory of its name', async () => {
    const kinds: TreeSketch[] = [{ a: 'b' }, { a: { link: 'b' } }, { a: { directory: true } }];
    const digests = await Promise.all(
      kinds.map(async (sketch) => {
        const directory = await temporaryDirectory();
        await writeSketch(directory, sketch);
        return digestOf(directory);
      }),
    );
    expect(new Set(digests).size).toBe(3);
  });

  it('reads files larger than its buffer whole', async () => {
    const directory = await temporaryDirectory();
    for (const size of [(1 << 18) - 1, 1 << 18, (1 << 18) + 1, 1_000_003]) {
      const bytes = Buffer.alloc(size, 'abc');
      await writeFile(join(directory, String(size)), bytes);
      const hash = createHash('sha256').update(bytes).digest('hex');
      expect(await digestFile(join(directory, String(size)))).toBe(`${hash}-${String(size)}`);
      await symlink('/', join(directory, `${String(size)}-link`));
    }
    const digested = await digestDirectory(directory);
    expect(digested.ok && digested.value.bytes).toBe(3 * (1 << 18) + 1_000_003);
  });

  it('normalises modes and times of files, directories and links', async () => {
    const directory = await temporaryDirectory();
    await writeSketch(directory, small);
    await chmod(join(directory, 'B.sh'), 0o4711);
    await chmod(join(directory, 'b.txt'), 0o400);
    await chmod(join(directory, 'sub'), 0o2700);
    const before = await digestOf(directory);
    const digested = await digestDirectory(directory, { normalise: testEpoch });
    expect(digested.ok && digested.value.tree).toBe(before);
    const seen: Record<string, string> = {};
    for (const name of ['.', ...Object.keys(small), 'sub']) {
      const stats = await lstat(join(directory, name));
      expect(stats.mtimeMs, name).toBe(testEpoch * 1000);
      if (!stats.isSymbolicLink()) seen[name] = (stats.mode & 0o7777).toString(8);
    }
    expect(seen).toEqual({
      '.': '755',
      'B.sh': '755',
      'b.txt': '644',
      empty: '644',
      sub: '755',
      'sub/x': '644',
    });
  });

  it('refuses a pipe', async () => {
    const directory = await temporaryDirectory();
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    expect(await digestDirectory(directory)).toEqual({
      ok: false,
      failure: { reason: 'unfit-tree', path: join(directory, 'pipe'), why: 'is a pipe' },
    });
  });

  it('refuses names and link targets that are not UTF-8, and takes the replacement character itself', async () => {
    const directory = await temporaryDirectory();
    await writeSketch(directory, { 'fine \ufffd': 'x', link: { link: '\ufffd' } });
    expect((await digestDirectory(directory)).ok).toBe(true);
    await writeFile(Buffer.concat([Buffer.from(`${directory}/bad`), Buffer.from([0xe9])]), '');
    expect(await digestDirectory(directory)).toMatchObject({
      ok: false,
      failure: { reason: 'unfit-tree', why: 'has a name that is not UTF-8' },
    });
    const other = await temporaryDirectory();
    await symlink(Buffer.from([0xff]), join(other, 'link'));
    expect(await digestDirectory(other)).toEqual({
      ok: false,
      failure: {
        reason: 'unfit-tree',
        path: join(other, 'link'),
        why: 'links to a name that is not UTF-8',
      },
    });
  });

  it('lets the event loop breathe', async () => {
    const directory = await temporaryDirectory();
    await writeSketch(
      directory,
      Object.fromEntries(
        Array.from({ length: 600 }, (_, at) => [`d${String(at % 30)}/${String(at)}`, 'text']),
      ),
    );
    await writeFile(join(directory, 'large'), Buffer.alloc(20_000_000));
    // A clock of our own: every look at it finds the slice spent, however fast this machine is.
    let clock = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 60_000));
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      waiting = setImmediate(turn);
    };
    let waiting = setImmediate(turn);
    try {
      await digestDirectory(directory);
    } finally {
      clearImmediate(waiting);
      now.mockRestore();
    }
    expect(turns).toBeGreaterThanOrEqual(600);
  });
});

it('orders names by their UTF-8 bytes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: anyCharacter }),
      fc.string({ unit: anyCharacter }),
      (a, b) => Math.sign(compareNames(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b)),
    ),
  );
  expect(compareNames('\uffff', '\u{10000}')).toBeLessThan(0);
});
