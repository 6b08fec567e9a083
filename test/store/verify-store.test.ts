import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { key } from '../../src/plan/names.ts';
import type { Store } from '../../src/store/store.ts';
import { verifyStore, type Damage, type Verification } from '../../src/store/verify-store.ts';
import { addTree, openTestStore, temporaryDirectory } from './temporary-store.ts';

const aKey = key('ab'.repeat(32));
const anotherKey = key('cd'.repeat(32));

async function verify(store: Store, repair = false): Promise<Verification> {
  const verified = await verifyStore(store.root, { repair });
  if (!verified.ok) throw new Error(JSON.stringify(verified.failure));
  return verified.value;
}

/** A store with one of everything. */
async function filled(): Promise<{
  readonly store: Store;
  readonly paths: Readonly<Record<Damage['kind'], string>>;
}> {
  const store = await openTestStore();
  const tree = await addTree(store, { 'd/a': '1', l: { link: 'd' } });
  const blob = await store.putBlob(Buffer.from('hello'));
  await store.putResult(aKey, { action: 'a/b', outputs: { tree }, wallSeconds: 1, cpuSeconds: 1 });
  await store.putNote('actions', 'a/b', { key: aKey });
  const sha = createHash('sha256').update('archive').digest('hex');
  const download = join(store.root, 'downloads', sha);
  await mkdir(join(store.root, 'downloads/apt'), { recursive: true });
  await writeFile(download, 'archive');
  await writeFile(`${download}.part`, 'arch');
  return {
    store,
    paths: {
      tree: store.treePath(tree),
      blob: store.blobPath(blob),
      result: join(store.root, 'results', `${aKey}.json`),
      note: join(store.root, 'notes/actions/a%2Fb.json'),
      download,
    },
  };
}

describe('verifyStore', () => {
  it('reads everything, and finds nothing if nothing is wrong', async () => {
    const { store } = await filled();
    expect(await verify(store)).toEqual({ checked: 5, damage: [] });
  });

  it.each<[string, Damage['kind'], (path: string, store: Store) => Promise<unknown>, RegExp]>([
    ['a changed byte in a tree', 'tree', (path) => writeFile(join(path, 'd/a'), '2'), /have the digest/],
    ['a file too many', 'tree', (path) => writeFile(join(path, 'new'), ''), /have the digest/],
    [
      'a list of files that is cut',
      'tree',
      (path) => writeFile(`${path}.directory`, 'x'),
      /list of files is damaged/,
    ],
    ['a list of files that is lost', 'tree', (path) => rm(`${path}.directory`), /list of files is missing/],
    ['a blob of other bytes', 'blob', (path) => writeFile(path, 'hellO'), /contents do not match/],
    ['an archive of other bytes', 'download', (path) => writeFile(path, 'Archive'), /contents do not match/],
    ['a note that is cut', 'note', (path) => writeFile(path, '{ "a":'), /not JSON/],
    ['a result that is cut', 'result', (path) => writeFile(path, '{'), /not JSON/],
    ['a directory for a result', 'result', (path) => replaceByDirectory(path), /not a file/],
    ['a directory for a blob', 'blob', (path) => replaceByDirectory(path), /contents do not match/],
    ['a result that names another valid tree', 'result', editResult, /checksum does not match/],
  ])('reports %s, and throws it away when it is to repair', async (_, kind, harm, detail) => {
    const { store, paths } = await filled();
    await harm(paths[kind], store);
    const found = [{ kind, detail: expect.stringMatching(detail), path: paths[kind] }];
    expect((await verify(store)).damage).toMatchObject(found);
    // It has changed nothing.
    expect((await verify(store)).damage).toMatchObject(found);
    expect((await verify(store, true)).damage).toMatchObject(found);
    expect((await verify(store)).damage).toEqual([]);
    expect(await readdir(join(store.root, 'damaged'))).toEqual([]);
  });

  it('reports all that is wrong, the result of another key among it', async () => {
    const { store, paths } = await filled();
    await writeFile(join(store.root, 'results', `${anotherKey}.json`), await readFile(paths.result));
    await writeFile(join(store.root, 'results', 'strange'), '');
    await writeFile(paths.blob, '');
    const { checked, damage } = await verify(store);
    expect(checked).toBe(7);
    expect(damage.map(({ kind, name }) => [kind, name.slice(0, 9)]).toSorted()).toEqual([
      ['blob', '2cf24dba5'],
      ['result', anotherKey.slice(0, 9)],
      ['result', 'strange'],
    ]);
  });

  it('believes a result without a check, as earlier versions wrote them', async () => {
    const { store, paths } = await filled();
    const { check, ...rest } = JSON.parse(await readFile(paths.result, 'utf8')) as Record<string, unknown>;
    expect(check).toEqual(expect.any(String));
    await writeFile(paths.result, JSON.stringify(rest));
    expect((await verify(store)).damage).toEqual([]);
  });

  it('ends when aborted, and reports a missing store', async () => {
    const { store } = await filled();
    expect(await verifyStore(store.root, { signal: AbortSignal.abort('SIGTERM') })).toEqual({
      ok: false,
      failure: { reason: 'interrupted', signal: 'SIGTERM' },
    });
    const root = await temporaryDirectory();
    expect(await verifyStore(root)).toEqual({ ok: false, failure: { reason: 'no-store', path: root } });
  });
});

async function replaceByDirectory(path: string): Promise<void> {
  await rm(path);
  await mkdir(path);
}

async function editResult(path: string, store: Store): Promise<void> {
  const other = await addTree(store, { other: '1' });
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/[0-9a-f]{64}-[0-9]+/, other));
}
