import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Option, type Command } from 'commander';
import { isRecord, parseJson } from '../core/json.ts';
import type { AskedVersions } from '../inputs/versions.ts';
import { nonEmpty } from './options.ts';

/** What `sources.lock` offers to choose from. */
export interface OfferedVersions {
  readonly sets: readonly string[];
  /** Empty: there is none, or the lock does not say. */
  readonly defaultSet: string;
  /** Versions by the names of their sources, in the order of the lock. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads what there is to choose from, for options and their help. What is wrong with the lock is reported by the commands that
 * plan: here it is read as well as it goes, so that they are reached.
 */
export async function offeredVersions(repository: string): Promise<OfferedVersions> {
  const text = await readFile(path.join(repository, 'sources.lock'), 'utf8').catch(() => '');
  const lock = parseJson(text);
  if (!isRecord(lock)) {
    const names = [...text.matchAll(/"name"\s*:\s*"([a-z0-9][a-z0-9.+-]*)"/g)].map(([, name = '']) => name);
    return { sets: [], defaultSet: '', sources: new Map(names.map((name) => [name, []])) };
  }
  const { defaultSet, sets, sources } = lock;
  const versions = new Map<string, string[]>();
  for (const source of Array.isArray(sources) ? sources : []) {
    if (!isRecord(source)) continue;
    const { name, version } = source;
    if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9.+-]*$/.test(name)) continue;
    versions.set(name, [...(versions.get(name) ?? []), ...(typeof version === 'string' ? [version] : [])]);
  }
  return {
    sets: isRecord(sets) ? Object.keys(sets) : [],
    defaultSet: typeof defaultSet === 'string' ? defaultSet : '',
    sources: versions,
  };
}

/**
 * Lets a command choose versions: `--versions SET`, and `--NAME VERSION` for each source. An option that the command has
 * already keeps its meaning.
 *
 * @returns what was chosen, once the command line is parsed
 */
export function versioning(command: Command, offered: OfferedVersions): () => AskedVersions {
  // By attribute: `--no-distcc` and `--distcc` would set the same one.
  const taken = new Set(command.options.map((option) => option.attributeName()));
  const set = setOption(offered);
  const sources = [...offered.sources]
    .map(([name, versions]) => ({ name, option: sourceOption(name, versions) }))
    .filter(({ option }) => !taken.has(option.attributeName()));
  for (const option of [set, ...sources.map(({ option }) => option)]) {
    command.addOption(option.helpGroup('Versions of sources:'));
  }
  return () => {
    const values = command.opts<Readonly<Record<string, string | undefined>>>();
    const chosen = values[set.attributeName()];
    const versions = sources.flatMap(({ name, option }) => {
      const version = values[option.attributeName()];
      return version === undefined ? [] : [[name, version] as const];
    });
    return { ...(chosen === undefined ? {} : { set: chosen }), versions: Object.fromEntries(versions) };
  };
}

function setOption({ sets, defaultSet }: OfferedVersions): Option {
  const known = sets.map((name) => (name === defaultSet ? `${name} (default)` : name)).join(', ');
  const flags = '--versions <SET>';
  return new Option(flags, `use the versions of this set: ${known}`).argParser(nonEmpty);
}

/** Where there is nothing to choose, it is there only to say so. */
function sourceOption(name: string, versions: readonly string[]): Option {
  const help = `use this version instead: ${versions.join(', ')}`;
  return new Option(`--${name} <VERSION>`, help).argParser(nonEmpty).hideHelp(versions.length < 2);
}
