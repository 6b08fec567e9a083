import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { withProcessLock } from '../../src/sources/process-lock.ts';
import { processStamp } from '../../src/store/process-stamp.ts';
import { temporaryDirectory } from './temporary.ts';

it('lets one at a time work, and leaves no lock behind', async () => {
  const file = join(temporaryDirectory(), 'lock');
  let inside = 0;
  const work = () =>
    withProcessLock(file, async () => {
      inside += 1;
      expect(inside).toBe(1);
      await sleep(5);
      inside -= 1;
    });
  await Promise.all([work(), work(), work()]);
  expect(existsSync(file)).toBe(false);
});

it('gives the lock back when the work fails', async () => {
  const file = join(temporaryDirectory(), 'lock');
  await expect(withProcessLock(file, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
  expect(existsSync(file)).toBe(false);
});

it('takes over from a process that died', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'lock');
  writeFileSync(file, processStamp().replace(/^\d+\.\d+/, '4194305.7'));
  expect(await withProcessLock(file, () => Promise.resolve('done'))).toBe('done');
  expect(readdirSync(directory)).toEqual([]);
});
