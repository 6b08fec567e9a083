import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { failureText } from '../../src/report/failure-text.ts';
import { GitSources, type GitRequest } from '../../src/sources/git-source.ts';
import { keepGitServer } from './git-server.ts';

const { scratch, server } = keepGitServer();

let places = 0;

/** Checks out into a new directory; a failure is its text. `cache`: with the copies of an earlier call. */
async function checkOut(
  request: Omit<GitRequest, 'name' | 'submodules'> & Partial<GitRequest>,
  { cache = mkdtempSync(path.join(scratch, 'cache-')), offline = false } = {},
) {
  const into = path.join(scratch, `into-${String((places += 1))}`);
  mkdirSync(into);
  const sources = new GitSources({ cacheDirectory: cache, offline });
  const made = await sources.checkOut(
    { name: 'core/thing', submodules: {}, ...request },
    into,
    () => undefined,
  );
  if (!made.ok) return { text: failureText(made.failure), cache };
  const { directory, commit } = made.value;
  const read = (file: string) => readFileSync(path.join(directory, file), 'utf8');
  return { directory, commit, read, names: readdirSync(directory).sort(), cache };
}

describe('a commit', () => {
  test('is checked out by its id, a tag or a branch, older ones too', async () => {
    const url = server().url('plain');
    const first = server().commit('plain', { file: 'first\n' }, 'v1');
    const second = server().commit('plain', { file: 'second\n' });
    for (const [ref, commit, text] of [
      ['v1', first, 'first\n'],
      [first, first, 'first\n'],
      ['main', second, 'second\n'],
      [second, second, 'second\n'],
    ] as const) {
      const made = await checkOut({ url, ref });
      expect([made.commit, made.read?.('file')]).toEqual([commit, text]);
    }
  });

  test('has its files as they were committed, whatever its attributes say', async () => {
    server().commit('attributes', {
      '.gitattributes': 'left-out export-ignore\nsubst export-subst\n*.txt eol=crlf ident\n',
      'left-out': 'here\n',
      subst: '$Format:%H$\n',
      'lines.txt': 'one\ntwo $Id$\n',
      run: { executable: '#!/bin/sh\n' },
      'sub/link': { link: '../run' },
    });
    const made = await checkOut({ url: server().url('attributes'), ref: 'main' });
    expect(made.names).toEqual(['.gitattributes', 'left-out', 'lines.txt', 'run', 'sub', 'subst']);
    expect(made.read?.('subst')).toBe('$Format:%H$\n');
    expect(made.read?.('lines.txt')).toBe('one\ntwo $Id$\n');
    expect(lstatSync(path.join(made.directory ?? '', 'run')).mode & 0o111).not.toBe(0);
    expect(readlinkSync(path.join(made.directory ?? '', 'sub/link'))).toBe('../run');
  });

  test('is taken from the copy of the repository where it was fetched before', async () => {
    const commit = server().commit('offline', { file: 'text\n' });
    const url = server().url('offline');
    const refused = await checkOut({ url, ref: commit }, { offline: true });
    expect(refused.text).toContain(`${url}: not in the copy of the repository`);
    const { cache } = await checkOut({ url, ref: commit });
    const again = await checkOut({ url, ref: commit }, { cache, offline: true });
    expect(again.read?.('file')).toBe('text\n');
  });

  test.each([
    ['0123456789012345678901234567890123456789', 'the commit 0123456789012345678901234567890123456789'],
    ['none', "git: couldn't find remote ref none"],
    ['--upload-pack=touch /x', 'is no name of a commit, tag or branch'],
    ['main:other', 'is no name of a commit, tag or branch'],
  ])('that does not exist is told: %s', async (ref, text) => {
    server().commit('missing', { file: '' });
    expect((await checkOut({ url: server().url('missing'), ref })).text).toContain(text);
  });
});

describe('submodules', () => {
  test('come from the URL that the repository names, or from another one', async () => {
    const inner = server().commit('inner', { deep: 'deep\n' });
    const middle = server().commit('group/middle', {
      '.gitmodules': '[submodule "in"]\n\tpath = lib/in\n\turl = ../../inner\n',
      'lib/in': { submodule: inner },
      middle: 'middle\n',
    });
    server().commit('outer', {
      '.gitmodules':
        `[submodule "m"]\n\tpath = middle\n\turl = ${server().url('group/middle')}\n` +
        '[submodule "o"]\n\tpath = other\n\turl = https://example.invalid/other.git\n',
      middle: { submodule: middle },
      other: { submodule: inner },
    });
    const submodules = { other: server().url('inner') };
    const made = await checkOut({ url: server().url('outer'), ref: 'main', submodules });
    expect(made.read?.('middle/middle')).toBe('middle\n');
    expect(made.read?.('middle/lib/in/deep')).toBe('deep\n');
    expect(made.read?.('other/deep')).toBe('deep\n');
  });

  test('without a URL, or with one that runs a program, are refused', async () => {
    const inner = server().commit('inner', { deep: 'deep\n' });
    server().commit('nameless', { sub: { submodule: inner } });
    const nameless = await checkOut({ url: server().url('nameless'), ref: 'main' });
    expect(nameless.text).toContain('.gitmodules names no URL for its submodule sub');
    server().commit('program', {
      '.gitmodules': '[submodule "m"]\n\tpath = sub\n\turl = ext::sh -c touch% /tmp/x\n',
      sub: { submodule: inner },
    });
    expect((await checkOut({ url: server().url('program'), ref: 'main' })).text).toContain(
      'the URL is empty, too long',
    );
  });

  test('that contain themselves end', async () => {
    const first = server().commit('loop', { file: '' });
    server().commit('loop', {
      '.gitmodules': '[submodule "m"]\n\tpath = sub\n\turl = ./\n',
      sub: { submodule: first },
    });
    const made = await checkOut({ url: server().url('loop'), ref: 'main' });
    expect(made.text ?? made.names).toEqual(['.gitmodules', 'file', 'sub']);
  });
});

test('a link that leads out of the repository is refused', async () => {
  server().commit('escape', { evil: { link: '../../../etc' } });
  expect((await checkOut({ url: server().url('escape'), ref: 'main' })).text).toContain(
    'a link that leaves the tree',
  );
});

test('a server that is not there is told, without its password', async () => {
  const made = await checkOut({ url: 'git://me:secret@127.0.0.1:1/x', ref: 'main' });
  expect(made.text).toMatch(/git:\/\/me:…@127\.0\.0\.1:1\/x: git: /);
  expect(made.text).not.toContain('secret');
});
