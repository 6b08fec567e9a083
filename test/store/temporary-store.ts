import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { isDigest, type Digest } from '../../src/core/digest.ts';
import { openDiskStore } from '../../src/store/disk-store.ts';
import { removeForcibly } from '../../src/store/remove.ts';
import type { Store } from '../../src/store/store.ts';
import { writeSketch, type TreeSketch } from './sketch.ts';

export const testEpoch = 1_700_000_000;

/** A directory of its own for the running test; gone when the test is. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'store-test-'));
  onTestFinished(() => removeForcibly(path));
  return path;
}

/** Opens a store; a failure fails the test. `root` undefined: an empty one of this test's own. */
export async function openTestStore(root?: string): Promise<Store> {
  const opened = await openDiskStore({
    root: root ?? join(await temporaryDirectory(), 'store'),
    epochSeconds: testEpoch,
  });
  if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
  return opened.value;
}

/** Puts a tree into a store, for tests that need one there. */
export async function addTree(store: Store, sketch: TreeSketch): Promise<Digest> {
  const scratch = await store.makeScratch('test');
  await writeSketch(join(scratch.path, 'tree'), sketch);
  const adopted = await store.adoptTree(join(scratch.path, 'tree'));
  await scratch.release();
  if (!adopted.ok) throw new Error(JSON.stringify(adopted.failure));
  return adopted.value;
}

/** All trees of a store, half present ones included, in order of digest. */
export async function listTrees(store: Store): Promise<readonly Digest[]> {
  const names = await readdir(join(store.root, 'trees'));
  return [...new Set(names.map((name) => name.replace(/\.directory$/, '')))].filter(isDigest).sort();
}
