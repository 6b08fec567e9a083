import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { processStamp } from '../../src/core/process-stamp.ts';
import { ok } from '../../src/core/result.ts';
import { exclusively } from '../../src/release/out-directory.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

/** A process of this pid namespace that is certainly gone. */
const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');

describe('exclusively', () => {
  it('lets one at a time work in a directory, and leaves no lock behind', async () => {
    const directory = temporaryDirectory();
    let inside = 0;
    const work = () =>
      exclusively(directory, async () => {
        inside += 1;
        expect(inside).toBe(1);
        await sleep(5);
        inside -= 1;
        return ok('done');
      });
    expect(await Promise.all([work(), work(), work()])).toEqual([ok('done'), ok('done'), ok('done')]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over from a process that died, also one of an earlier version, and removes what it left', async () => {
    for (const content of [`${dead} 0123456789abcdef`, dead, '']) {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, '.bootstrap-lock'), content);
      writeFileSync(join(directory, `.bootstrap-${dead}-1-product`), 'half');
      expect(await exclusively(directory, () => Promise.resolve(ok('done')))).toEqual(ok('done'));
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('reports a directory in the place of the lock', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, '.bootstrap-lock'));
    expect(await exclusively(directory, () => Promise.resolve(ok('done')))).toMatchObject({
      ok: false,
      failure: { reason: 'unwritable' },
    });
  });
});
