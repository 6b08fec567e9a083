import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { checkArch } from '../inputs/arch-schema.ts';
import { type Arch } from '../inputs/arch.ts';
import { unknownName } from './nearest.ts';

/**
 * The modules in `arches/`, found by listing that directory, so that a new arch touches no other file.
 * Each is read when it is asked for: a fault in one does not stop work on another.
 */
export interface Arches {
  /** Names of all arches, in order. */
  readonly names: readonly string[];
  /** One arch by its exact name. */
  load(name: string): Promise<Result<Arch, Failure>>;
  /** One arch by name or alias. `kind` is what the user calls it: `arch` or `host`. */
  find(name: string, kind: string): Promise<Result<Arch, Failure>>;
  /** The arch that a kernel's `uname -m` names. */
  findMachine(machine: string): Promise<Result<Arch, Failure>>;
}

/** Lists `arches/` of a repository; reads none of them. */
export async function openArches(repository: string): Promise<Arches> {
  const directory = path.join(repository, 'arches');
  const names = (await readdir(directory))
    .filter((name) => /^[a-z][a-z0-9_]*\.ts$/.test(name))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort();
  const load = async (name: string): Promise<Result<Arch, Failure>> => {
    const file = `arches/${name}.ts`;
    const module = await importArch(path.join(repository, file));
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
        reason: 'wrong-use',
        what: `no arch describes this machine's processor (${machine}), so there is no host to take by itself`,
        hint: `Name one with --host; there are ${names.join(', ')}.`,
      });
    },
  };
}

/** What the module exports as `arch`; a module that does not load is a fault of that file, not of ours. */
async function importArch(file: string): Promise<Result<unknown, string>> {
  try {
    const module = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
    return 'arch' in module ? ok(module['arch']) : failed('does not export `arch`');
  } catch (error) {
    return failed(
      `does not load: ${error instanceof Error ? error.message.split('\n', 1)[0] : String(error)}`,
    );
  }
}
