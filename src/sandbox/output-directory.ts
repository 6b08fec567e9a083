import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A directory that an action may have made and filled, at a path below one that it could write; undefined if it did
 * not. Output directories exist from the start, so an empty one counts as not made. Symbolic links are not followed:
 * the action controls their targets, which from here would resolve in the machine's file system.
 */
export async function findOutput(base: string, inside: string): Promise<string | undefined> {
  let directory = base;
  for (const name of namesIn(inside)) {
    directory = join(directory, name);
    const found = await lstat(directory).catch(() => undefined);
    if (found?.isDirectory() !== true) return undefined;
  }
  const names = await readdir(directory).catch(() => []);
  return names.length === 0 ? undefined : directory;
}

/**
 * Makes the directories of a path below `base`. Returns whether that was possible: a link or a file may be in the way.
 */
export async function makeOutputPath(base: string, inside: string): Promise<boolean> {
  let directory = base;
  for (const name of namesIn(inside)) {
    directory = join(directory, name);
    const found = await lstat(directory).catch(() => undefined);
    if (found === undefined) await mkdir(directory);
    else if (!found.isDirectory()) return false;
  }
  return true;
}

function namesIn(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '');
}
