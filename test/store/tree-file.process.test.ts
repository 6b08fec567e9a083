import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findTreeFile, readTreeFile } from '../../src/store/tree-file.ts';
import { temporaryDirectory } from './temporary-store.ts';

it('a pipe is refused without waiting for its writer', async () => {
  const tree = await temporaryDirectory();
  execFileSync('mkfifo', [join(tree, 'pipe')]);
  for (const find of [readTreeFile, findTreeFile]) {
    expect(await find(tree, 'pipe')).toMatchObject({
      ok: false,
      failure: { reason: 'unreadable-output', why: 'is a socket, pipe or device' },
    });
  }
});
