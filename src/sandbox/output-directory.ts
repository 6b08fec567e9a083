import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A directory that an action may have made and filled, at a path below one that it could write: undefined when it did
 * not. Directories of outputs exist from the start, so that an empty one is one that it did not make. Nothing is taken by
 * way of a link: the action decides where that leads, and seen from here it leads into the machine.
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

/** Makes the directories of a path below `base`. Whether that was possible: a link or a file may be in the way. */
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
