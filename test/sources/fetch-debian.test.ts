import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/digest.ts';
import { Apt } from '../../src/sources/apt.ts';
import type { ProgramResult } from '../../src/sources/run-program.ts';
import { origFilesOf, revisionsWith } from '../../src/sources/debian-index.ts';
import { fetchDebian } from '../../src/sources/fetch-debian.ts';
import { temporaryDirectory } from './temporary.ts';

const hash = 'a'.repeat(64);
const other = 'b'.repeat(64);
const origin = {
  kind: 'debian',
  package: 'make-dfsg',
  suite: 'trixie',
  file: 'make-dfsg_4.4.1.orig.tar.xz',
  sha256: sha256(hash),
} as const;

function stanza(version: string, sum: string, name = 'make-dfsg'): string {
  return `Package: ${name}
Binary: make
Version: ${version}
Files:
 00 1 make-dfsg_4.4.1.orig.tar.xz
Checksums-Sha256:
 ${'c'.repeat(64)} 2192 make-dfsg_${version}.dsc
 ${sum} 1125180 make-dfsg_4.4.1.orig.tar.xz
Homepage: https://www.gnu.org/software/make/
Directory: pool/main/m/make-dfsg

`;
}

describe('revisionsWith', () => {
  it('finds every revision with the file and the hash, once', () => {
    const index =
      stanza('4.4.1-1', hash) + stanza('4.4.1-1', hash) + stanza('4.4.1-2', hash) + stanza('4.4.1-3', other);
    expect(revisionsWith(index, origin)).toEqual(['4.4.1-1', '4.4.1-2']);
  });

  it('looks at no other package, file or section', () => {
    expect(revisionsWith(stanza('4.4.1-1', hash, 'make'), origin)).toEqual([]);
    expect(revisionsWith(stanza('4.4.1-1', hash), { ...origin, file: 'make_4.orig.tar.xz' })).toEqual([]);
    const elsewhere = stanza('4.4.1-1', hash).replace('Checksums-Sha256', 'Checksums-Sha512');
    expect(revisionsWith(elsewhere, origin)).toEqual([]);
    expect(revisionsWith('', origin)).toEqual([]);
  });
});

describe('origFilesOf', () => {
  const record = (version: string, ...files: readonly string[]) =>
    `Package: p\nVersion: ${version}\nChecksums-Sha256:\n${files.map((file) => ` ${file.length.toString(16).repeat(64).slice(0, 64)} 1 ${file}\n`).join('')}\n`;
  const found = (index: string, upstream: string) =>
    origFilesOf(index, 'p', upstream).map(({ file }) => file);

  it.each([
    ['1.2-1', '1.2'],
    ['1:1.2-1~deb13u1', '1.2'],
    ['0.8.9+dfsg-1.1', '0.8.9'],
    ['1:1.3.dfsg+really1.3.1-1+deb13u1', '1.3.1'],
    ['3.4+really3.4-12', '3.4'],
    ['6.12.107-1', '6.12.107'],
  ])('knows that %s is %s', (version, upstream) => {
    const index = record(version, 'p.orig.tar.xz', 'p.orig.tar.xz.asc', 'p.debian.tar.xz', 'p.dsc');
    expect(found(index, upstream)).toEqual(['p.orig.tar.xz']);
  });

  it.each([
    ['2.46.50.20260617-1', '2.46'],
    ['1.2.5-3', '1.2'],
    ['11.2-1', '1.2'],
    ['1.2~rc1-1', '1.2'],
  ])('knows that %s is not %s', (version, upstream) => {
    expect(found(record(version, 'p.orig.tar.xz'), upstream)).toEqual([]);
  });

  it('names each file once, and several where there are several', () => {
    const index = record('1.2-1', 'p.orig.tar.gz') + record('1.2-2', 'p.orig.tar.gz');
    expect(found(index, '1.2')).toEqual(['p.orig.tar.gz']);
    expect(found(index + record('1.2+dfsg-1', 'p+dfsg.orig.tar.gz'), '1.2')).toEqual([
      'p.orig.tar.gz',
      'p+dfsg.orig.tar.gz',
    ]);
  });
});

interface FakeApt {
  /** Index before and after an update. */
  readonly index: readonly [string, string];
  /** Versions whose download works. */
  readonly there?: readonly string[];
  readonly updateFails?: boolean;
  /** Whether the mirror is a directory of this machine. */
  readonly local?: boolean;
}

function rig(
  fake: FakeApt,
  configuration: Readonly<Record<string, string>> = {
    'sources.list': 'deb http://m.example/debian bookworm main\n',
  },
) {
  const root = temporaryDirectory();
  for (const [name, text] of Object.entries(configuration)) {
    const file = join(root, 'etc/apt', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const calls: string[] = [];
  const lists: (string | undefined)[] = [];
  let running = 0;
  let updates = 0;
  const run = async (
    argv: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>>,
  ): Promise<ProgramResult> => {
    expect(env['LC_ALL']).toBe('C');
    running += 1;
    expect(running).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running -= 1;
    const words = argv.filter((word, index) => word !== '-q' && word !== '-o' && argv[index - 1] !== '-o');
    calls.push(words.join(' '));
    lists.push(/SourceList=.*\/([^/]*)$/.exec(argv.find((word) => word.includes('SourceList=')) ?? '')?.[1]);
    const good: ProgramResult = { exitCode: 0, stdout: '', stderr: '' };
    if (words.includes('update')) {
      updates += 1;
      return fake.updateFails === true ? { ...good, exitCode: 100, stderr: 'W: x\nE: no network\n' } : good;
    }
    if (words.includes('showsrc')) return { ...good, stdout: fake.index[updates > 0 ? 1 : 0] };
    const version = words.at(-1)?.split('=')[1] ?? '';
    if (!(fake.there ?? []).includes(version))
      return { ...good, exitCode: 100, stderr: 'E: Failed to fetch, 404\n' };
    if (fake.local === true) {
      writeFileSync(join(root, 'local'), version);
      symlinkSync(join(root, 'local'), join(cwd, origin.file));
    } else {
      writeFileSync(join(cwd, origin.file), version);
    }
    return good;
  };
  const apt = new Apt({ directory: join(root, 'apt'), machineRoot: root, run });
  const fetch = async (name = 'one', suite = 'trixie') => {
    const directory = join(root, `${name}.d`);
    mkdirSync(directory);
    const part = join(root, `${name}.part`);
    const result = await fetchDebian({ ...origin, suite }, apt, directory, part, () => undefined);
    return { result, part: existsSync(part) ? readFileSync(part, 'utf8') : undefined };
  };
  return { root, calls, lists, fetch };
}

describe('fetchDebian', () => {
  it('downloads without an update where the index is there', async () => {
    const { calls, fetch, root } = rig({ index: [stanza('4.4.1-2', hash), ''], there: ['4.4.1-2'] });
    expect(await fetch()).toEqual({ result: { ok: true, value: undefined }, part: '4.4.1-2' });
    expect(calls).toEqual([
      'apt-cache showsrc make-dfsg',
      'apt-get source --download-only --tar-only make-dfsg=4.4.1-2',
    ]);
    expect(readFileSync(join(root, 'apt/trixie.list'), 'utf8')).toBe(
      'deb-src http://m.example/debian trixie main\n',
    );
  });

  it('reads and updates the index of the suite alone that an origin names', async () => {
    const { calls, lists, fetch, root } = rig({ index: ['', ''] });
    await Promise.all([fetch('one', 'trixie'), fetch('two', 'bookworm-security'), fetch('three', 'trixie')]);
    expect(calls.filter((call) => call === 'apt-get update')).toHaveLength(2);
    expect(new Set(lists)).toEqual(new Set(['trixie.list', 'bookworm-security.list']));
    expect(readFileSync(join(root, 'apt/bookworm-security.list'), 'utf8')).toBe(
      'deb-src http://m.example/debian-security bookworm-security main\n',
    );
  });

  it('takes the file itself if apt leaves a link to it', async () => {
    const index = [stanza('4.4.1-2', hash), ''] as const;
    const { fetch, root } = rig({ index, there: ['4.4.1-2'], local: true });
    expect((await fetch()).part).toBe('4.4.1-2');
    expect(lstatSync(join(root, 'one.part')).isFile()).toBe(true);
  });

  it('updates once for everything that the indexes lack', async () => {
    const { calls, fetch } = rig({ index: ['', stanza('4.4.1-2', hash)], there: ['4.4.1-2'] });
    const results = await Promise.all([fetch('one'), fetch('two')]);
    expect(results.map(({ part }) => part)).toEqual(['4.4.1-2', '4.4.1-2']);
    expect(calls.filter((call) => call === 'apt-get update')).toHaveLength(1);
  });

  it('tries another revision if one is gone', async () => {
    const { calls, fetch } = rig({
      index: [stanza('4.4.1-1', hash) + stanza('4.4.1-2', hash), ''],
      there: ['4.4.1-1'],
    });
    expect((await fetch()).part).toBe('4.4.1-1');
    expect(calls.slice(1).map((call) => call.split('=')[1])).toEqual(['4.4.1-2', '4.4.1-1']);
  });

  it.each<[string, FakeApt, string]>([
    [
      'no revision has the hash',
      { index: [stanza('4.4.1-1', other), stanza('4.4.1-1', other)] },
      "no source package make-dfsg in trixie of the machine's Debian archive has make-dfsg_4.4.1.orig.tar.xz with the pinned hash",
    ],
    ['there is no network', { index: ['', ''], updateFails: true }, 'apt-get: no network'],
    ['every download fails', { index: [stanza('4.4.1-1', hash), ''] }, 'apt-get: Failed to fetch, 404'],
  ])('says so when %s', async (_what, fake, why) => {
    expect(await rig(fake).fetch()).toEqual({
      result: { ok: false, failure: { kind: 'unavailable', why } },
      part: undefined,
    });
  });

  it('uses what was fetched by an update that failed in part', async () => {
    const { fetch } = rig({ index: ['', stanza('4.4.1-2', hash)], there: ['4.4.1-2'], updateFails: true });
    expect((await fetch()).part).toBe('4.4.1-2');
  });

  it('reports that the machine has no Debian archive', async () => {
    const { fetch, calls } = rig(
      { index: ['', ''] },
      { 'sources.list.d/x.list': 'deb http://x.example/ubuntu noble main\n' },
    );
    const why = 'the apt configuration of this machine names no Debian archive with trixie';
    expect((await fetch()).result).toEqual({ ok: false, failure: { kind: 'unavailable', why } });
    expect(calls).toEqual([]);
  });

  it('names the keyring of Debian if the machine has it, for files of either format', async () => {
    const { fetch, root } = rig(
      { index: [stanza('4.4.1-2', hash), ''], there: ['4.4.1-2'] },
      {
        'sources.list.d/debian.sources':
          'Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n',
        '../../usr/share/keyrings/debian-archive-keyring.gpg': 'keys',
      },
    );
    await fetch();
    expect(readFileSync(join(root, 'apt/trixie.list'), 'utf8')).toContain(
      'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://m.example/debian trixie main\n',
    );
  });
});
