import { expect, test } from 'vitest';
import { checkGitUrl, expandAlias, shownUrl, submoduleUrl } from '../../src/sources/git-url.ts';

test.each([
  'https://example.org/a.git',
  'http://[::1]:8080/a',
  'git://example.org/a',
  'ssh://git@example.org:22/a.git',
  'git@example.org:group/a.git',
])('%s is fetched', (url) => {
  expect(checkGitUrl(url)).toEqual({ ok: true, value: url });
});

test.each([
  '',
  '-oProxyCommand=x',
  'ssh://-oProxyCommand=x/a',
  'git@-oProxyCommand:x',
  'git@host:-x',
  'ext::sh -c x',
  'ext::sh',
  'file:///etc',
  '/etc',
  '../a',
  'upstream:zlib',
  'https://a b',
  'https://example.org/\n',
])('%j is refused', (url) => {
  expect(checkGitUrl(url).ok).toBe(false);
});

test.each([
  ['https://h/a/b.git', '../c.git', 'https://h/a/c.git'],
  ['https://h/a/b.git/', '../../c', 'https://h/c'],
  ['https://h/a', './c', 'https://h/a/c'],
  ['git@h:g/a', '../c', 'git@h:g/c'],
  ['https://h/a', 'https://other/c', 'https://other/c'],
])('a submodule of %s at %s is %s', (parent, url, found) => {
  expect(submoduleUrl(parent, url)).toBe(found);
});

test('aliases stand for the beginning of a URL, and nothing else is one', () => {
  const aliases = { upstream: 'git://git.example.org/delta/' };
  expect(expandAlias('upstream:zlib', aliases)).toBe('git://git.example.org/delta/zlib');
  for (const other of ['https://h/a', 'toString:x', 'git@h:a', 'other:x'])
    expect(expandAlias(other, aliases)).toBe(other);
});

test('passwords are not shown', () => {
  expect(shownUrl('https://me:secret@h/a')).toBe('https://me:…@h/a');
  expect(shownUrl('https://me@h/a:b@c')).toBe('https://me@h/a:b@c');
});
