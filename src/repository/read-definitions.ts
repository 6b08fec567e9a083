import { constants, type Dirent } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../core/fault.ts';
import type { Failure, FileFault } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { System } from '../definitions/definition.ts';
import { readSystem, type Replacement } from '../definitions/read-system.ts';

/** What is read of a set of definitions at most; the largest known set has 776 files of 1.5 MB together. */
export const limits = { files: 20_000, fileBytes: 1 << 20, depth: 20 } as const;

/** A set of definitions on disk, and the system that the user named. */
export interface OpenedSystem {
  /** The root of the set, absolute. */
  readonly root: string;
  readonly system: System;
}

/** A stratum of another set of definitions, or of the same one, for the place of one of the system's. */
export interface WantedReplacement {
  /** Path of the stratum that is replaced, relative to the root of the system's set. */
  readonly replaced: string;
  /** The file of the stratum that takes its place. */
  readonly file: string;
}

/**
 * Reads a system from its file, `systems/NAME.morph` in a set of Baserock definitions. The root of the set is the nearest directory
 * above that has a file VERSION. Links are not followed, and nothing but texts is read.
 */
export async function openSystem(
  file: string,
  wanted: readonly WantedReplacement[] = [],
): Promise<Result<OpenedSystem, Failure>> {
  const hint = 'Name the file of a system in a set of Baserock definitions, such as systems/NAME.morph.';
  const place = await findInSet(file, 'the system definition', hint);
  if (!place.ok) return place;
  const { root } = place.value;
  const texts = new Map<string, string>();
  const faults = [...(await readTexts(root, '', texts))];
  const replacements: Replacement[] = [];
  for (const { replaced, file: other } of wanted) {
    const heir = await findInSet(other, 'the stratum', 'Name the file of a stratum in a set of definitions.');
    if (!heir.ok) return heir;
    const set = heir.value.root === root ? '' : `${heir.value.root}/`;
    if (set !== '' && !replacements.some((known) => known.set === set))
      faults.push(...(await readTexts(heir.value.root, set, texts)));
    replacements.push({ replaced, set, path: heir.value.path });
  }
  if (faults.length > 0) return failed({ reason: 'bad-definitions', faults });
  const system = readSystem(texts, place.value.path, replacements);
  return system.ok ? ok({ root, system: system.value }) : system;
}

/** Finds the set of definitions in which a file is: its root, and the path from there. */
async function findInSet(
  file: string,
  what: string,
  hint: string,
): Promise<Result<{ readonly root: string; readonly path: string }, Failure>> {
  const place = await realpath(file).catch((error: unknown) => ({ code: errorCode(error) ?? 'EIO' }));
  if (typeof place !== 'string')
    return failed({ reason: 'unreadable-user-file', what, path: file, code: place.code, hint });
  const root = await rootAbove(path.dirname(place));
  if (root === undefined) {
    const why = 'lies in no set of definitions: no directory above it has a file VERSION';
    return failed({ reason: 'unfit-user-file', what, path: file, why, hint });
  }
  return ok({ root, path: path.relative(root, place) });
}

async function rootAbove(directory: string): Promise<string | undefined> {
  for (let at = directory; ; at = path.dirname(at)) {
    const names: readonly string[] = await readdir(at).catch(() => []);
    if (names.includes('VERSION')) return at;
    if (at === path.dirname(at)) return undefined;
  }
}

/**
 * Reads all definitions below a directory into `texts`; returns what prevents it.
 *
 * @param prefix for their paths in `texts`
 */
async function readTexts(
  root: string,
  prefix: string,
  texts: Map<string, string>,
): Promise<readonly FileFault[]> {
  let count = 0;
  const faults: FileFault[] = [];
  const visit = async (relative: string, depth: number): Promise<void> => {
    const entries = await readdir(path.join(root, relative), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = path.join(relative, entry.name);
      if (count > limits.files) return;
      if (entry.isDirectory() && !entry.name.startsWith('.')) {
        if (depth < limits.depth) await visit(file, depth + 1);
      } else if (entry.isFile() && isDefinition(relative, entry)) {
        const text = await readText(path.join(root, file));
        count += 1;
        if (typeof text === 'string') texts.set(`${prefix}${file}`, text);
        else faults.push({ file: `${prefix}${file}`, field: '', message: text.fault });
      }
    }
  };
  await visit('', 0);
  if (count > limits.files)
    faults.push({
      file: `${prefix}.`,
      field: '',
      message: `has more than ${String(limits.files)} definitions`,
    });
  return faults;
}

function isDefinition(directory: string, { name }: Dirent): boolean {
  return /\.(?:morph|def|ya?ml)$/.test(name) || (directory === '' && ['VERSION', 'DEFAULTS'].includes(name));
}

/** A text, or what is wrong with its file. */
async function readText(file: string): Promise<string | { readonly fault: string }> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.alloc(limits.fileBytes + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      if (bytesRead > limits.fileBytes) return { fault: `is larger than ${String(limits.fileBytes)} bytes` };
      return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return {
      fault: error instanceof TypeError ? 'is not UTF-8' : `cannot be read (${errorCode(error) ?? 'EIO'})`,
    };
  }
}
