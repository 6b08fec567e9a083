import { lstat, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../core/fault.ts';
import { imageFiles } from '../image/emulator.ts';

/** Files that an image's scripts make beside themselves and that belong to their user, not to the product. */
const usersFiles: readonly string[] = [imageFiles.home];

/**
 * Puts a finished product in its place. A directory cannot be renamed over one that is not empty, so the old one is moved
 * aside first; the user's scratch disk in it moves on to the new one. All paths are in one directory. After a kill,
 * `finishSwap` loses nothing of the user's.
 *
 * @param aside where an old directory is for a moment
 */
export async function swap(unfinished: string, target: string, aside: string): Promise<void> {
  const old = await lstat(target).catch(() => undefined);
  const next = await lstat(unfinished);
  if (old === undefined || (!old.isDirectory() && !next.isDirectory())) {
    await rename(unfinished, target);
    return;
  }
  await rename(target, aside);
  await rename(unfinished, target);
  await finishSwap(target, aside);
}

/** Removes an old product that was moved aside; puts it back where the new one did not get into its place. */
export async function finishSwap(target: string, aside: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined) {
    await rename(aside, target);
    return;
  }
  // A link is no loss: what it leads to stays where it is, which may be another file system.
  if (found.isDirectory() && (await lstat(aside)).isDirectory())
    for (const name of usersFiles) await moveOn(path.join(aside, name), path.join(target, name));
  await rm(aside, { recursive: true, force: true });
}

async function moveOn(from: string, to: string): Promise<void> {
  if ((await lstat(to).catch(() => undefined)) !== undefined) return;
  await rename(from, to).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
}
