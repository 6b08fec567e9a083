import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findTreeFile, readTreeDirectory, readTreeFile } from '../../src/store/tree-file.ts';
import { writeSketch } from './sketch.ts';
import { addTree, openTestStore, temporaryDirectory } from './temporary-store.ts';

/** A tree of the store as an action may have made it, and a file of the machine that it must not lead to. */
async function sample() {
  const outside = join(await temporaryDirectory(), 'outside');
  await writeSketch(outside, { secret: 'secret', 'deep/secret': 'secret' });
  const store = await openTestStore();
  const tree = await addTree(store, {
    plain: 'text',
    'programs/run': { executable: 'code' },
    'programs/data': '12345',
    'programs/again': { link: 'run' },
    'programs/below/file': 'text',
    'link-out': { link: join(outside, 'secret') },
    'link-inside': { link: 'plain' },
    'link-nowhere': { link: '/nowhere' },
    'linked-directory': { link: outside },
    'linked-programs': { link: 'programs' },
    'below/linked-directory': { link: join(outside, 'deep') },
    empty: { directory: true },
  });
  return { tree: store.treePath(tree), outside };
}

const refused = (path: string, why: string) => ({
  ok: false,
  failure: { reason: 'unreadable-output', path, why, hint: expect.any(String) as string },
});

describe('a file of a tree', () => {
  it('is read, with whether it is executable', async () => {
    const { tree } = await sample();
    const read = (file: string) => readTreeFile(tree, file);
    expect(await read('plain')).toEqual({
      ok: true,
      value: { bytes: Buffer.from('text'), executable: false },
    });
    expect(await read('programs/run')).toMatchObject({ ok: true, value: { executable: true } });
    expect(await findTreeFile(tree, 'programs/run')).toEqual({ ok: true, value: join(tree, 'programs/run') });
  });

  it('is undefined if it is missing, or fails if it is wanted', async () => {
    const { tree } = await sample();
    for (const file of ['nothing', 'nothing/below', 'programs/nothing']) {
      expect(await readTreeFile(tree, file)).toEqual({ ok: true, value: undefined });
      expect(await findTreeFile(tree, file)).toMatchObject(refused(join(tree, file), 'does not exist'));
    }
  });

  it.each([
    ['link-out', 'link-out', 'is a symbolic link'],
    ['link-inside', 'link-inside', 'is a symbolic link'],
    ['link-nowhere', 'link-nowhere', 'is a symbolic link'],
    ['linked-directory/secret', 'linked-directory', 'is a symbolic link'],
    ['linked-directory/nothing', 'linked-directory', 'is a symbolic link'],
    ['linked-programs/run', 'linked-programs', 'is a symbolic link'],
    ['below/linked-directory/secret', 'below/linked-directory', 'is a symbolic link'],
    ['programs', 'programs', 'is a directory'],
    ['plain/below', 'plain', 'is a file'],
  ])('%s is refused', async (file, at, why) => {
    const { tree } = await sample();
    expect(await readTreeFile(tree, file)).toMatchObject(refused(join(tree, at), why));
    expect(await findTreeFile(tree, file)).toMatchObject(refused(join(tree, at), why));
  });

  it('is refused above the size limit', async () => {
    const { tree } = await sample();
    expect((await readTreeFile(tree, 'plain', 4)).ok).toBe(true);
    expect(await readTreeFile(tree, 'plain', 3)).toMatchObject(
      refused(join(tree, 'plain'), 'is larger than 3 bytes'),
    );
  });

  it('that the system refuses to read is a failure', async () => {
    const { tree } = await sample();
    const file = 'x'.repeat(300);
    expect(await readTreeFile(tree, file)).toMatchObject(
      refused(join(tree, file), 'cannot be read (ENAMETOOLONG)'),
    );
  });
});

describe('a directory of a tree', () => {
  const names = async (tree: string, directory: string) => {
    const read = await readTreeDirectory(tree, directory);
    return read.ok ? [...read.value.keys()].sort() : read.failure;
  };

  it('gives its regular files, and no links', async () => {
    const { tree } = await sample();
    expect(await names(tree, '')).toEqual(['plain']);
    expect(await names(tree, 'programs')).toEqual(['data', 'run']);
    expect(await names(tree, 'empty')).toEqual([]);
    const read = await readTreeDirectory(tree, 'programs');
    expect(read.ok && read.value.get('run')).toEqual({ bytes: Buffer.from('code'), executable: true });
  });

  it.each([
    ['linked-directory', 'linked-directory', 'is a symbolic link'],
    ['linked-programs/below', 'linked-programs', 'is a symbolic link'],
    ['plain', 'plain', 'is a file'],
    ['nothing', 'nothing', 'does not exist'],
  ])('%s is refused', async (directory, at, why) => {
    const { tree } = await sample();
    expect(await readTreeDirectory(tree, directory)).toMatchObject(refused(join(tree, at), why));
  });

  it('is refused if a file in it is above the size limit', async () => {
    const { tree } = await sample();
    expect(await readTreeDirectory(tree, 'programs', 4)).toMatchObject(
      refused(join(tree, 'programs/data'), 'is larger than 4 bytes'),
    );
  });
});
