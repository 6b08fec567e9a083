import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../store/fault.ts';
import { probeProcess, processStamp } from '../store/process-stamp.ts';

/** Runs `work` while this process alone holds the lock file; the lock of a dead process is taken over. */
export async function withProcessLock<Value>(file: string, work: () => Promise<Value>): Promise<Value> {
  const stamp = processStamp();
  const own = `${file}.${stamp}.${randomBytes(4).toString('hex')}`;
  for (;;) {
    try {
      // Linking makes the lock appear with its holder's name in it, whenever this process may be killed.
      await writeFile(own, stamp);
      await link(own, file);
      break;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    } finally {
      await rm(own, { force: true });
    }
    const holder = await holderOf(file);
    if (holder !== undefined && probeProcess(holder) !== 'alive') {
      // Moved aside first: of two who find it dead only one moves it, and neither removes the other's fresh lock.
      const aside = `${file}.${stamp}`;
      await rename(file, aside).catch(ignoreMissing);
      if ((await holderOf(aside)) !== holder) await rename(aside, file).catch(ignoreMissing);
      await rm(aside, { force: true });
    } else {
      await sleep(200);
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function holderOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function ignoreMissing(error: unknown): void {
  if (errorCode(error) !== 'ENOENT') throw error;
}
