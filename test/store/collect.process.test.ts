import { spawn } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { processArguments } from './process-arguments.ts';
import { openTestStore, temporaryDirectory } from './temporary-store.ts';

it('concurrent builds and collectors do no harm', async () => {
  const root = join(await temporaryDirectory(), 'store');
  await openTestStore(root);
  const end = join(root, 'end');
  const run = (...rest: string[]): Promise<Record<string, number>> => {
    const child = spawn(process.execPath, processArguments(...rest), { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let text = '';
    let errors = '';
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()));
    return new Promise((resolve, reject) => {
      child.once('close', (code) =>
        code === 0 ? resolve(JSON.parse(text) as Record<string, number>) : reject(new Error(errors)),
      );
    });
  };
  const collectors = [0, 1].map(() => run('collect-forever', root, end));
  const builders = [0, 1].map(() => run('use-forever', root, '10'));
  await Promise.all(builders);
  await writeFile(end, '');
  const removed = await Promise.all(collectors);
  // Four trees were made twenty times.
  expect(removed.reduce((sum, each) => sum + (each['removed'] ?? 0), 0)).toBeGreaterThanOrEqual(16);
  expect(await readdir(join(root, 'damaged'))).toEqual([]);
});
