import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { recordName } from '../executor/executor.ts';
import type { Key } from '../plan/names.ts';
import type { LocalTrees } from '../store/store.ts';

/** Path of the record of the commands that an action with this key ran, if there is one. */
export async function recordPath(store: Pick<LocalTrees, 'logDirectory'>, key: Key): Promise<string> {
  return join(await store.logDirectory(key), recordName);
}

/** Whether there is a record of an action with this key. */
export async function hasRecord(store: Pick<LocalTrees, 'logDirectory'>, key: Key): Promise<boolean> {
  return access(await recordPath(store, key)).then(
    () => true,
    () => false,
  );
}
