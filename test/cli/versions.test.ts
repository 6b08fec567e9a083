import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository, repositoryCopy, run, testSession } from './rig.ts';

interface Written {
  readonly defaultSet: string;
  readonly sets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly sources: readonly { readonly name: string; readonly version: string }[];
}

const lock = JSON.parse(readFileSync(path.join(repository, 'sources.lock'), 'utf8')) as Written;
const usual = lock.sets[lock.defaultSet] ?? {};

/** A version of a source that the default set does not have. */
function other(name: string): string {
  const found = lock.sources.find((source) => source.name === name && source.version !== usual[name]);
  if (found === undefined) throw new Error(`there is one ${name}`);
  return found.version;
}

/** The sources of a plan, as `plan` prints them. */
async function sourcesOf(...argv: readonly string[]): Promise<readonly string[]> {
  const result = await run(testSession(), 'plan', ...argv);
  expect(result.err).toBe('');
  expect(result.code).toBe(0);
  const [sources = ''] = result.out.split('\n\n');
  return sources
    .split('\n')
    .slice(1)
    .map((line) => line.trim().replace(/,.*$/, ''));
}

describe('versions of sources', () => {
  test.each(['gcc', 'binutils', 'musl', 'linux'])(
    '%s has several, and its option picks one',
    async (name) => {
      const before = await sourcesOf('armv5l', '--host', 'i686');
      const after = await sourcesOf('armv5l', '--host', 'i686', `--${name}`, other(name));
      expect(after).toEqual(
        before.map((source) =>
          source === `${name} ${usual[name] ?? ''}` ? `${name} ${other(name)}` : source,
        ),
      );
    },
  );

  test('a set picks all of them', async () => {
    for (const [set, versions] of Object.entries(lock.sets)) {
      const sources = await sourcesOf('image', 'armv5l', '--versions', set);
      for (const name of ['gcc', 'linux', 'bash', 'busybox'])
        expect(sources).toContain(`${name} ${versions[name] ?? ''}`);
    }
  });

  test.each([
    ['build', 'armv5l'],
    ['image', 'armv5l'],
    ['plan', 'armv5l'],
    ['list'],
    ['fetch', 'gcc'],
    ['record', 'armv5l'],
    ['run', 'armv5l'],
    ['start', 'armv5l'],
    ['test', 'armv5l'],
    ['native-build', 'armv5l', '.'],
    ['check', 'armv5l'],
    ['new-arch', 'armv6l'],
  ])('%s refuses one that is not pinned, with the nearest that is', async (...argv) => {
    const session = testSession();
    const wrong = await run(session, ...argv, '--gcc', `${usual['gcc'] ?? ''}.1`);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('sources.lock does not pin this version of gcc');
    expect(wrong.err).toContain(`Did you mean ${usual['gcc'] ?? ''}?`);
    const set = await run(session, ...argv, '--versions', `${lock.defaultSet}x`);
    expect(set.err).toContain(`there is no set of versions named '${lock.defaultSet}x'`);
    expect(set.err).toContain(`Did you mean ${lock.defaultSet}`);
    expect(set.code).toBe(2);
  });

  test('one of a source that has no other is refused too', async () => {
    const result = await run(testSession(), 'plan', 'armv5l', '--zlib', '0');
    expect(result.err).toContain('--zlib 0: sources.lock does not pin this version of zlib');
  });

  test('a source never takes over an option that is called like it', async () => {
    const session = testSession({ env: { PATH: '/nowhere' } });
    const result = await run(session, 'native-build', 'armv5l', '.');
    expect(result.err).toContain('qemu-system-arm is missing');
  });

  test('help shows what there is to choose from, and nothing else', async () => {
    const { out } = await run(testSession(), 'build', '--help');
    expect(out).toMatch(/\nVersions of sources:\n {2}--versions <SET> /);
    expect(out.replace(/\s+/g, ' ')).toContain(`${lock.defaultSet} (default)`);
    expect(out).toContain(other('gcc'));
    expect(out).not.toContain('--zlib');
  });

  test('what is built from them has a directory of its own', async () => {
    const session = testSession();
    const result = await run(session, 'run', 'armv5l', '--out', 'out', '--gcc', other('gcc'));
    expect(result.err).toContain(`${session.home}/out/armv5l+gcc-${other('gcc')}/system-image-armv5l`);
    expect(result.err).toContain(`bootstrap image armv5l --with-native --gcc ${other('gcc')} --out out`);
  });

  test('an option for one is known even where the lock is no JSON, so that this is said', async () => {
    const copy = repositoryCopy();
    const file = path.join(copy, 'sources.lock');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, -10));
    const result = await run(testSession({ repository: copy }), 'plan', 'armv5l', '--gcc', '1');
    expect(result.err).toContain('is not JSON');
  });
});

describe('list', () => {
  test('sources names the sets of each version', async () => {
    const { out } = await run(testSession(), 'list', 'sources');
    expect(out).toMatch(new RegExp(`\\n {2}gcc ${usual['gcc'] ?? ''} +GPL[^\\n]*\\n +in ${lock.defaultSet}`));
    const result = await run(testSession(), 'list', 'sources', '--gcc', other('gcc'), '--json');
    const { sources } = JSON.parse(result.out) as {
      sources: { name: string; version: string; isChosen: boolean; sets: string[] }[];
    };
    expect(sources.filter(({ name, isChosen }) => name === 'gcc' && isChosen)).toMatchObject([
      { version: other('gcc') },
    ]);
    expect(sources.find(({ name, version }) => name === 'gcc' && version === usual['gcc'])).toMatchObject({
      isChosen: false,
      sets: [lock.defaultSet],
    });
  });

  test('versions shows the sets', async () => {
    const { out } = await run(testSession(), 'list', 'versions');
    expect(out).toMatch(
      new RegExp(`^versions:\\n {2}${lock.defaultSet} +default: gcc ${usual['gcc'] ?? ''}, binutils `),
    );
  });
});
