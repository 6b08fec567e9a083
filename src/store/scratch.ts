import { randomBytes } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../core/fault.ts';
import { probeProcess, processStamp } from '../core/process-stamp.ts';

/** After this time, scratch of a process in another pid namespace counts as abandoned. */
const foreignMilliseconds = 2 * 24 * 3600 * 1000;

/** A unique name in a scratch directory: `<process>-<purpose>-<random>`. */
export function scratchName(purpose: string): string {
  const readable = purpose.replace(/[^A-Za-z0-9._]+/g, '-').slice(0, 80);
  return `${processStamp()}-${readable}-${randomBytes(6).toString('hex')}`;
}

/** Paths of what dead processes left in a scratch directory. */
export async function findAbandoned(directory: string): Promise<readonly string[]> {
  const abandoned: string[] = [];
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (await isAbandoned(path, name)) abandoned.push(path);
  }
  return abandoned;
}

async function isAbandoned(path: string, name: string): Promise<boolean> {
  switch (probeProcess(name.slice(0, name.indexOf('-')))) {
    case 'alive':
      return false;
    case 'dead':
      return true;
    default:
      return isOld(path);
  }
}

async function isOld(path: string): Promise<boolean> {
  try {
    return Date.now() - (await lstat(path)).ctimeMs > foreignMilliseconds;
  } catch (error) {
    // Another process is using or cleaning this directory too.
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
