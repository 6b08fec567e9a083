import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Failure, Fault } from '../core/failure.ts';
import { nearest } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { errorCode } from '../core/system-error.ts';

const directory = 'patches';
const patchName = /^\d{4}-[A-Za-z0-9._+-]+\.patch$/;

/**
 * Checks the names below `patches/`: a patch that would never be applied, because it is outside its source's directory
 * or is misnamed, is a fault. README files and editors' leftovers are ignored.
 *
 * @param sources names of the sources that the lock pins
 */
export async function checkPatches(root: string, sources: readonly string[]): Promise<Result<void, Failure>> {
  const faults: Fault[] = [];
  for (const entry of await entriesOf(path.join(root, directory))) {
    if (!entry.isDirectory()) {
      const message = 'is not a directory; patches belong in a directory named after their source';
      faults.push({ field: entry.name, message });
    } else if (!sources.includes(entry.name)) {
      const [near] = nearest(entry.name, sources);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      faults.push({ field: entry.name, message: `names no source of sources.lock${hint}` });
    } else {
      for (const file of await entriesOf(path.join(root, directory, entry.name))) {
        if (file.isFile() && patchName.test(file.name)) continue;
        const message = file.isFile()
          ? 'is not named NNNN-name.patch and would not be applied'
          : 'is not a regular file and would not be applied';
        faults.push({ field: `${entry.name}/${file.name}`, message });
      }
    }
  }
  return faults.length === 0 ? ok(undefined) : failed({ reason: 'bad-input', file: directory, faults });
}

async function entriesOf(place: string) {
  try {
    const entries = await readdir(place, { withFileTypes: true });
    return entries
      .filter(({ name }) => !name.startsWith('.') && !name.endsWith('~') && !/^README(\.\w+)?$/.test(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
