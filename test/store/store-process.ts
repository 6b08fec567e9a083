// A process of its own for the tests: `store-process.ts TASK ROOT [ARGUMENT [LOG]]`. Prints one line of JSON, unless killed.
import { access, appendFile, chmod, mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Digest } from '../../src/core/digest.ts';
import { key } from '../../src/plan/names.ts';
import { collectGarbage } from '../../src/store/collect.ts';
import { openDiskStore } from '../../src/store/disk-store.ts';
import { StoreFault } from '../../src/core/fault.ts';
import { takeKeyLock, tryKeyLock } from '../../src/store/key-lock.ts';
import type { Store } from '../../src/store/store.ts';
import { writeSketch } from './sketch.ts';

const [task = '', root = '', argument = '', log = ''] = process.argv.slice(2);
const opened = await openDiskStore({ root, epochSeconds: 1_700_000_000 });
if (opened.ok) await runTask(opened.value);
else print(opened.failure);

async function runTask(store: Store): Promise<void> {
  switch (task) {
    case 'open':
      return print('opened');
    case 'write-forever':
      return writeForever(store);
    case 'race':
      return race(store);
    case 'fill':
      return fill(store);
    case 'restricted':
      return removeRestricted(store);
    case 'use-forever':
      return useForever(store);
    case 'collect-forever':
      return collectForever(root);
    case 'hold-lock':
      return holdLock(store);
    case 'work-under-lock':
      return workUnderLock(store);
    default:
      throw new Error(`unknown task: ${task}`);
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Adopts trees, puts blobs, results and notes until killed. */
async function writeForever(store: Store): Promise<void> {
  print('started');
  for (let round = 0; ; round += 1) {
    const scratch = await store.makeScratch('tree');
    const files = Array.from({ length: 40 }, (_, at) => [
      `d${String(at % 7)}/${String(at)}`,
      `${String(round)}\n`,
    ]);
    await writeSketch(join(scratch.path, 'tree'), Object.fromEntries(files) as Record<string, string>);
    const adopted = await store.adoptTree(join(scratch.path, 'tree'));
    if (!adopted.ok) throw new Error(JSON.stringify(adopted.failure));
    await store.putBlob(Buffer.alloc(200_000, String(round)));
    await store.putResult(key('cd'.repeat(32)), {
      action: 'a/b',
      outputs: { tree: adopted.value },
      wallSeconds: round,
      cpuSeconds: 0,
    });
    await store.putNote('durations', 'a', { long: 'x'.repeat(100_000) });
  }
}

/** Adopts the same twenty trees as its rivals do, from the moment on that the file `argument` exists. */
async function race(store: Store): Promise<void> {
  const scratch = await store.makeScratch('race');
  const directories = Array.from({ length: 20 }, (_, at) => join(scratch.path, String(at)));
  for (const [at, directory] of directories.entries())
    await writeSketch(directory, { 'a/b': String(at), c: 'c' });
  await writeFile(`${argument}-ready-${String(process.pid)}`, '');
  for (;;) {
    try {
      await access(argument);
      break;
    } catch {
      await setTimeout(2);
    }
  }
  const trees: unknown[] = [];
  for (const directory of directories) trees.push(await store.adoptTree(directory));
  await scratch.release();
  print(trees);
}

/** Tries every way of writing in a store on a full file system. */
async function fill(store: Store): Promise<void> {
  const caught: Record<string, unknown> = {};
  const attempt = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      caught[name] = await work();
    } catch (error) {
      if (!(error instanceof StoreFault)) throw error;
      caught[name] = error.failure;
    }
  };
  await attempt('blob', () => store.putBlob(Buffer.alloc(8_000_000, 'x')));
  await attempt('note', () => store.putNote('actions', 'a', 'x'.repeat(8_000_000)));
  const scratch = await store.makeScratch('fill');
  await mkdir(join(scratch.path, 'tree'));
  let taken = 0;
  for (const piece of [65_536, 4096, 1]) {
    for (;;) {
      taken += 1;
      try {
        await writeFile(
          join(scratch.path, 'tree', `file-of-a-rather-long-name-${String(taken)}`),
          Buffer.alloc(piece),
        );
      } catch {
        break;
      }
    }
  }
  await attempt('tree', () => store.adoptTree(join(scratch.path, 'tree')));
  await scratch.release();
  await attempt('afterwards', () => store.putBlob(Buffer.from('x')));
  print(caught);
}

/** Removes directories that nobody may enter, as overlay work directories are. */
async function removeRestricted(store: Store): Promise<void> {
  const scratch = await store.makeScratch('restricted');
  await writeSketch(scratch.path, { 'work/inner/f': '1', 'out/closed/f': '1', 'out/f': '2' });
  for (const name of ['work/inner', 'work', 'out/closed']) await chmod(join(scratch.path, name), 0);
  await chmod(join(scratch.path, 'out'), 0o500);
  const adopted = await store.adoptTree(join(scratch.path, 'out'));
  await scratch.release();
  if (adopted.ok) {
    await chmod(join(store.treePath(adopted.value), 'closed'), 0);
    await store.removeTree(adopted.value);
  }
  print(adopted.ok);
}

/**
 * Works with a few trees as builds do, until it had to make `argument` of them since a collector had taken them. What it
 * holds has to stay. In between it makes them look long unused, so that nothing but being held protects them.
 */
async function useForever(store: Store): Promise<void> {
  const longAgo = Date.now() / 1000 - 40 * 24 * 3600;
  let made = 0;
  while (made < Number(argument)) {
    const trees: Digest[] = [];
    for (let at = 0; at < 4; at += 1) {
      const scratch = await store.makeScratch('use');
      const directory = join(scratch.path, 'tree');
      await writeSketch(directory, { [`f${String(at)}`]: String(at), 'd/g': 'g' });
      const digested = await store.digestTree(directory);
      if (!digested.ok) throw new Error(JSON.stringify(digested.failure));
      // As an engine does: what is there is taken, what is not is made.
      if (!(await store.hasTree(digested.value))) {
        made += 1;
        const adopted = await store.adoptTree(directory);
        if (!adopted.ok) throw new Error(JSON.stringify(adopted.failure));
      }
      await scratch.release();
      trees.push(digested.value);
    }
    for (let look = 0; look < 5; look += 1) {
      for (const tree of trees) {
        const verified = await store.verifyTree(tree);
        if (!verified.ok) throw new Error(`held and lost: ${JSON.stringify(verified.failure)}`);
        await readFile(join(store.treePath(tree), 'd/g'));
      }
    }
    await store.putResult(key('ef'.repeat(32)), {
      action: 'a/b',
      outputs: { tree: trees[0] ?? missing() },
      wallSeconds: 1,
      cpuSeconds: 1,
    });
    await store.release();
    const old = [...trees.map((tree) => `trees/${tree}.directory`), `results/${'ef'.repeat(32)}.json`];
    // A collector may have been faster.
    for (const path of old) await utimes(join(store.root, path), longAgo, longAgo).catch(() => undefined);
  }
  print({ made });
}

/** Collects everything, again and again, until the file `argument` exists. */
async function collectForever(directory: string): Promise<void> {
  let removed = 0;
  for (;;) {
    const collected = await collectGarbage(directory, { policy: { now: Date.now(), maxBytes: 0 } });
    if (!collected.ok) throw new Error(JSON.stringify(collected.failure));
    removed += collected.value.removed.length;
    try {
      await access(argument);
      break;
    } catch {
      await setTimeout(1);
    }
  }
  print({ removed });
}

function missing(): never {
  throw new Error('there is no tree');
}

/** Takes the lock of the key `argument`, and keeps it until killed. */
async function holdLock(store: Store): Promise<void> {
  if ((await tryKeyLock(store, key(argument))) === undefined) throw new Error('somebody else has it');
  print('held');
  await setTimeout(3_600_000);
}

/** Takes that lock five times, and writes down when it has and when it gives it back. */
async function workUnderLock(store: Store): Promise<void> {
  print('started');
  for (let round = 0; round < 5; round += 1) {
    const lock = await takeKeyLock(store, key(argument));
    const who = `${String(process.pid)}-${String(round)}`;
    await appendFile(log, `in ${who}\n`);
    await setTimeout(2);
    await appendFile(log, `out ${who}\n`);
    await lock?.release();
  }
}
