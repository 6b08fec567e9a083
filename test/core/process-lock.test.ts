import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { removeAbandonedLocks, tryProcessLock, withProcessLock } from '../../src/core/process-lock.ts';
import { processStamp } from '../../src/core/process-stamp.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

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

it('goes from a dead process to exactly one of many, and so once more where its heir died too', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'lock');
  const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');
  for (let round = 0; round < 20; round += 1) {
    writeFileSync(file, `${dead} first`);
    if (round % 2 === 1) writeFileSync(`${file}.first`, `${dead} second`);
    const locks = await Promise.all(Array.from({ length: 8 }, () => tryProcessLock(file)));
    const held = locks.filter((lock) => lock !== undefined);
    expect(held).toHaveLength(1);
    await held[0]?.release();
    expect(readdirSync(directory)).toEqual([]);
  }
});

it('is not taken from a process that nobody can see until it has been silent for long', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'lock');
  writeFileSync(file, processStamp().replace(/\d+$/, '1'));
  expect(await tryProcessLock(file)).toBeUndefined();
  const longAgo = Date.now() / 1000 - 3600;
  utimesSync(file, longAgo, longAgo);
  expect(await tryProcessLock(file)).toBeDefined();
});

describe('removing abandoned locks', () => {
  const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');
  const elsewhere = processStamp().replace(/\d+$/, '1');

  /** Writes lock files; those named in `old` were last touched two days ago. */
  function place(files: Readonly<Record<string, string>>, old: readonly string[] = []): string {
    const directory = temporaryDirectory();
    const longAgo = Date.now() / 1000 - 48 * 3600;
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    for (const name of old) utimesSync(join(directory, name), longAgo, longAgo);
    return directory;
  }

  it('removes those of dead processes, and of dead heirs, and no others', async () => {
    const directory = place(
      {
        dead: `${dead} first`,
        inherited: `${dead} first`,
        'inherited.first': `${dead} second`,
        cut: '',
        elsewhere: `${elsewhere} first`,
        'elsewhere-long-ago': `${elsewhere} first`,
      },
      ['elsewhere-long-ago'],
    );
    const held = await tryProcessLock(join(directory, 'held'));
    await removeAbandonedLocks(directory);
    expect(readdirSync(directory).sort()).toEqual(['elsewhere', 'held']);
    await held?.release();
    expect(readdirSync(directory)).toEqual(['elsewhere']);
  });

  it('leaves a lock alone that a living process is taking over, however old its chain is', async () => {
    const chain = {
      lock: `${dead} first`,
      'lock.first': `${dead} second`,
      'lock.second': `${processStamp()} third`,
    };
    const directory = place(chain, ['lock', 'lock.first']);
    await removeAbandonedLocks(directory);
    expect(readdirSync(directory).sort()).toEqual(Object.keys(chain).sort());
  });

  it('removes old files without a lock, and of a lock that is held', async () => {
    const files = { 'a.0123.new': dead, 'b.0123': dead, 'c.0123.new': dead, 'held.0123': dead };
    const directory = place(files, ['a.0123.new', 'b.0123', 'held.0123']);
    const held = await tryProcessLock(join(directory, 'held'));
    await removeAbandonedLocks(directory);
    expect(readdirSync(directory).sort()).toEqual(['c.0123.new', 'held']);
    await held?.release();
  });

  it('skips what is no lock', async () => {
    const directory = place({ dead });
    mkdirSync(join(directory, 'directory'));
    await removeAbandonedLocks(directory);
    expect(readdirSync(directory)).toEqual(['directory']);
  });
});
