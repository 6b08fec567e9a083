import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packed, samplesOf, shares, tarOf, unpacked, type Sample } from './trees.ts';
import { runs } from '../setup/runs.ts';

const patience = 1_200_000;
const isRoot = process.getuid?.() === 0;

/** Runs with a directory of its own, which is gone afterwards. */
async function inDirectory(step: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'share-test-'));
  try {
    await step(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function writeTar(file: string, tar: Buffer): void {
  const fd = openSync(file, 'wx');
  writeSync(fd, tar);
  closeSync(fd);
}

function gnuTar(...words: readonly string[]): string {
  return execFileSync('tar', words, {
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC0' },
    encoding: 'latin1',
    maxBuffer: 1 << 26,
    // It warns of times that are far away.
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What `tar -tv` says of an entry, blanks squeezed. */
function listing({ entry }: Sample): string {
  const { content, path, uid, gid } = entry;
  const letters = {
    file: '-',
    directory: 'd',
    symlink: 'l',
    link: 'h',
    fifo: 'p',
    'character-device': 'c',
    'block-device': 'b',
  };
  const middle =
    'major' in content
      ? `${String(content.major)},${String(content.minor)}`
      : String(content.kind === 'file' ? content.size : 0);
  const name = content.kind === 'directory' ? (path === '' ? './' : `${path}/`) : path;
  const arrow =
    content.kind === 'symlink'
      ? ` -> ${escaped(content.target)}`
      : content.kind === 'link'
        ? ` link to ${escaped(content.to)}`
        : '';
  const who = `${String(uid)}/${String(gid)}`;
  return `${letters[content.kind]} ${who} ${middle} ${escaped(name)}${arrow}`;
}

/** As GNU tar does in the C locale. */
function escaped(name: string): string {
  const short: Readonly<Record<string, string>> = {
    '\x07': '\\a',
    '\b': '\\b',
    '\t': '\\t',
    '\n': '\\n',
    '\v': '\\v',
    '\f': '\\f',
    '\r': '\\r',
    '\\': '\\\\',
  };
  return name.replace(
    /[\0-\x1f\x7f-\xff\\]/g,
    (character) => short[character] ?? `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

describe('any share', () => {
  it(
    'is written as a tarball that reads as the same entries',
    async () => {
      await fc.assert(
        fc.asyncProperty(shares(), async (share) => {
          expect(await samplesOf(tarOf(share))).toEqual(share);
        }),
        { numRuns: runs(100) },
      );
    },
    patience,
  );

  it(
    'is the same tarball again after unpacking and packing',
    async () => {
      await fc.assert(
        fc.asyncProperty(shares(), async (share) => {
          await inDirectory(async (directory) => {
            const tar = tarOf(share);
            const into = join(directory, 'share');
            expect(await unpacked(tar, into)).toEqual({ entries: share.length, inexactTimes: 0 });
            const again = await packed(into);
            if (!again.tar.equals(tar)) expect(await samplesOf(again.tar)).toEqual(share);
            expect(again.tar.equals(tar)).toBe(true);
            expect(again).toMatchObject({ entries: share.length, bytes: tar.length, sockets: [] });
          });
        }),
        { numRuns: runs(30) },
      );
    },
    patience,
  );

  it(
    'is listed by GNU tar as what it is',
    async () => {
      await fc.assert(
        fc.asyncProperty(shares(), async (share) => {
          await inDirectory(async (directory) => {
            const file = join(directory, 'a.tar');
            writeTar(file, tarOf(share));
            const lines = gnuTar('--numeric-owner', '--quoting-style=escape', '-tvf', file)
              .split('\n')
              .slice(0, -1);
            // Columns: mode, owners, size or device number, date, time, name.
            const said = lines.map((line) =>
              line.replace(/^(.)\S* (\S+) +(\S+) -?\d+-\d\d-\d\d \d\d:\d\d (.*)$/, '$1 $2 $3 $4'),
            );
            expect(said).toEqual(share.map(listing));
          });
        }),
        { numRuns: runs(60) },
      );
    },
    patience,
  );

  const formats = [
    ['pax', {}],
    ['gnu', { wholeSeconds: true }],
  ] as const;
  it.runIf(isRoot).each(formats)(
    'survives GNU tar as root, who unpacks and packs it (%s)',
    async (format, extent) => {
      await fc.assert(
        // The system takes the largest number for «leave the owner as it is», and GNU tar packs devices once a name.
        fc.asyncProperty(
          shares({ largestOwner: 2 ** 32 - 2, plainLinks: true, ...extent }),
          async (share) => {
            await inDirectory(async (directory) => {
              const tar = tarOf(share);
              const [ours, theirs, real, into] = ['ours.tar', 'theirs.tar', 'real', 'share'].map((name) =>
                join(directory, name),
              ) as [string, string, string, string];
              writeTar(ours, tar);
              mkdirSync(real);
              gnuTar('-C', real, '--numeric-owner', '-xpf', ours);
              gnuTar('-C', real, '--sort=name', '--numeric-owner', `--format=${format}`, '-cf', theirs, '.');
              await unpacked(readFileSync(theirs), into);
              const again = await packed(into);
              if (!again.tar.equals(tar)) expect(await samplesOf(again.tar)).toEqual(share);
              expect(again.tar.equals(tar)).toBe(true);
            });
          },
        ),
        { numRuns: runs(30) },
      );
    },
    patience,
  );
});
