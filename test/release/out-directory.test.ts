import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
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

  it.each([
    ['puts back an image whose successor did not get into its place', [], ['home.img', 'old']],
    ['moves the disk of an image on to its successor', ['new'], ['home.img', 'new']],
    ['leaves the disk of a successor alone', ['new', 'home.img'], ['home.img', 'new']],
  ])('%s', async (_, successor, expected) => {
    const directory = temporaryDirectory();
    const make = (name: string, files: readonly string[]): void => {
      mkdirSync(join(directory, name));
      for (const file of files) writeFileSync(join(directory, name, file), name);
    };
    make(`.bootstrap-${dead}-2-image.old`, ['home.img', 'old']);
    if (successor.length > 0) make('image', successor);
    await exclusively(directory, () => Promise.resolve(ok('done')));
    expect(readdirSync(directory)).toEqual(['image']);
    expect(readdirSync(join(directory, 'image')).sort()).toEqual(expected);
    const disk = readFileSync(join(directory, 'image/home.img'), 'utf8');
    expect(disk === 'image').toBe(successor.includes('home.img'));
  });

  it('takes no disk through a link that was moved aside: the directory that it names may be on another file system', async () => {
    const directory = temporaryDirectory();
    const elsewhere = temporaryDirectory();
    writeFileSync(join(elsewhere, 'home.img'), 'disk');
    symlinkSync(elsewhere, join(directory, `.bootstrap-${dead}-2-image.old`));
    mkdirSync(join(directory, 'image'));
    await exclusively(directory, () => Promise.resolve(ok('done')));
    expect(readdirSync(directory)).toEqual(['image']);
    expect(readdirSync(join(directory, 'image'))).toEqual([]);
    expect(readdirSync(elsewhere)).toEqual(['home.img']);
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
