import type { Failure, FileFault } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { orderByNeeds } from '../plan/order.ts';
import type { Chunk, Defaults, Stratum, System } from './definition.ts';
import { checkedRules, commandsOf, meant, readChunk } from './read-chunk.ts';
import { readDefinition, type DefinitionFile, type DefinitionTexts } from './read-file.ts';

/**
 * Reads a system of a set of Baserock definitions, format 8, with everything that is built for it. Fails with `bad-definitions` and
 * every fault of the files that belong to the system; other files of the set are not looked at.
 *
 * @param path of the system's file, relative to the root of the set
 */
export function readSystem(texts: DefinitionTexts, path: string): Result<System, Failure> {
  const faults: FileFault[] = [];
  const report = (more: readonly FileFault[]): void => {
    faults.push(...more);
  };
  read(texts, 'VERSION', 'version', report);
  const defaultsFile = read(texts, 'DEFAULTS', 'defaults', report);
  const defaults = readDefaults(defaultsFile, report);
  const buildSystems = defaultsFile === undefined ? undefined : Object.keys(defaults.buildSystems);
  const file = read(texts, path, 'system', report);
  const strata = file === undefined ? [] : readStrata(texts, file, buildSystems, report);
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
      ...(artifacts === undefined ? {} : { artifacts }),
    })),
    strata,
    configurationExtensions: written['configuration-extensions'] ?? [],
    defaults,
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

/** The strata of a system and all that these need, each after those that it needs. */
function readStrata(
  texts: DefinitionTexts,
  system: DefinitionFile<'system'>,
  buildSystems: readonly string[] | undefined,
  report: (faults: readonly FileFault[]) => void,
): readonly Stratum[] {
  const files = new Map<string, DefinitionFile<'stratum'> | undefined>();
  const strata = new Map<string, Stratum>();
  const named = (path: string, by: DefinitionFile<'system' | 'stratum'>, field: string): void => {
    if (files.has(path)) return;
    const text = texts.get(path);
    if (text === undefined) {
      report([by.faultAt(field, `${path} does not exist${meant(path, [...texts.keys()])}`)]);
      files.set(path, undefined);
      return;
    }
    const file = readDefinition(path, text, 'stratum');
    files.set(path, 'written' in file ? file : undefined);
    if (!('written' in file)) {
      report(file);
      return;
    }
    strata.set(path, readStratum(texts, file, buildSystems, report));
    for (const [index, { morph }] of (file.written['build-depends'] ?? []).entries())
      named(morph, file, `build-depends[${String(index)}].morph`);
  };
  for (const [index, { morph }] of system.written.strata.entries())
    named(morph, system, `strata[${String(index)}].morph`);

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

function readStratum(
  texts: DefinitionTexts,
  file: DefinitionFile<'stratum'>,
  buildSystems: readonly string[] | undefined,
  report: (faults: readonly FileFault[]) => void,
): Stratum {
  const { written, path } = file;
  const chunks: Chunk[] = [];
  const earlier: string[] = [];
  for (const [index, entry] of written.chunks.entries()) {
    if (earlier.includes(entry.name))
      report([
        file.faultAt(`chunks[${String(index)}].name`, `${entry.name} is the name of an earlier chunk too`),
      ]);
    chunks.push(readChunk(entry, { texts, buildSystems, stratum: file, index, earlier, report }));
    earlier.push(entry.name);
  }
  return {
    path,
    name: written.name,
    needs: (written['build-depends'] ?? []).map(({ morph }) => morph),
    chunks,
    products: checkedRules(written.products, 'products', file, report),
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

/** All chunks of a system, in an order in which each comes after those that it needs. */
export function chunksOf({ strata }: Pick<System, 'strata'>): readonly Chunk[] {
  return strata.flatMap(({ chunks }) => chunks);
}
