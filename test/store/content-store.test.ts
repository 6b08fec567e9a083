import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import { key } from '../../src/plan/names.ts';
import type { EncodedTree } from '../../src/store/canonical-tree.ts';
import { digestBytes, encodeDirectory } from '../../src/store/directory-message.ts';
import type { Bytes, ContentStore } from '../../src/store/store.ts';
import { memoryStore } from './memory-store.ts';
import { openTestStore } from './temporary-store.ts';

const aKey = key('ab'.repeat(32));

/** A tree of two equal files, one executable, and a link, with the bytes of its files. */
function sample(): { readonly encoded: EncodedTree; readonly blobs: ReadonlyMap<Digest, string> } {
  const hello = digestBytes(Buffer.from('hello'));
  const nothing = digestBytes(Buffer.alloc(0));
  const below = encodeDirectory({
    files: [{ name: 'x', digest: hello, executable: true }],
    directories: [],
    symlinks: [],
  });
  const root = encodeDirectory({
    files: [
      { name: 'a', digest: hello, executable: false },
      { name: 'b', digest: nothing, executable: false },
    ],
    directories: [{ name: 'd', digest: digestBytes(below) }],
    symlinks: [{ name: 'l', target: 'd/x' }],
  });
  const messages = new Map([
    [digestBytes(root), root],
    [digestBytes(below), below],
  ]);
  return {
    encoded: { tree: digestBytes(root), messages, absoluteLinks: false },
    blobs: new Map([
      [hello, 'hello'],
      [nothing, ''],
    ]),
  };
}

const implementations: Readonly<Record<string, () => Promise<ContentStore>>> = {
  'on disk': () => openTestStore(),
  'in memory': () => Promise.resolve(memoryStore()),
};

describe.each(Object.entries(implementations))('a content store %s', (_, open) => {
  it('stores a tree from its messages, asking for the bytes of each file once', async () => {
    const store = await open();
    const { encoded, blobs } = sample();
    expect(await store.hasTree(encoded.tree)).toBe(false);
    const asked: Digest[] = [];
    const read = (blob: Digest): Promise<Bytes> => {
      asked.push(blob);
      return Promise.resolve(pieces(blobs.get(blob) ?? ''));
    };
    expect(await store.putTree(encoded, read)).toMatchObject({ ok: true });
    expect(asked.sort()).toEqual([...blobs.keys()].sort());
    expect(await store.hasTree(encoded.tree)).toBe(true);
    expect((await store.listTree(encoded.tree)).map(({ path }) => path)).toEqual(['a', 'b', 'd', 'd/x', 'l']);
    // Once it is there, nothing is asked for.
    expect(await store.putTree(encoded, () => Promise.reject(new Error('asked')))).toMatchObject({
      ok: true,
    });
    await store.removeTree(encoded.tree);
    await store.removeTree(encoded.tree);
    expect(await store.hasTree(encoded.tree)).toBe(false);
    await expect(store.listTree(encoded.tree)).rejects.toMatchObject({ failure: { reason: 'damaged-tree' } });
  });

  it('refuses a tree whose contents do not match its digest, and keeps nothing of it', async () => {
    const store = await open();
    const { encoded } = sample();
    expect(await store.putTree(encoded, () => Promise.resolve(Buffer.from('other')))).toMatchObject({
      ok: false,
      failure: { reason: 'damaged-tree', digest: encoded.tree },
    });
    expect(await store.hasTree(encoded.tree)).toBe(false);
    const [root] = encoded.messages.values();
    const half = { ...encoded, messages: new Map([[encoded.tree, root?.subarray(0, 9) ?? Buffer.alloc(0)]]) };
    expect(await store.putTree(half, () => Promise.resolve(Buffer.from('hello')))).toMatchObject({
      ok: false,
    });
  });

  it('rethrows errors of the function that provides the bytes', async () => {
    const store = await open();
    const { encoded } = sample();
    await expect(store.putTree(encoded, () => Promise.reject(new Error('cut off')))).rejects.toThrow(
      'cut off',
    );
    expect(await store.hasTree(encoded.tree)).toBe(false);
  });

  it('keeps blobs', async () => {
    const store = await open();
    const hello = digestBytes(Buffer.from('hello'));
    expect([await store.hasBlob(hello), await store.getBlob(hello)]).toEqual([false, undefined]);
    expect(await store.putBlob(Buffer.from('hello'))).toBe(hello);
    expect(await store.putBlob(Buffer.from('hello'))).toBe(hello);
    expect(await store.hasBlob(hello)).toBe(true);
    expect(Buffer.from((await store.getBlob(hello)) ?? []).toString()).toBe('hello');
  });

  it('keeps results and notes, the last of each', async () => {
    const store = await open();
    const { tree } = sample().encoded;
    const result = { action: 'a/b', outputs: { tree }, wallSeconds: 0.1, cpuSeconds: 3 };
    expect([await store.getResult(aKey), await store.getNote('actions', 'a/b')]).toEqual([
      undefined,
      undefined,
    ]);
    await store.putResult(aKey, result);
    await store.putResult(aKey, { ...result, scratch: ['tree'] });
    expect(await store.getResult(aKey)).toEqual({ ...result, scratch: ['tree'] });
    expect(await store.getResult(key('00'.repeat(32)))).toBeUndefined();
    await store.putNote('actions', 'a/b', { n: 1 });
    await store.putNote('actions', 'a/b', { n: [2] });
    expect(await store.getNote('actions', 'a/b')).toEqual({ n: [2] });
    expect(await store.getNote('durations', 'a/b')).toBeUndefined();
  });
});

it('on disk a tree that was put is stored like one that was adopted', async () => {
  const store = await openTestStore();
  const { encoded, blobs } = sample();
  await store.putTree(encoded, (blob) => Promise.resolve(Buffer.from(blobs.get(blob) ?? '')));
  const path = store.treePath(encoded.tree);
  expect(await readFile(join(path, 'd/x'), 'utf8')).toBe('hello');
  expect(await readFile(join(path, 'l'), 'utf8')).toBe('hello');
  expect([(await stat(join(path, 'd/x'))).mode & 0o777, (await stat(join(path, 'a'))).mode & 0o777]).toEqual([
    0o755, 0o644,
  ]);
  expect(await (await openTestStore(store.root)).verifyTree(encoded.tree)).toEqual({ ok: true });
});

async function* pieces(text: string): AsyncIterable<Uint8Array> {
  for (const letter of text) yield Promise.resolve(Buffer.from(letter));
}
