import type { FileFault } from '../core/failure.ts';
import { nearest } from '../core/nearest.ts';
import {
  commandFields,
  type Chunk,
  type ChunkSource,
  type Commands,
  type Device,
  type Extensions,
  type SplitRule,
} from './definition.ts';
import { posixExpression } from './expression.ts';
import {
  readDefinition,
  type DefinitionFile,
  type DefinitionTexts,
  type WrittenDevice,
  type WrittenEntry,
  type WrittenExtensions,
} from './read-file.ts';

/** Prefix of a `repo` that names a source of `sources.lock`, whose version is then the `ref`. */
const locked = 'lock:';

/** What a chunk is read with. */
export interface ChunkContext {
  readonly texts: DefinitionTexts;
  /** Beginning of the paths of the files of its set. */
  readonly prefix: string;
  /** Names of the build systems that DEFAULTS has. Undefined: it cannot be read. */
  readonly buildSystems: readonly string[] | undefined;
  readonly stratum: DefinitionFile<'stratum'>;
  /** Its place in the stratum's list. */
  readonly index: number;
  /** Names of the chunks before it, which it may need. */
  readonly earlier: readonly string[];
  /** Is told everything that is wrong. */
  readonly report: (faults: readonly FileFault[]) => void;
}

/** Unites what a stratum says of a chunk with the chunk's own file. Faults are reported; the chunk is as right as it can be. */
export function readChunk(entry: WrittenEntry, context: ChunkContext): Chunk {
  const { stratum, index, report } = context;
  const at = (field: string): string => `chunks[${String(index)}]${field === '' ? '' : `.${field}`}`;
  const fault = (field: string, message: string): void => {
    report([stratum.faultAt(at(field), message)]);
  };
  if (entry.morph !== undefined && entry['build-system'] !== undefined)
    fault('build-system', 'is said beside morph, where the file has it');
  const file =
    entry.morph === undefined ? undefined : chunkFile(`${context.prefix}${entry.morph}`, context, fault);
  checkNeeds(entry, context, fault);
  const written = file?.written;
  const extensions = { ...written?.['x-bootstrap'], ...entry['x-bootstrap'] };
  // A file that names no build system wants none; without a file, the source shows which one it has.
  const buildSystem =
    entry['build-system'] ??
    (entry.morph === undefined ? undefined : (written?.['build-system'] ?? 'manual'));
  checkBuildSystem(buildSystem, context.buildSystems, (message) => {
    if (file !== undefined && entry['build-system'] === undefined)
      report([file.faultAt('build-system', message)]);
    else fault('build-system', message);
  });
  const maxJobs = written?.['max-jobs'];
  return {
    id: `${stratum.written.name}/${entry.name}`,
    name: entry.name,
    ...(entry.morph === undefined ? {} : { file: `${context.prefix}${entry.morph}` }),
    source: sourceOf(entry),
    ...(buildSystem === undefined ? {} : { buildSystem }),
    commands: commandsOf(written ?? {}),
    mode: extensions['build-mode'] ?? entry['build-mode'] ?? 'staging',
    prefix: entry.prefix ?? '/usr',
    ...(maxJobs === undefined ? {} : { maxJobs: Number(maxJobs) }),
    needs: (entry['build-depends'] ?? []).map((name) => `${stratum.written.name}/${name}`),
    products: checkedRules(written?.products, 'products', file, report),
    artifacts: entry.artifacts ?? {},
    integration: written?.['system-integration'] ?? {},
    devices: (written?.devices ?? []).map(deviceOf),
    extensions: extensionsOf(extensions),
  };
}

function chunkFile(
  path: string,
  { texts, report }: ChunkContext,
  fault: (field: string, message: string) => void,
): DefinitionFile<'chunk'> | undefined {
  const text = texts.get(path);
  if (text === undefined) {
    fault('morph', `${path} does not exist${meant(path, [...texts.keys()])}`);
    return undefined;
  }
  const read = readDefinition(path, text, 'chunk');
  if ('written' in read) return read;
  report(read);
  return undefined;
}

function checkNeeds(
  entry: WrittenEntry,
  { earlier, stratum }: ChunkContext,
  fault: (field: string, message: string) => void,
): void {
  const all = stratum.written.chunks.map(({ name }) => name);
  for (const [index, name] of (entry['build-depends'] ?? []).entries()) {
    if (earlier.includes(name)) continue;
    const field = `build-depends[${String(index)}]`;
    if (name === entry.name) fault(field, 'is the chunk itself');
    else if (all.includes(name))
      fault(field, `${name} comes later in this stratum; a chunk needs earlier ones`);
    else fault(field, `no chunk of this stratum is named ${name}${meant(name, all)}`);
  }
}

function checkBuildSystem(
  name: string | undefined,
  known: readonly string[] | undefined,
  fault: (message: string) => void,
): void {
  if (name === undefined || known === undefined || known.includes(name)) return;
  fault(`DEFAULTS has no build system ${name}; it has ${known.join(', ')}`);
}

/** Split rules, whose expressions are checked. */
export function checkedRules(
  rules: readonly SplitRule[] | undefined,
  field: string,
  file: { faultAt: (field: string, message: string) => FileFault } | undefined,
  report: (faults: readonly FileFault[]) => void,
): readonly SplitRule[] {
  for (const [rule, { include }] of (rules ?? []).entries()) {
    for (const [index, expression] of include.entries()) {
      const read = posixExpression(expression);
      if (!('fault' in read) || file === undefined) continue;
      report([file.faultAt(`${field}[${String(rule)}].include[${String(index)}]`, read.fault)]);
    }
  }
  return rules ?? [];
}

function sourceOf(entry: WrittenEntry): ChunkSource {
  const { repo, ref, submodules = {} } = entry;
  if (repo.startsWith(locked)) return { kind: 'locked', name: repo.slice(locked.length), version: ref };
  const people = entry['unpetrify-ref'];
  return {
    kind: 'git',
    repository: repo,
    ref,
    ...(people === undefined ? {} : { unpetrifiedRef: people }),
    submodules: Object.fromEntries(Object.entries(submodules).map(([path, { url }]) => [path, url])),
  };
}

/** The commands among the fields of a file. */
export function commandsOf(written: Readonly<Record<string, unknown>>): Commands {
  return Object.fromEntries(
    commandFields.flatMap((field) => (field in written ? [[field, written[field]]] : [])),
  ) as Commands;
}

function deviceOf(written: WrittenDevice): Device {
  const { filename, type, major, minor, permissions = '0600', uid = '0', gid = '0' } = written;
  return {
    path: filename,
    type,
    major: Number(major),
    minor: Number(minor),
    permissions: Number.parseInt(permissions, 8),
    uid: Number(uid),
    gid: Number(gid),
  };
}

function extensionsOf(written: WrittenExtensions): Extensions {
  const { memory, compiler, distcc, superuser } = written;
  const timeout = written['timeout-minutes'];
  const cpus = written['guest-cpus'];
  const runtime = written['runtime-depends'];
  const test = written['test-commands'];
  return {
    ...(memory === undefined ? {} : { memory: Number(memory) }),
    ...(timeout === undefined ? {} : { timeoutMinutes: Number(timeout) }),
    ...(cpus === undefined ? {} : { guestCpus: Number(cpus) }),
    ...(compiler === undefined ? {} : { compiler: compiler === 'true' }),
    ...(distcc === undefined ? {} : { distcc: distcc === 'true' }),
    ...(superuser === undefined ? {} : { superuser: superuser === 'true' }),
    ...(runtime === undefined ? {} : { runtimeDepends: runtime }),
    ...(test === undefined ? {} : { testCommands: test }),
  };
}

/** A question to append to a message about an unknown name, if one is near. */
export function meant(name: string, known: readonly string[]): string {
  const [near] = nearest(name, known);
  return near === undefined ? '' : `; did you mean ${near}?`;
}
