import path from 'node:path';
import { expect, test } from 'vitest';
import { actionsLike, archesIn } from '../../src/repository/actions-like.ts';
import { loadRepository, type Repository } from '../../src/repository/load-inputs.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The repository, with the arches that were asked of it. */
async function watched(): Promise<{ repository: Repository; asked: string[] }> {
  const loaded = await loadRepository(root);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
  const { arches } = loaded.value;
  const asked: string[] = [];
  const find: typeof arches.find = (name, kind) => {
    asked.push(name);
    return arches.find(name, kind);
  };
  return { repository: { ...loaded.value, arches: { ...arches, find } }, asked };
}

test.each([
  ['kernel-armv5l/linux', ['armv5l']],
  ['kernel-armv5/linux', ['armv5l']],
  ['cross-compiler-armv5l-mipsel/gcc', ['armv5l', 'mipsel', 'mips']],
  ['nope', ['armv5l']],
  ['', ['armv5l']],
])('the arches of %j are %j', (word, arches) => {
  expect(archesIn(word, ['armv5l', 'mips', 'mipsel', 'x86_64'])).toEqual(arches);
});

test.each([
  'host-tools/busybox',
  'system-image-armv5l/root-ext2',
  'cross-compiler-armv5l-i686/gcc',
  'package/cross-compiler-i686-x86_64',
])('%s is found', async (name) => {
  const { repository } = await watched();
  expect(await actionsLike(repository, name)).toMatchObject({
    ok: true,
    value: expect.arrayContaining([name]) as unknown,
  });
});

test('a word that names no arch has one planned for, not all', async () => {
  const { repository, asked } = await watched();
  const found = await actionsLike(repository, 'nope');
  expect(found.ok && found.value.length).toBeGreaterThan(50);
  expect(new Set(asked).size).toBe(1);
});
