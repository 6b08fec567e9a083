import { existsSync, mkdirSync, writeFileSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { removeForcibly } from '../../src/store/remove.ts';
import { temporaryDirectory } from './temporary-store.ts';

// Root may do anything, whatever the modes: for root this shows no more than that nothing is left. The processes' tests
// run the same without root's capabilities.
it('removes directories that may not be written, beside many that may', async () => {
  const root = path.join(await temporaryDirectory(), 'tree');
  for (let number = 0; number < 40; number += 1) {
    const directory = path.join(root, `d${number}/below`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, 'file'), 'text');
    if (number % 3 === 0) {
      chmodSync(directory, 0o500);
      chmodSync(path.dirname(directory), 0o500);
    }
  }
  await removeForcibly(root);
  expect(existsSync(root)).toBe(false);
});
