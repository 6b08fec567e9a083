import {
  access,
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import { key } from '../../src/plan/names.ts';
import { openDiskStore } from '../../src/store/disk-store.ts';
import { digestBytes } from '../../src/store/directory-message.ts';
import type { ActionResult, Store } from '../../src/store/store.ts';
import { writeSketch } from './sketch.ts';
import { addTree, listTrees, openTestStore, temporaryDirectory, testEpoch } from './temporary-store.ts';

const aKey = key('ab'.repeat(32));
const nobody = digest(`${'0'.repeat(64)}-7`);

function reopen(store: Store): Promise<Store> {
  return openTestStore(store.root);
}

describe('trees', () => {
  it('has none where a file has taken the place of their directory', async () => {
    const store = await openTestStore();
    for (const name of ['trees', 'blobs']) {
      await rm(join(store.root, name), { recursive: true });
      await writeFile(join(store.root, name), '');
    }
    expect(await store.hasTree(nobody)).toBe(false);
    expect(await store.hasBlob(nobody)).toBe(false);
  });

  it('adopts a directory and lists it', async () => {
    const store = await openTestStore();
    const scratch = await store.makeScratch('build/of gcc');
    const directory = join(scratch.path, 'out');
    await writeSketch(directory, {
      'bin/tool': { executable: 'T' },
      'bin-1': 'x',
      lib: { link: 'bin' },
      z: { directory: true },
    });
    const before = await store.digestTree(directory);
    const adopted = await store.adoptTree(directory);
    if (!adopted.ok) throw new Error('unexpected');
    const tree = adopted.value;
    expect(before).toEqual(adopted);
    await expect(access(directory)).rejects.toThrow();
    expect(await store.hasTree(tree)).toBe(true);
    expect(await readFile(join(store.treePath(tree), 'bin/tool'), 'utf8')).toBe('T');
    for (const name of ['', 'bin', 'bin/tool', 'lib']) {
      expect((await lstat(join(store.treePath(tree), name))).mtimeMs, name).toBe(testEpoch * 1000);
    }
    const [bin] = await store.listTree(tree);
    expect(await store.listTree(tree)).toEqual([
      { kind: 'directory', path: 'bin', digest: bin?.kind === 'directory' && bin.digest },
      { kind: 'file', path: 'bin/tool', digest: digestBytes(Buffer.from('T')), executable: true },
      { kind: 'file', path: 'bin-1', digest: digestBytes(Buffer.from('x')), executable: false },
      { kind: 'symlink', path: 'lib', target: 'bin' },
      { kind: 'directory', path: 'z', digest: digestBytes(Buffer.alloc(0)) },
    ]);
    expect(await store.verifyTree(tree)).toEqual({ ok: true });
    expect(await (await reopen(store)).verifyTree(tree)).toEqual({ ok: true });
  });

  it('keeps one of two equal directories', async () => {
    const store = await openTestStore();
    const first = await addTree(store, { a: '1' });
    const { ino } = await lstat(store.treePath(first));
    expect(await addTree(store, { a: '1' })).toBe(first);
    expect((await lstat(store.treePath(first))).ino).toBe(ino);
    expect(await addTree(store, {})).toBe(await addTree(store, {}));
    expect(await readdir(join(store.root, 'scratch'))).toEqual([]);
  });

  it('completes a tree whose list of files is lost when the same tree comes again', async () => {
    const store = await openTestStore();
    const tree = await addTree(store, { a: '1' });
    await removeMessage(store, tree);
    expect(await store.hasTree(tree)).toBe(false);
    expect(await addTree(store, { a: '1' })).toBe(tree);
    expect(await (await reopen(store)).verifyTree(tree)).toEqual({ ok: true });
  });

  it('refuses what cannot be a tree, and leaves it where it is', async () => {
    const store = await openTestStore();
    const scratch = await store.makeScratch('x');
    await writeFile(join(scratch.path, 'file'), '');
    expect(await store.adoptTree(join(scratch.path, 'file'))).toMatchObject({
      ok: false,
      failure: { reason: 'unfit-tree', why: 'is not a directory' },
    });
    expect(await listTrees(store)).toEqual([]);
    await access(join(scratch.path, 'file'));
  });

  it('reports what it does not have', async () => {
    const store = await openTestStore();
    expect(await store.hasTree(nobody)).toBe(false);
    expect(await store.verifyTree(nobody)).toEqual({
      ok: false,
      failure: { reason: 'damaged-tree', digest: nobody, detail: 'it is missing' },
    });
    await expect(store.listTree(nobody)).rejects.toMatchObject({ failure: { reason: 'damaged-tree' } });
    await store.removeTree(nobody);
  });

  it('corrects times and modes while verifying', async () => {
    const store = await openTestStore();
    const tree = await addTree(store, { 'd/a': '1', 'd/b': { executable: '2' } });
    await utimes(join(store.treePath(tree), 'd/a'), 5, 5);
    await chmod(join(store.treePath(tree), 'd'), 0o700);
    expect(await (await reopen(store)).verifyTree(tree)).toEqual({ ok: true });
    expect((await lstat(join(store.treePath(tree), 'd/a'))).mtimeMs).toBe(testEpoch * 1000);
    expect((await lstat(join(store.treePath(tree), 'd'))).mode & 0o777).toBe(0o755);
  });

  it.each<[string, (store: Store, path: string) => Promise<unknown>]>([
    ['a changed byte', (_, path) => writeFile(join(path, 'd/a'), '2')],
    ['a truncated file', (_, path) => writeFile(join(path, 'd/a'), '')],
    ['a file too many', (_, path) => writeFile(join(path, 'new'), '')],
    ['a lost file', (_, path) => removePath(join(path, 'd/a'))],
    ['a changed mode', (_, path) => chmod(join(path, 'd/a'), 0o755)],
    ['a changed link', (_, path) => symlink('x', join(path, 'd/l'))],
    ['a cut list of files', (store, path) => cutMessage(store, path)],
    ['a list of files that is lost', (_, path) => removePath(`${path}.directory`)],
    ['files that are lost as a whole', (_, path) => removePath(path)],
  ])('notices %s, throws the tree away and takes it again', async (_, damage) => {
    const first = await openTestStore();
    const tree = await addTree(first, { 'd/a': '1' });
    const store = await reopen(first);
    await damage(store, store.treePath(tree));
    expect(await store.verifyTree(tree)).toMatchObject({
      ok: false,
      failure: { reason: 'damaged-tree', digest: tree },
    });
    expect(await store.hasTree(tree)).toBe(false);
    expect(await readdir(join(store.root, 'trees'))).toEqual([]);
    expect(await readdir(join(store.root, 'damaged'))).toEqual([]);
    expect(await addTree(store, { 'd/a': '1' })).toBe(tree);
    expect(await store.verifyTree(tree)).toEqual({ ok: true });
  });

  it('reads a tree once', async () => {
    const store = await reopen(await openTestStore());
    const tree = await addTree(store, { a: '1' });
    const other = await reopen(store);
    const verdict = other.verifyTree(tree);
    expect(other.verifyTree(tree)).toBe(verdict);
    await verdict;
    await writeFile(join(store.treePath(tree), 'a'), '2');
    expect(await other.verifyTree(tree)).toEqual({ ok: true });
    expect(await (await reopen(store)).verifyTree(tree)).toMatchObject({ ok: false });
  });
});

describe('blobs', () => {
  it('keeps bytes and files', async () => {
    const store = await openTestStore();
    const hello = digest(`${createHash('sha256').update('hello').digest('hex')}-5`);
    expect(await store.hasBlob(hello)).toBe(false);
    expect(await store.putBlob(Buffer.from('hello'))).toBe(hello);
    expect(await store.putBlob(Buffer.from('hello'))).toBe(hello);
    expect(await store.hasBlob(hello)).toBe(true);
    const scratch = await store.makeScratch('x');
    const file = join(scratch.path, 'f');
    await writeFile(file, 'other', { mode: 0o700 });
    const other = digestBytes(Buffer.from('other'));
    expect(await store.adoptBlob(file, hello)).toMatchObject({
      ok: false,
      failure: { reason: 'wrong-hash', expected: hello, actual: other },
    });
    await access(file);
    expect(await store.adoptBlob(file, other)).toEqual({ ok: true, value: other });
    await expect(access(file)).rejects.toThrow();
    const stats = await lstat(store.blobPath(other));
    expect([stats.mode & 0o777, stats.mtimeMs]).toEqual([0o644, testEpoch * 1000]);
  });

  it('notices damage', async () => {
    const store = await openTestStore();
    const blob = await store.putBlob(Buffer.from('hello'));
    await writeFile(store.blobPath(blob), 'hellO');
    const other = await reopen(store);
    expect(await other.hasBlob(blob)).toBe(false);
    expect(await other.putBlob(Buffer.from('hello'))).toBe(blob);
    expect(await readFile(store.blobPath(blob), 'utf8')).toBe('hello');
  });
});

describe('results and notes', () => {
  const result: ActionResult = {
    action: 'stage-1-armv5l/gcc',
    outputs: { tree: nobody },
    wallSeconds: 1.5,
    cpuSeconds: 0,
  };

  it('gives back what was put', async () => {
    const store = await openTestStore();
    expect(await store.getResult(aKey)).toBeUndefined();
    await store.putResult(aKey, result);
    expect(await (await reopen(store)).getResult(aKey)).toEqual(result);
    for (const name of ['plain', 'stage/step', '..', 'ü', 'x'.repeat(500), `${'x'.repeat(499)}y`]) {
      expect(await store.getNote('actions', name), name).toBeUndefined();
      await store.putNote('actions', name, { name });
    }
    expect(await store.getNote('actions', '..')).toEqual({ name: '..' });
    expect(await store.getNote('actions', 'x'.repeat(500))).toEqual({ name: 'x'.repeat(500) });
    expect(await store.getNote('durations', 'plain')).toBeUndefined();
    await store.putNote('actions', 'plain', 7);
    expect(await store.getNote('actions', 'plain')).toBe(7);
    expect(await readdir(join(store.root, 'scratch'))).toEqual([]);
  });

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{}',
    JSON.stringify(result).slice(0, -1),
    JSON.stringify({ ...result, action: 1 }),
    JSON.stringify({ ...result, wallSeconds: -1 }),
    JSON.stringify({ ...result, cpuSeconds: '1' }),
    JSON.stringify({ ...result, outputs: [] }),
    JSON.stringify({ ...result, outputs: { tree: '../../etc' } }),
  ])('reads the damaged result %j as none', async (text) => {
    const store = await openTestStore();
    await writeFile(join(store.root, 'results', `${aKey}.json`), text);
    expect(await store.getResult(aKey)).toBeUndefined();
  });

  it('treats a damaged note as missing', async () => {
    const store = await openTestStore();
    await store.putNote('machine', 'compiler', { a: [1, 2, 3] });
    await writeFile(join(store.root, 'notes/machine/compiler.json'), '{ "a": [1,');
    expect(await store.getNote('machine', 'compiler')).toBeUndefined();
    await writeFile(join(store.root, 'notes/machine/compiler.json'), Buffer.alloc(20));
    expect(await store.getNote('machine', 'compiler')).toBeUndefined();
  });
});

describe('the rest', () => {
  it('makes scratch and log directories', async () => {
    const store = await openTestStore();
    const [one, two] = [await store.makeScratch('a b/c'), await store.makeScratch('a b/c')];
    expect(one.path).not.toBe(two.path);
    await writeSketch(one.path, { 'x/y': '' });
    await one.release();
    await one.release();
    await expect(access(one.path)).rejects.toThrow();
    const log = await store.logDirectory(aKey);
    await writeFile(join(log, 'log'), 'text');
    expect(await store.logDirectory(aKey)).toBe(log);
    expect(await readdir(log)).toEqual(['log']);
  });

  it('keeps the scratch of those who live when it is opened, and removes damaged leftovers', async () => {
    const store = await openTestStore();
    const scratch = await store.makeScratch('x');
    await mkdir(join(store.root, 'damaged', 'half'));
    await reopen(store);
    await access(scratch.path);
    expect(await readdir(join(store.root, 'damaged'))).toEqual([]);
  });

  it('does not open if a file is in its place', async () => {
    const file = join(await temporaryDirectory(), 'file');
    await writeFile(file, '');
    for (const root of [file, join(file, 'store')]) {
      expect(await openDiskStore({ root, epochSeconds: 0 })).toMatchObject({
        ok: false,
        failure: { reason: 'unwritable', path: root },
      });
    }
  });
});

function removePath(path: string): Promise<void> {
  return rm(path, { recursive: true });
}

function removeMessage(store: Store, tree: string): Promise<void> {
  return removePath(join(store.root, 'trees', `${tree}.directory`));
}

async function cutMessage(_: Store, path: string): Promise<void> {
  const bytes = await readFile(`${path}.directory`);
  await writeFile(`${path}.directory`, bytes.subarray(0, bytes.length - 3));
}

describe('what failed actions left', () => {
  it('is for one at a time, and stays as long as somebody is in it', async () => {
    const store = await openTestStore();
    expect(await store.openKept(aKey)).toBe('none');
    await writeSketch(store.keptPath(aKey), { file: 'text' });
    const other = await reopen(store);
    const entered = await store.openKept(aKey);
    if (typeof entered === 'string') throw new Error(entered);
    expect(await readFile(join(entered.path, 'file'), 'utf8')).toBe('text');
    expect(await other.openKept(aKey)).toBe('in-use');
    await other.dropKept();
    await other.dropKept(aKey);
    expect(await readdir(entered.path)).toEqual(['file']);
    await entered.release();
    await other.dropKept();
    expect(await store.openKept(aKey)).toBe('none');
  });
});
