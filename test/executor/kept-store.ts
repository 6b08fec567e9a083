import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { removeForcibly } from '../../src/store/remove.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../store/temporary-store.ts';

/** A store for all tests of a file, made at the first call and gone when they are done. For the top of a file. */
export function keepStore(): () => Promise<{ store: Store; logs: string }> {
  const made: string[] = [];
  afterAll(async () => {
    for (const path of made) await removeForcibly(path);
  });
  const make = async () => {
    const path = await mkdtemp(join(tmpdir(), 'executor-test-'));
    made.push(path);
    const logs = join(path, 'logs');
    await mkdir(logs);
    return { store: await openTestStore(join(path, 'store')), logs };
  };
  let kept: ReturnType<typeof make> | undefined;
  return () => (kept ??= make());
}
