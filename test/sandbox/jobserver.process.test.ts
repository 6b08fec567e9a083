import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openJobserver, type TokenPool } from '../../src/sandbox/jobserver.ts';
import { temporaryDirectory } from '../store/temporary-store.ts';

async function open(tokens: number): Promise<TokenPool & { readonly directory: string }> {
  const directory = await temporaryDirectory();
  const opened = await openJobserver(tokens, directory);
  if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
  onTestFinished(() => opened.value.close());
  return { ...opened.value, directory };
}

function takeAll(pool: TokenPool): number {
  let taken = 0;
  while (pool.take()) taken += 1;
  return taken;
}

describe('a jobserver', () => {
  test('has the given number of tokens, and leaves no file', async () => {
    const pool = await open(3);
    expect(readdirSync(pool.directory)).toEqual([]);
    expect(takeAll(pool)).toBe(3);
    expect(pool.take()).toBe(false);
    pool.giveBack();
    expect(takeAll(pool)).toBe(1);
  });

  test('restores lost tokens, and removes surplus ones', async () => {
    const pool = await open(3);
    takeAll(pool);
    pool.giveBack();
    expect(pool.restore()).toBe(2);
    expect(pool.restore()).toBe(0);
    for (let extra = 0; extra < 2; extra += 1) pool.giveBack();
    expect(pool.restore()).toBe(-2);
    expect(takeAll(pool)).toBe(3);
  });

  test('gives actions a descriptor of the same pipe that blocks', async () => {
    const pool = await open(1);
    const descriptor = pool.handle?.descriptor ?? -1;
    const copy = openSync(`/proc/self/fd/${descriptor}`, 'r+');
    expect(readSync(copy, Buffer.alloc(1))).toBe(1);
    expect(pool.take()).toBe(false);
    writeSync(copy, '+');
    closeSync(copy);
    expect(pool.take()).toBe(true);
  });

  test('bounds what several makes run together', async () => {
    const pool = await open(3);
    const { directory } = pool;
    // Each job says how many run beside it: as many as there are files.
    const recipe = 'touch run-$@; set -- run-*; echo $$#; sleep 0.05; rm run-$@';
    for (const name of ['a', 'b']) {
      const jobs = [1, 2, 3, 4].map((number) => `${name}${number}`).join(' ');
      writeFileSync(join(directory, `${name}.mk`), `all: ${jobs}\n${jobs}:\n\t@${recipe}\n`);
    }
    // As the engine does: one token for each that runs.
    expect(pool.take() && pool.take()).toBe(true);
    const counts = await Promise.all(['a', 'b'].map((name) => runMake(pool, `${name}.mk`)));
    const most = Math.max(...counts.flat());
    expect(counts.flat()).toHaveLength(8);
    expect(most).toBeLessThanOrEqual(3);
    expect(takeAll(pool)).toBe(1);
  });
});

function runMake(pool: TokenPool & { readonly directory: string }, file: string): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const child = spawn('make', ['-s', '-f', file], {
      cwd: pool.directory,
      env: { PATH: '/usr/bin:/bin', MAKEFLAGS: ` -j${pool.handle?.tokens} --jobserver-auth=3,3` },
      stdio: ['ignore', 'pipe', 'inherit', pool.handle?.descriptor],
    });
    let text = '';
    child.stdout?.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.once('error', reject);
    child.once('close', () => resolve(text.trim().split(/\s+/).map(Number)));
  });
}
