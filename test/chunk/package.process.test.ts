import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { repository } from '../cli/rig.ts';

let base: string;
let root: string;
beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'package-'));
  root = path.join(base, 'root');
  mkdirSync(root);
});
afterEach(() => {
  rmSync(base, { recursive: true });
});

/** A package: files by path; a text that begins with `->` is a link. */
interface Package {
  readonly id: string;
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
  readonly needs?: readonly string[];
  readonly provides?: readonly string[];
  readonly requires?: readonly string[];
}

let runs = 0;

/** Runs package.sh in a directory of its own, as in a guest. */
function run(...words: readonly string[]): readonly [number | null, string] {
  const here = path.join(base, `run ${String((runs += 1))}`);
  mkdirSync(here);
  for (const name of ['package.sh', 'install.sh'])
    execFileSync('cp', [path.join(repository, 'target/chunk', name), here]);
  const { status, stdout, stderr } = spawnSync('sh', [path.join(here, 'package.sh'), ...words], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', ROOT: root },
  });
  return [status, stdout + stderr];
}

function install(...packages: readonly Package[]): readonly [number | null, string] {
  const chunks = path.join(base, `chunks ${String((runs += 1))}`);
  const lines = packages.map(({ id, version, files, needs = [], provides = [], requires = [] }, index) => {
    const place = path.join(chunks, String(index));
    const tree = path.join(place, 'tree');
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(tree, name);
      mkdirSync(path.dirname(file), { recursive: true });
      if (text.startsWith('->')) symlinkSync(text.slice(2), file);
      else writeFileSync(file, text);
    }
    mkdirSync(path.join(place, 'installed'));
    mkdirSync(path.join(place, 'manifest/splits'), { recursive: true });
    const shell = (text: string) =>
      execFileSync('sh', ['-c', text], { cwd: tree, env: { ...process.env, LC_ALL: 'C' } });
    shell(`find . -mindepth 1 | sort > ../names
      find . -mindepth 1 -exec stat -c '%f %a 0 0 %s %t %T %n' {} + | sort -k 8 > ../installed/contents
      tar -c --owner=0 --group=0 -f ../installed/installed.tar --no-recursion -T ../names`);
    const list = (names: readonly string[]) => `[${names.map((name) => `"${name}"`).join(', ')}]`;
    writeFileSync(
      path.join(place, 'manifest/manifest.json'),
      `{\n  "chunk": "${id}",\n  "needs": ${list(needs)},\n  "provides": ${list(provides)},\n` +
        `  "requires": ${list(requires)},\n  "version": "${version}"\n}\n`,
    );
    return `${String(index)} ${id} ${version}\n`;
  });
  writeFileSync(path.join(chunks, 'list'), lines.join(''));
  return run('install', chunks);
}

function text(name: string): string {
  return readFileSync(path.join(root, name), 'utf8');
}

const zlib: Package = {
  id: 'small/zlib',
  version: '1.3',
  files: { 'usr/lib/libz.so.1.3': 'library\n', 'usr/lib/libz.so.1': '->libz.so.1.3', 'usr/share/z/old': 'x' },
  provides: ['libz.so.1'],
};
const git: Package = {
  id: 'base/git',
  version: '2.47',
  files: { 'usr/bin/git': 'program', 'etc/gitconfig': 'preset\n', "usr/share/git/it's a [name]": '' },
  needs: ['libz.so.1'],
};

describe('packages in a running system', () => {
  test('are installed with a record, and listed', () => {
    expect(install(zlib, git)).toEqual([0, 'small/zlib: installed 1.3\nbase/git: installed 2.47\n']);
    expect(text('usr/lib/libz.so.1')).toBe('library\n');
    expect(text('var/lib/packages/base/git')).toMatch(
      /^version 2\.47\nartefacts\nmanifest [0-9a-f]{64}\nneeds libz\.so\.1\n/,
    );
    expect(run('list')[1]).toMatch(/^base\/git 2\.47 [0-9a-f]{64} \nsmall\/zlib 1\.3 [0-9a-f]{64} \n$/);
  });

  test('are replaced whole, and what the user configured stays', () => {
    install(zlib, git);
    writeFileSync(path.join(root, 'etc/gitconfig'), 'mine\n');
    const newer = { ...git, version: '2.48', files: { ...git.files, 'etc/gitconfig': 'other preset\n' } };
    const small = { ...zlib, version: '1.4', files: { 'usr/lib/libz.so.1': 'new library\n' } };
    const [status, said] = install(newer, small);
    expect([status, said]).toEqual([
      0,
      'base/git: replaced 2.47 by 2.48\n  /etc/gitconfig was changed, and stays; the new one is /etc/gitconfig.new\nsmall/zlib: replaced 1.3 by 1.4\n',
    ]);
    expect([text('etc/gitconfig'), text('etc/gitconfig.new')]).toEqual(['mine\n', 'other preset\n']);
    expect(lstatSync(path.join(root, 'usr/lib/libz.so.1')).isFile()).toBe(true);
    expect(['usr/lib/libz.so.1.3', 'usr/share/z'].map((name) => existsSync(path.join(root, name)))).toEqual([
      false,
      false,
    ]);
  });

  test('never replace what is not theirs: then nothing is changed', () => {
    install(zlib);
    const other = { ...git, files: { 'usr/bin/git': 'x', 'usr/lib/libz.so.1.3': 'other' } };
    expect(install({ ...zlib, version: '2' }, other)).toEqual([
      1,
      '/usr/lib/libz.so.1.3 is installed by base/git, and was by small/zlib\n',
    ]);
    mkdirSync(path.join(root, 'usr/bin'), { recursive: true });
    writeFileSync(path.join(root, 'usr/bin/git'), 'mine');
    expect(install(git)[1]).toBe('/usr/bin/git is installed by base/git, and was by something else\n');
    mkdirSync(path.join(root, 'bin'));
    const layout = { ...git, files: { bin: '->usr/bin' } };
    expect(install(layout)[1]).toContain('/bin is a directory here, and something else in base/git');
    expect(run('list')[1]).toMatch(/^small\/zlib 1\.3 \S+ \n$/);
    expect(text('usr/lib/libz.so.1.3')).toBe('library\n');
  });

  test('are not removed while somebody needs them when it runs', () => {
    const automake: Package = {
      id: 'base/automake',
      version: '1',
      files: { a: '' },
      requires: ['git', 'none'],
    };
    install(zlib, git, automake);
    expect(run('remove', 'base/git')).toEqual([1, 'base/automake needs base/git when it runs\n']);
    install({ ...git, id: 'other/git', files: { 'opt/git': '' } });
    expect(run('remove', 'base/git')).toEqual([0, 'base/git: removed\n']);
    expect(run('remove', 'base/automake', 'other/git')[0]).toBe(0);
  });

  test('are removed with their directories, unless somebody needs them', () => {
    install(zlib, git);
    expect(run('remove', 'small/zlib')).toEqual([1, 'base/git needs libz.so.1 of small/zlib\n']);
    expect(existsSync(path.join(root, 'usr/lib/libz.so.1'))).toBe(true);
    expect(run('remove', 'base/nothing')).toEqual([1, 'base/nothing is not installed\n']);
    mkdirSync(path.join(root, 'usr/share/git/mine'));
    writeFileSync(path.join(root, 'etc/gitconfig'), 'mine\n');
    expect(run('remove', 'small/zlib', 'base/git')).toEqual([0, 'small/zlib: removed\nbase/git: removed\n']);
    expect(run('list')).toEqual([0, '']);
    const left = ['usr/lib', 'usr/bin', 'usr/share/git/mine', 'etc/gitconfig', 'var/lib/packages/base'];
    expect(left.map((name) => existsSync(path.join(root, name)))).toEqual([false, false, true, true, false]);
  });
});
