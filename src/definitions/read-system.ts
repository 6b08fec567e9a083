import type { Failure, FileFault } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { orderByNeeds } from '../plan/order.ts';
import type { Chunk, Defaults, Stratum, System } from './definition.ts';
import { checkedRules, commandsOf, meant, readChunk } from './read-chunk.ts';
import { readDefinition, type DefinitionFile, type DefinitionTexts } from './read-file.ts';

/** A stratum that takes the place of another one, with the strata that it needs itself. */
export interface Replacement {
  /** Path of the stratum that it replaces. */
  readonly replaced: string;
  /** The set to which it belongs: the beginning of the paths of all files of that set, empty for the system's own. */
  readonly set: string;
  /** Its path, relative to the root of its set. */
  readonly path: string;
}

/**
 * Reads a system of a set of Baserock definitions, format 8, with everything that is built for it. Fails with `bad-definitions` and
 * every fault of the files that belong to the system; other files of the set are not looked at.
 *
 * @param texts those of the set by their paths, and those of the sets of replacements, with the beginnings that these say
 * @param path of the system's file, relative to the root of the set
 */
export function readSystem(
  texts: DefinitionTexts,
  path: string,
  replacements: readonly Replacement[] = [],
): Result<System, Failure> {
  const faults: FileFault[] = [];
  const report = (more: readonly FileFault[]): void => {
    faults.push(...more);
  };
  const sets = new Map<string, DefinitionSet>();
  const setOf = (prefix: string): DefinitionSet => {
    const set = sets.get(prefix) ?? readSet(texts, prefix, report);
    sets.set(prefix, set);
    return set;
  };
  setOf('');
  const file = read(texts, path, 'system', report);
  const strata = file === undefined ? [] : readStrata(texts, file, { setOf, replacements }, report);
  if (faults.length > 0 || file === undefined) {
    return failed({ reason: 'bad-definitions', faults: inOrder(faults) });
  }
  const { written } = file;
  return ok({
    path,
    name: written.name,
    arch: written.arch,
    contents: written.strata.map(({ morph, artifacts }) => ({
      stratum: morph,
      // Its artefacts have the names of another stratum.
      ...(artifacts === undefined || replacements.some(({ replaced }) => replaced === morph)
        ? {}
        : { artifacts }),
    })),
    strata,
    configurationExtensions: written['configuration-extensions'] ?? [],
  });
}

function read<Kind extends 'version' | 'defaults' | 'system'>(
  texts: DefinitionTexts,
  path: string,
  kind: Kind,
  report: (faults: readonly FileFault[]) => void,
): DefinitionFile<Kind> | undefined {
  const text = texts.get(path);
  const file =
    text === undefined
      ? [{ file: path, field: '', message: 'does not exist' }]
      : readDefinition(path, text, kind);
  if ('written' in file) return file;
  report(file);
  return undefined;
}

/** What all strata of a set have in common. */
interface DefinitionSet {
  /** Beginning of the paths of its files. */
  readonly prefix: string;
  readonly defaults: Defaults;
  /** Names of the build systems that DEFAULTS has. Undefined: it cannot be read. */
  readonly buildSystems: readonly string[] | undefined;
}

function readSet(
  texts: DefinitionTexts,
  prefix: string,
  report: (faults: readonly FileFault[]) => void,
): DefinitionSet {
  read(texts, `${prefix}VERSION`, 'version', report);
  const file = read(texts, `${prefix}DEFAULTS`, 'defaults', report);
  const defaults = readDefaults(file, report);
  return {
    prefix,
    defaults,
    buildSystems: file === undefined ? undefined : Object.keys(defaults.buildSystems),
  };
}

function readDefaults(
  file: DefinitionFile<'defaults'> | undefined,
  report: (faults: readonly FileFault[]) => void,
): Defaults {
  const { 'build-systems': systems = {}, 'split-rules': splits = {} } = file?.written ?? {};
  return {
    buildSystems: Object.fromEntries(
      Object.entries(systems).map(([name, { indicators = [], ...commands }]) => [
        name,
        { indicators, commands: commandsOf(commands) },
      ]),
    ),
    chunkSplits: checkedRules(splits.chunk, 'split-rules.chunk', file, report),
    stratumSplits: checkedRules(splits.stratum, 'split-rules.stratum', file, report),
  };
}

interface StrataContext {
  readonly setOf: (prefix: string) => DefinitionSet;
  readonly replacements: readonly Replacement[];
}

/** The strata of a system and all that these need, each after those that it needs. */
function readStrata(
  texts: DefinitionTexts,
  system: DefinitionFile<'system'>,
  context: StrataContext,
  report: (faults: readonly FileFault[]) => void,
): readonly Stratum[] {
  const files = new Map<string, DefinitionFile<'stratum'> | undefined>();
  const strata = new Map<string, Stratum>();
  const named = (
    path: string,
    by: DefinitionFile<'system' | 'stratum'>,
    field: string,
    from: string,
  ): void => {
    if (files.has(path)) return;
    // Others know it by the path of what it replaces.
    const heir = context.replacements.find(({ replaced }) => replaced === path);
    const place = heir === undefined ? path : `${heir.set}${heir.path}`;
    const text = texts.get(place);
    if (text === undefined) {
      report([by.faultAt(field, `${place} does not exist${meant(place, [...texts.keys()])}`)]);
      files.set(path, undefined);
      return;
    }
    const file = readDefinition(place, text, 'stratum');
    files.set(path, 'written' in file ? file : undefined);
    if (!('written' in file)) {
      report(file);
      return;
    }
    const set = context.setOf(heir?.set ?? from);
    strata.set(path, readStratum(texts, { file, path, set, report }));
    for (const [index, { morph }] of (file.written['build-depends'] ?? []).entries())
      named(`${set.prefix}${morph}`, file, `build-depends[${String(index)}].morph`, set.prefix);
  };
  for (const [index, { morph }] of system.written.strata.entries())
    named(morph, system, `strata[${String(index)}].morph`, '');
  for (const { replaced } of context.replacements) {
    if (files.has(replaced)) continue;
    const why = `no stratum is ${replaced}, which is to be replaced${meant(replaced, [...files.keys()])}`;
    report([system.faultAt('strata', why)]);
  }

  const roots = system.written.strata.flatMap(({ morph }) => strata.get(morph) ?? []);
  const { items, cycles } = orderByNeeds(roots, ({ needs }) =>
    needs.flatMap((need) => strata.get(need) ?? []),
  );
  for (const cycle of cycles) {
    const [first] = cycle;
    const chain = cycle.map(({ path }) => path).join(' -> ');
    const file = first === undefined ? undefined : files.get(first.path);
    if (file !== undefined) report([file.faultAt('build-depends', `needs itself: ${chain}`)]);
  }
  reportNamesakes(items, files, report);
  return items;
}

interface StratumContext {
  readonly file: DefinitionFile<'stratum'>;
  /** By which others know it. */
  readonly path: string;
  readonly set: DefinitionSet;
  readonly report: (faults: readonly FileFault[]) => void;
}

function readStratum(texts: DefinitionTexts, { file, path, set, report }: StratumContext): Stratum {
  const { written } = file;
  const { prefix, buildSystems, defaults } = set;
  const chunks: Chunk[] = [];
  const earlier: string[] = [];
  for (const [index, entry] of written.chunks.entries()) {
    if (earlier.includes(entry.name))
      report([
        file.faultAt(`chunks[${String(index)}].name`, `${entry.name} is the name of an earlier chunk too`),
      ]);
    chunks.push(readChunk(entry, { texts, prefix, buildSystems, stratum: file, index, earlier, report }));
    earlier.push(entry.name);
  }
  return {
    path,
    name: written.name,
    needs: (written['build-depends'] ?? []).map(({ morph }) => `${prefix}${morph}`),
    chunks,
    products: checkedRules(written.products, 'products', file, report),
    defaults,
  };
}

/** Strata of one name would make chunks of one id. */
function reportNamesakes(
  strata: readonly Stratum[],
  files: ReadonlyMap<string, DefinitionFile<'stratum'> | undefined>,
  report: (faults: readonly FileFault[]) => void,
): void {
  const paths = new Map<string, string>();
  for (const { name, path } of strata) {
    const other = paths.get(name);
    const file = files.get(path);
    if (other !== undefined && file !== undefined)
      report([file.faultAt('name', `${name} is the name of ${other} too`)]);
    paths.set(name, path);
  }
}

/** By file in the order in which they were read, and by line; a file that several chunks share has its faults once. */
function inOrder(all: readonly FileFault[]): readonly FileFault[] {
  const faults = [...new Map(all.map((fault) => [JSON.stringify(fault), fault])).values()];
  const files = [...new Set(faults.map(({ file }) => file))];
  return files.flatMap((file) =>
    faults.filter((fault) => fault.file === file).sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
}

/** What people call the version of a chunk. */
export function versionOf({ source }: Pick<Chunk, 'source'>): string {
  return source.kind === 'locked' ? source.version : (source.unpetrifiedRef ?? source.ref);
}

/** All chunks of a system, in an order in which each comes after those that it needs. */
export function chunksOf({ strata }: Pick<System, 'strata'>): readonly Chunk[] {
  return strata.flatMap(({ chunks }) => chunks);
}
