import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { removeAbandonedLocks } from '../../src/core/process-lock.ts';
import { key } from '../../src/plan/names.ts';
import { takeKeyLock, tryKeyLock } from '../../src/store/key-lock.ts';
import { lineOf } from '../executor/processes.ts';
import { processArguments } from './process-arguments.ts';
import { openTestStore } from './temporary-store.ts';

const aKey = key('ab'.repeat(32));
const anotherKey = key('cd'.repeat(32));

/** A process that does a task of `store-process.ts`; resolves when it has said its first line. */
async function startProcess(...rest: string[]): Promise<ChildProcess> {
  const started = spawn(process.execPath, processArguments(...rest), { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void started.kill('SIGKILL'));
  await lineOf(started);
  return started;
}

it('is held by one at a time, key by key', async () => {
  const store = await openTestStore();
  const held = await tryKeyLock(store, aKey);
  expect(held).toBeDefined();
  expect(await tryKeyLock(store, aKey)).toBeUndefined();
  const other = await tryKeyLock(store, anotherKey);
  expect(other).toBeDefined();
  await held?.release();
  await held?.release();
  const again = await tryKeyLock(store, aKey);
  expect(again).toBeDefined();
  // Who gave it back long ago takes it from nobody.
  await held?.release();
  expect(await tryKeyLock(store, aKey)).toBeUndefined();
  await again?.release();
  await other?.release();
  expect(await readdir(join(store.root, 'locks'))).toEqual([]);
});

it('is waited for, and the wait is reported once', async () => {
  const store = await openTestStore();
  const held = await tryKeyLock(store, aKey);
  let waits = 0;
  let noticed = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (noticed = resolve));
  const taken = takeKeyLock(store, aKey, {
    onWait: () => {
      waits += 1;
      noticed();
    },
  });
  await waiting;
  await held?.release();
  expect(await taken).toBeDefined();
  expect(waits).toBe(1);
});

it('is waited for until the signal is aborted', async () => {
  const store = await openTestStore();
  const held = await tryKeyLock(store, aKey);
  const abort = new AbortController();
  const taken = takeKeyLock(store, aKey, { signal: abort.signal, onWait: () => abort.abort() });
  expect(await taken).toBeUndefined();
  await held?.release();
  expect(await takeKeyLock(store, aKey, { signal: abort.signal })).toBeUndefined();
});

it('of a killed process is free', async () => {
  const store = await openTestStore();
  const holder = await startProcess('hold-lock', store.root, aKey);
  expect(await tryKeyLock(store, aKey)).toBeUndefined();
  const ended = new Promise((resolve) => holder.once('close', resolve));
  holder.kill('SIGKILL');
  const taken = await takeKeyLock(store, aKey);
  expect(taken).toBeDefined();
  await ended;
  await taken?.release();
});

it('of a killed process is removed at the next opening', async () => {
  const store = await openTestStore();
  const holder = await startProcess('hold-lock', store.root, aKey);
  await openTestStore(store.root);
  expect(await readdir(join(store.root, 'locks'))).toEqual([aKey]);
  const ended = new Promise((resolve) => holder.once('close', resolve));
  holder.kill('SIGKILL');
  await ended;
  await openTestStore(store.root);
  expect(await readdir(join(store.root, 'locks'))).toEqual([]);
});

it('passes from a killed process to one waiting process at a time', async () => {
  const store = await openTestStore();
  const log = join(store.root, 'work');
  await writeFile(log, '');
  // The first dies in its work, so that the others all find an abandoned lock at once; so does who sweeps.
  const first = await startProcess('hold-lock', store.root, aKey);
  let sweeps = true;
  const sweeping = (async () => {
    while (sweeps) {
      await removeAbandonedLocks(join(store.root, 'locks'));
      await setImmediate();
    }
  })();
  const rivals = await Promise.all(
    [0, 1, 2].map(() => startProcess('work-under-lock', store.root, aKey, log)),
  );
  first.kill('SIGKILL');
  await Promise.all(rivals.map((rival) => new Promise((resolve) => rival.once('close', resolve))));
  sweeps = false;
  await sweeping;
  // Each enters and leaves five times, and no other one is inside meanwhile.
  const lines = (await readFile(log, 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(30);
  for (let at = 0; at < lines.length; at += 2) {
    const [entered = '', who] = (lines[at] ?? '').split(' ');
    expect([entered, lines[at + 1]]).toEqual(['in', `out ${who ?? ''}`]);
  }
  expect(await readdir(join(store.root, 'locks'))).toEqual([]);
});
