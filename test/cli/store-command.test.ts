import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { size, time } from '../../src/cli/store-commands.ts';
import { key } from '../../src/plan/names.ts';
import type { Store } from '../../src/store/store.ts';
import { addTree, openTestStore } from '../store/temporary-store.ts';
import { run, testSession } from './rig.ts';

const keys = ['aa', 'bb'].map((byte) => key(byte.repeat(32)));

/** A store of two trees, one of them a scratch output. */
async function filled(): Promise<{ readonly store: Store; readonly named: readonly string[] }> {
  const store = await openTestStore();
  for (const [at, name] of keys.entries()) {
    const out = await addTree(store, { file: String(at).repeat(100_000) });
    const scratch = at === 0 ? ['out'] : [];
    await store.putResult(name, {
      action: `stage-1/${String(at)}`,
      outputs: { out },
      scratch,
      wallSeconds: 1,
      cpuSeconds: 1,
    });
  }
  await store.release();
  return { store, named: ['--store', store.root] };
}

function trees(store: Store): number {
  return readdirSync(path.join(store.root, 'trees')).length / 2;
}

describe('bootstrap store', () => {
  test('gc without more removes scratch outputs, and says so', async () => {
    const { store, named } = await filled();
    const would = await run(testSession(), 'store', 'gc', '--dry-run', ...named);
    expect(would).toMatchObject({ code: 0, err: '' });
    expect(would.out).toMatch(
      /^would remove\n {2}1 scratch output, .*\n.* would be free; the store would take /,
    );
    expect(trees(store)).toBe(2);
    const done = await run(testSession(), 'store', 'gc', ...named);
    expect(done.out).toMatch(/^removed\n {2}1 scratch output, .*\n.* are free; the store takes /);
    expect(trees(store)).toBe(1);
    expect((await run(testSession(), 'store', 'gc', ...named)).out).toMatch(
      /^nothing to remove: the store takes /,
    );
  });

  test('gc by size or age, and by the limit that was set', async () => {
    const { store, named } = await filled();
    expect((await run(testSession(), 'store', 'gc', '--older-than', '1d', ...named)).out).toMatch(/^nothing/);
    expect((await run(testSession(), 'store', 'limit', ...named)).out).toBe('no limit\n');
    expect(await run(testSession(), 'store', 'limit', '1G', ...named)).toMatchObject({
      code: 0,
      out: '1.0 GiB\n',
    });
    expect((await run(testSession(), 'store', 'gc', ...named)).out).toMatch(/^nothing/);
    expect(trees(store)).toBe(2);
    await run(testSession(), 'store', 'limit', '1K', ...named);
    expect((await run(testSession(), 'store', 'gc', ...named)).out).toMatch(/1 scratch output.*\n.*1 tree,/);
    expect(trees(store)).toBe(0);
    expect((await run(testSession(), 'store', 'limit', 'none', ...named)).out).toBe('no limit\n');
  });

  test('du as tables and as JSON', async () => {
    const { store, named } = await filled();
    const text = await run(testSession(), 'store', 'du', ...named);
    expect(text.code).toBe(0);
    expect(text.out).toContain(`${store.root} (no limit)\n\nKIND `);
    expect(text.out).toMatch(/\nscratch outputs +1 +[0-9]+ KiB\n/);
    expect(text.out).toMatch(/\nSTAGE +TREES +SIZE +SCRATCH\nstage-1 +2 +[0-9]+ KiB +[0-9]+ KiB\n$/);
    await run(testSession(), 'store', 'limit', '1.5G', ...named);
    const json = JSON.parse((await run(testSession(), 'store', 'du', '--json', ...named)).out) as unknown;
    expect(json).toMatchObject({
      root: store.root,
      limit: 1_610_612_736,
      kinds: expect.arrayContaining([expect.objectContaining({ kind: 'outputs', count: 1 })]),
      actions: [expect.objectContaining({ trees: 1 }), expect.objectContaining({ trees: 1 })],
    });
  });

  test('verify ends with 1 where something is damaged, until it is thrown away', async () => {
    const { store, named } = await filled();
    expect(await run(testSession(), 'store', 'verify', ...named)).toEqual({
      code: 0,
      out: '4 things read, no damage found\n',
      err: '',
    });
    const file = path.join(store.root, 'results', `${keys[0] ?? ''}.json`);
    writeFileSync(file, '{}');
    const found = await run(testSession(), 'store', 'verify', ...named);
    expect(found.code).toBe(1);
    expect(found.out).toBe(
      `result ${keys[0] ?? ''}: its checksum does not match its contents\n4 things read, 1 damaged\n` +
        '`bootstrap store verify --repair` discards it, so that it is rebuilt or fetched again when it is needed.\n',
    );
    expect((await run(testSession(), 'store', 'verify', '--repair', ...named)).code).toBe(0);
    expect(await run(testSession(), 'store', 'verify', ...named)).toMatchObject({ code: 0 });
  });

  test('says where there is no store, and makes none', async () => {
    const session = testSession();
    for (const words of [['gc'], ['du'], ['verify'], ['limit', '1G']]) {
      const ended = await run(session, 'store', ...words);
      expect(ended.code, words[0]).toBe(2);
      expect(ended.err, words[0]).toContain('there is no store at ');
    }
    expect(readdirSync(session.home)).toEqual([]);
  });

  test('says that a directory lies where a file should', async () => {
    const { store, named } = await filled();
    mkdirSync(path.join(store.root, 'notes/store/limit.json'), { recursive: true });
    const ended = await run(testSession(), 'store', 'gc', ...named);
    expect(ended.code).toBe(2);
    expect(ended.err).toContain(`cannot write to ${store.root}/notes/store/limit.json`);
  });

  test.each([
    ['--older-than', '30'],
    ['--older-than', '-1d'],
    ['--older-than', 'd'],
    ['--max-size', '20X'],
    ['--max-size', '-1G'],
    ['--max-size', ''],
  ])('refuses %s %s', async (option, value) => {
    const ended = await run(testSession(), 'store', 'gc', option, value);
    expect(ended.code).toBe(2);
    expect(ended.err).toContain(
      option === '--max-size' ? 'It must be a size such as' : 'It must be a time such as',
    );
  });
});

test.each([
  ['0', 0],
  ['512', 512],
  ['1K', 1024],
  ['500M', 524_288_000],
  ['1.5g', 1_610_612_736],
  ['2TiB', 2 * 2 ** 40],
])('%s is %d bytes', (text, bytes) => {
  expect(size(text)).toBe(bytes);
});

test.each([
  ['12h', 12],
  ['30d', 30 * 24],
  ['8w', 8 * 7 * 24],
])('%s is %d hours', (text, hours) => {
  expect(time(text)).toBe(hours * 3_600_000);
});
