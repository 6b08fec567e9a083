import { chmod, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../core/fault.ts';

/**
 * Removes a file or a directory with everything in it, whatever the modes of the directories are; what
 * is gone already is no error. Overlay work directories, for one, are made with mode 000.
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

/** Directories may go while this looks at them: a failed `rm` rejects while its other deletions are still on their way. */
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
