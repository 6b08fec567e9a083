import { chmod, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../core/fault.ts';

/**
 * Removes a file, or a directory with everything in it, regardless of the modes of directories; no error if it does not
 * exist. Overlay work directories, for example, are created with mode 000.
 */
export async function removeForcibly(path: string): Promise<void> {
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 });
  try {
    await remove();
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(errorCode(error) ?? '')) throw error;
    await openDirectories(path);
    await remove();
  }
}

/** Directories may disappear meanwhile: a failed `rm` rejects while its other deletions are still in progress. */
async function openDirectories(directory: string): Promise<void> {
  try {
    await chmod(directory, 0o700);
    for await (const entry of await opendir(directory)) {
      if (entry.isDirectory()) await openDirectories(join(directory, entry.name));
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
