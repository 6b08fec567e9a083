import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readCacheOptions } from '../../src/cli/cache-options.ts';
import { run, testSession } from './rig.ts';

const url = new URL('https://cache.example.org/ours/');

test('nothing is asked of a cache unless one is named', async () => {
  expect(await readCacheOptions(testSession(), {})).toEqual({ ok: true, value: undefined });
});

test('a cache is read and not written unless that is wanted, by whom the files say', async () => {
  const session = testSession();
  mkdirSync(path.join(session.home, 'keys'));
  writeFileSync(path.join(session.home, 'keys/header'), 'Authorization: Bearer abc\r\n\nX-Team:  one two \n');
  for (const name of ['cert', 'key', 'ca']) writeFileSync(path.join(session.home, `keys/${name}`), name);
  expect(await readCacheOptions(session, { cache: url })).toEqual({
    ok: true,
    value: { url, write: false, headers: {}, identity: {} },
  });
  const files = {
    cacheHeader: 'keys/header',
    cacheCert: 'keys/cert',
    cacheKey: 'keys/key',
    cacheCa: 'keys/ca',
  };
  expect(await readCacheOptions(session, { cache: url, cacheWrite: true, ...files })).toEqual({
    ok: true,
    value: {
      url,
      write: true,
      headers: { authorization: 'Bearer abc', 'x-team': 'one two' },
      identity: { cert: 'cert', key: 'key', ca: 'ca' },
    },
  });
});

test.each([
  ['--cache', 'ftp://host/', /absolute URL/],
  ['--cache', 'host/path', /absolute URL/],
  ['--cache', 'https://user:secret@host/', /credentials/],
  ['--cache', 'https://host/?a=b', /query/],
])('%s %s is refused', async (option, value, text) => {
  const { code, err } = await run(testSession(), 'armv5l', '--host', 'i686', option, value);
  expect(code).toBe(2);
  expect(err).toMatch(text);
});

test.each([
  [['--cache-write'], /there is no cache that it could be for/],
  [['--cache-header', 'header'], /there is no cache that it could be for/],
  [['--cache', url.href, '--cache-header', 'nowhere'], /nowhere does not exist/],
  [['--cache', url.href, '--cache-header', 'header'], /a line that is no header/],
])('%j is told before anything is built', async (options, text) => {
  const session = testSession();
  writeFileSync(path.join(session.home, 'header'), 'Bearer secret\n');
  const { code, err } = await run(session, 'armv5l', '--host', 'i686', ...options);
  expect(code).toBe(2);
  expect(err).toMatch(text);
  expect(err).not.toContain('secret');
});
