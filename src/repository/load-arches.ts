import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { checkArch } from '../inputs/arch-schema.ts';
import { type Arch } from '../inputs/arch.ts';
import { isRecord } from '../core/json.ts';
import { unknownName } from '../core/nearest.ts';
import { importArch } from './import-arch.ts';

/**
 * The modules in `arches/` and in the directories of `--arch-dir`, found by listing them, so that a new arch touches no
 * other file. Each is read on demand: a fault in one does not prevent the use of another.
 */
export interface Arches {
  /** Names of all arches, in order. */
  readonly names: readonly string[];
  /** The file that describes an arch; relative to the repository if it is inside it. */
  fileOf(name: string): string;
  /** One arch by its exact name. */
  load(name: string): Promise<Result<Arch, Failure>>;
  /** One arch by name or alias. `kind` is what the user calls it: `arch` or `host`. */
  find(name: string, kind: string): Promise<Result<Arch, Failure>>;
  /** The arch that a kernel's `uname -m` names. */
  findMachine(machine: string): Promise<Result<Arch, Failure>>;
}

/**
 * Lists `arches/` of a repository and further directories; reads none of the modules.
 *
 * @param directories absolute; already checked by `archDirectoriesFault`
 */
export async function openArches(repository: string, directories: readonly string[] = []): Promise<Arches> {
  const places = new Map<string, string>();
  for (const directory of [path.join(repository, 'arches'), ...directories]) {
    for (const name of await listModules(directory)) {
      if (!places.has(name)) places.set(name, path.join(directory, `${name}.ts`));
    }
  }
  const names = [...places.keys()].sort();
  const fileOf = (name: string): string => {
    const place = places.get(name) ?? path.join(repository, 'arches', `${name}.ts`);
    const relative = path.relative(repository, place);
    return relative.startsWith('..') ? place : relative;
  };
  const load = async (name: string): Promise<Result<Arch, Failure>> => {
    const file = fileOf(name);
    const module = await importArch(path.resolve(repository, file));
    if (!module.ok)
      return failed({ reason: 'bad-input', file, faults: [{ field: '', message: module.failure }] });
    return checkArch(module.value, file);
  };
  const search = async (matches: (arch: Arch) => boolean): Promise<Arch | undefined> => {
    for (const name of names) {
      const arch = await load(name);
      if (arch.ok && matches(arch.value)) return arch.value;
    }
    return undefined;
  };
  return {
    names,
    fileOf,
    load,
    find: async (name, kind) => {
      if (names.includes(name)) return load(name);
      const found = await search((arch) => arch.aliases.includes(name));
      return found === undefined ? failed(unknownName(kind, name, names)) : ok(found);
    },
    findMachine: async (machine) => {
      if (names.includes(machine)) {
        const same = await load(machine);
        if (!same.ok || same.value.unameMachines.includes(machine)) return same;
      }
      const found = await search((arch) => arch.unameMachines.includes(machine));
      if (found !== undefined) return ok(found);
      return failed({
        reason: 'bad-option',
        option: '--host',
        value: '',
        why: `cannot be omitted here: no arch describes this machine's processor (${machine})`,
        hint: `Choose one with --host: ${names.join(', ')}.`,
      });
    },
  };
}

async function listModules(directory: string): Promise<readonly string[]> {
  return (await readdir(directory))
    .filter((name) => /^[a-z][a-z0-9_]*\.ts$/.test(name))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort();
}

/** A fault of the directories of `--arch-dir`: one cannot be read, or a name or alias in it is already used. */
export async function archDirectoriesFault(
  repository: string,
  directories: readonly string[],
): Promise<Failure | undefined> {
  const taken = new Map<string, string>();
  for (const directory of [path.join(repository, 'arches'), ...directories]) {
    const listed = await listModules(directory).catch((error: NodeJS.ErrnoException) => error);
    if (listed instanceof Error) {
      return {
        reason: 'bad-option',
        option: '--arch-dir',
        value: directory,
        why: `cannot be read (${listed.code ?? listed.message})`,
        hint: 'Name a directory with descriptors (NAME.ts); docs/porting.md says what they contain.',
      };
    }
    for (const name of listed) {
      const file = path.join(directory, `${name}.ts`);
      const module = await importArch(file);
      // A descriptor that does not load or is malformed is refused when it is used; until then its file name counts.
      const aliases = module.ok && isRecord(module.value) ? module.value['aliases'] : [];
      const words = Array.isArray(aliases) ? aliases.filter((alias) => typeof alias === 'string') : [];
      for (const word of [name, ...words]) {
        const other = taken.get(word);
        if (other !== undefined && other !== file) {
          const field = word === name ? 'name' : `aliases[${String(words.indexOf(word))}]`;
          const message = `${word} is already used by ${other}; the names of an arch must be unique`;
          return { reason: 'bad-input', file, faults: [{ field, message }] };
        }
        taken.set(word, file);
      }
    }
  }
  return undefined;
}
