import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import { key } from '../../src/plan/names.ts';
import { parseResult, renderResult } from '../../src/store/records.ts';
import type { ActionResult } from '../../src/store/store.ts';
import { addTree, openTestStore } from './temporary-store.ts';

const aKey = key('ab'.repeat(32));
const anotherKey = key('cd'.repeat(32));
const trees = ['0', '1', '2'].map((digit) => digest(`${digit.repeat(64)}-7`));

const results = fc.record<ActionResult>(
  {
    action: fc.string(),
    outputs: fc.dictionary(fc.string(), fc.constantFrom(...trees)),
    scratch: fc.array(fc.string()),
    wallSeconds: fc.double({ min: 0, max: 1e9, noNaN: true }),
    cpuSeconds: fc.nat(),
  },
  { requiredKeys: ['action', 'outputs', 'wallSeconds', 'cpuSeconds'] },
);

describe('a result', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(results, (result) => {
        const text = JSON.stringify(renderResult(aKey, result), undefined, 2);
        expect(parseResult(aKey, text)).toEqual(JSON.parse(JSON.stringify(result)));
      }),
    );
  });

  it('is rejected if it names another tree than before, even a valid one', async () => {
    const store = await openTestStore();
    const [built, other] = [await addTree(store, { a: '1' }), await addTree(store, { a: '2' })];
    await store.putResult(aKey, { action: 'a/b', outputs: { tree: built }, wallSeconds: 1, cpuSeconds: 1 });
    const file = join(store.root, 'results', `${aKey}.json`);
    const text = await readFile(file, 'utf8');
    expect(text).toContain(built);
    await writeFile(file, text.replace(built, other));
    expect(await store.getResult(aKey)).toBeUndefined();
    await writeFile(file, text);
    expect((await store.getResult(aKey))?.outputs).toEqual({ tree: built });
    // That of another action, lying under this key.
    await writeFile(join(store.root, 'results', `${anotherKey}.json`), text);
    expect(await store.getResult(anotherKey)).toBeUndefined();
  });

  it.each<[string, (record: Record<string, unknown>) => void]>([
    ['action', (record) => (record['action'] = 'c/d')],
    ['time', (record) => (record['wallSeconds'] = 2)],
    ['scratch outputs', (record) => (record['scratch'] = [])],
    ['check', (record) => (record['check'] = '0'.repeat(64))],
    ['fields, one more', (record) => (record['more'] = 1)],
    ['fields, one less', (record) => delete record['scratch']],
  ])('with another %s is not believed', (_, change) => {
    const result = { action: 'a/b', outputs: {}, scratch: ['x'], wallSeconds: 1, cpuSeconds: 1 };
    const record = { ...renderResult(aKey, result) };
    expect(parseResult(aKey, JSON.stringify(record))).toEqual(result);
    change(record);
    expect(parseResult(aKey, JSON.stringify(record))).toBeUndefined();
  });

  it('does not depend on the order of its fields', () => {
    const record = renderResult(aKey, {
      action: 'a/b',
      outputs: { x: digest(`${'0'.repeat(64)}-1`), y: digest(`${'1'.repeat(64)}-1`) },
      wallSeconds: 1,
      cpuSeconds: 1,
    });
    const turned = Object.fromEntries(Object.entries(record).reverse());
    expect(parseResult(aKey, JSON.stringify(turned))).toBeDefined();
  });

  it('of an earlier version, without a check, stays valid', () => {
    const result = { action: 'a/b', outputs: {}, wallSeconds: 1, cpuSeconds: 1 };
    expect(parseResult(aKey, JSON.stringify(result))).toEqual(result);
    expect(parseResult(aKey, JSON.stringify({ ...result, scratch: 'x' }))).toBeUndefined();
    expect(parseResult(aKey, JSON.stringify({ ...result, scratch: [1] }))).toBeUndefined();
  });

  // Golden: a change of this line makes every result that was ever written unknown.
  it('has this check', () => {
    const result = { action: 'a/b', outputs: {}, wallSeconds: 1.5, cpuSeconds: 0 };
    expect(renderResult(aKey, result)['check']).toMatchInlineSnapshot(
      `"50d611d364a94aff8874df4e2cbea4e41dbff2233c99e49a3dada997194bfd7d"`,
    );
  });
});

describe('something in the way', () => {
  const result = { action: 'a/b', outputs: {}, wallSeconds: 1, cpuSeconds: 1 };

  it('of a result is said before the action would run, and when one is written', async () => {
    const store = await openTestStore();
    const file = join(store.root, 'results', `${aKey}.json`);
    await mkdir(join(file, 'x'), { recursive: true });
    const inTheWay = {
      failure: { reason: 'unwritable', path: file, detail: expect.stringMatching(/remove it/) },
    };
    await expect(store.getResult(aKey)).rejects.toMatchObject(inTheWay);
    await expect(store.putResult(aKey, result)).rejects.toMatchObject(inTheWay);
    await rm(file, { recursive: true });
    await store.putResult(aKey, result);
    expect(await store.getResult(aKey)).toEqual(result);
  });

  it('of a note, or of its directory', async () => {
    const store = await openTestStore();
    const file = join(store.root, 'notes/actions/a.json');
    await mkdir(file, { recursive: true });
    const inTheWay = { failure: { reason: 'unwritable', path: file, detail: expect.any(String) } };
    await expect(store.getNote('actions', 'a')).rejects.toMatchObject(inTheWay);
    await expect(store.putNote('actions', 'a', 1)).rejects.toMatchObject(inTheWay);
    await writeFile(join(store.root, 'notes/durations'), '');
    await expect(store.putNote('durations', 'a', 1)).rejects.toMatchObject({
      failure: { reason: 'unwritable' },
    });
    await expect(store.getNote('durations', 'a')).rejects.toMatchObject({
      failure: { reason: 'unwritable' },
    });
  });

  it('in the place of a blob is replaced', async () => {
    const store = await openTestStore();
    const blob = await store.putBlob(Buffer.from('x'));
    await rm(store.blobPath(blob));
    await mkdir(store.blobPath(blob));
    expect(await (await openTestStore(store.root)).putBlob(Buffer.from('x'))).toBe(blob);
    expect(await readFile(store.blobPath(blob), 'utf8')).toBe('x');
  });
});
