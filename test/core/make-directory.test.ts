import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { makeDirectory } from '../../src/core/make-directory.ts';
import { temporaryDirectory } from '../store/temporary-store.ts';

it('makes what is missing, and minds nothing that is there', async () => {
  const directory = path.join(await temporaryDirectory(), 'a/b/c');
  makeDirectory(directory);
  makeDirectory(directory);
  expect(statSync(directory).isDirectory()).toBe(true);
});

it('fails where a file stands in the way', async () => {
  const root = await temporaryDirectory();
  writeFileSync(path.join(root, 'file'), '');
  for (const wanted of ['file', 'file/below']) {
    expect(() => makeDirectory(path.join(root, wanted))).toThrowError(
      expect.objectContaining({
        code: 'ENOTDIR',
        path: path.join(root, wanted),
      }),
    );
  }
});

it('fails, and does not try for ever, where no directory can be made', () => {
  expect(() => makeDirectory('/proc/bootstrap-test/below')).toThrowError(
    expect.objectContaining({ code: 'ENOENT' }),
  );
});
