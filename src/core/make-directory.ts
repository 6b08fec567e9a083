import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from './fault.ts';

/**
 * Makes a directory and its missing parents. Node's recursive mkdir reports ENOENT on a read-only file
 * system, and loops forever if a directory refuses with ENOENT, as /proc does; this one reports the error of the
 * system call that failed.
 */
export function makeDirectory(path: string): void {
  if (makeOne(path) === 'made') return;
  makeDirectory(dirname(path));
  if (makeOne(path) === 'made') return;
  throw Object.assign(new Error(`ENOENT: cannot make ${path}`), { code: 'ENOENT', path });
}

function makeOne(path: string): 'made' | 'no parent' {
  try {
    mkdirSync(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' && dirname(path) !== path) return 'no parent';
    if (code !== 'EEXIST') throw error;
    if (statSync(path).isDirectory()) return 'made';
    // As the system says it of a file among the parents.
    throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR', path });
  }
  return 'made';
}
