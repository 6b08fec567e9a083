import type { Failure, FileFault } from '../core/failure.ts';
import { isRecord } from '../core/json.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Chunk, System } from './definition.ts';
import { meant } from './read-chunk.ts';
import { readDefinition, type DefinitionFile } from './read-file.ts';
import { chunksOf } from './read-system.ts';

/** A chunk that somebody wants installed. */
export interface WantedPackage {
  readonly chunk: Chunk;
  /** Names of its artefacts. Undefined: all that programs may need when they run. */
  readonly artifacts?: readonly string[];
}

/** What a root filesystem is to hold. */
export interface PackageList {
  readonly packages: readonly WantedPackage[];
  /** Run in the root filesystem before packages are laid into it, and at the end. */
  readonly preInstall: readonly string[];
  readonly postInstall: readonly string[];
}

/**
 * Reads a list of packages: chunks of a system by name or id. Fails with `bad-definitions` and every fault.
 *
 * @param path for messages
 */
export function readPackageList(path: string, text: string, system: System): Result<PackageList, Failure> {
  const file = readDefinition(path, text, 'packages', withObjects);
  if (!('written' in file)) return failed({ reason: 'bad-definitions', faults: file });
  const faults: FileFault[] = [];
  const packages = Object.entries(file.written.packages).flatMap(([name, { artifacts }]) => {
    const chunk = chunkNamed(name, system, file);
    if ('message' in chunk) {
      faults.push(chunk);
      return [];
    }
    return [{ chunk, ...(artifacts === undefined ? {} : { artifacts }) }];
  });
  if (packages.length === 0 && faults.length === 0) faults.push(file.faultAt('packages', 'names no package'));
  if (faults.length > 0) return failed({ reason: 'bad-definitions', faults });
  const { pre_install_commands: preInstall = [], post_install_commands: postInstall = [] } = file.written;
  return ok({ packages, preInstall, postInstall });
}

/** A plain list of names, and nothing after the colon of a name, are short forms. */
function withObjects(written: unknown): unknown {
  if (!isRecord(written)) return written;
  const { packages } = written;
  const entries = Array.isArray(packages)
    ? packages.map((name: unknown) => [String(name), {}] as const)
    : isRecord(packages)
      ? Object.entries(packages).map(([name, more]) => [name, more === '' ? {} : more] as const)
      : undefined;
  return entries === undefined ? written : { ...written, packages: Object.fromEntries(entries) };
}

function chunkNamed(name: string, system: System, file: DefinitionFile<'packages'>): Chunk | FileFault {
  const all = chunksOf(system);
  const found = all.filter((chunk) => chunk.id === name || chunk.name === name);
  const [chunk] = found;
  const field = `packages.${name}`;
  if (chunk === undefined) {
    const known = all.map((one) => one.name);
    return file.faultAt(field, `${system.name} has no such chunk${meant(name, known)}`);
  }
  if (found.length > 1)
    return file.faultAt(
      field,
      `is the name of several chunks: ${found.map(({ id }) => id).join(', ')}; name one`,
    );
  if (chunk.mode === 'bootstrap' || chunk.mode === 'test')
    return file.faultAt(field, 'is for building other chunks, and never installed');
  return chunk;
}
