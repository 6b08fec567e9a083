import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { System } from '../definitions/definition.ts';
import type { Pins } from '../definitions/pins.ts';
import { openArches } from '../repository/load-arches.ts';
import { loadRepository, type Repository } from '../repository/load-inputs.ts';
import { pinsName, readPins } from '../repository/pins-file.ts';
import { openSystem, type WantedReplacement } from '../repository/read-definitions.ts';
import { parseAliases } from '../sources/git-url.ts';
import { archOf } from '../system/plan-system.ts';
import type { Session } from './session.ts';

/** Options of all commands for systems. */
export interface SystemOptions {
  readonly pins?: string;
  /** `NAME=URL`. */
  readonly alias?: readonly string[];
  /** `STRATUM=FILE`. */
  readonly replace?: readonly string[];
}

/** A system with what says where its sources are. */
export interface SystemWithPins {
  readonly repository: Repository;
  readonly system: System;
  readonly pins: Pins;
  /** Absolute. */
  readonly pinsFile: string;
  readonly aliases: Readonly<Record<string, string>>;
}

/** Reads the system of a file, the pins of its sources, and this repository. */
export async function openSystemWithPins(
  session: Session,
  file: string,
  options: SystemOptions,
): Promise<Result<SystemWithPins, Failure>> {
  const aliases = parseAliases(options.alias ?? [], '--alias');
  if (!aliases.ok) return aliases;
  const replacements = parseReplacements(options.replace ?? [], session.cwd);
  if (!replacements.ok) return replacements;
  const opened = await openSystem(path.resolve(session.cwd, file), replacements.value);
  if (!opened.ok) return opened;
  const { root, system } = opened.value;
  const pinsFile =
    options.pins === undefined ? path.join(root, pinsName) : path.resolve(session.cwd, options.pins);
  const pins = await readPins(pinsFile);
  if (!pins.ok) return pins;
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return repository;
  return ok({ repository: repository.value, system, pins: pins.value, pinsFile, aliases: aliases.value });
}

/**
 * The same for the system of `--system`, or else our base system for an arch, which may be named by an alias. Fails with `bad-option` if it is for another arch.
 *
 * @param wanted what is to be for the arch: `the root filesystem`
 */
export async function openSystemFor(
  session: Session,
  arch: string,
  wanted: string,
  options: SystemOptions & { readonly system?: string },
): Promise<Result<SystemWithPins, Failure>> {
  const found = await (await openArches(session.repository, session.archDirectories)).find(arch, 'arch');
  if (!found.ok) return found;
  const { name } = found.value;
  const file =
    options.system === undefined
      ? path.join(session.repository, `definitions/systems/base-${name}.morph`)
      : path.resolve(session.cwd, options.system);
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return opened;
  const own = archOf(opened.value.system);
  if (own === name) return opened;
  return failed({
    ...{ reason: 'bad-option', option: '--system', value: options.system ?? file },
    why: `it is for ${own}, and ${wanted} is for ${name}`,
    hint: 'Name the file of a system for the arch.',
  });
}

/** Reads `--replace STRATUM=FILE`. Fails with `bad-option`. */
function parseReplacements(
  written: readonly string[],
  cwd: string,
): Result<readonly WantedReplacement[], Failure> {
  const replacements: WantedReplacement[] = [];
  for (const value of written) {
    const [, replaced = '', file = ''] = /^([^=]+)=(.+)$/s.exec(value) ?? [];
    const twice = replacements.some((other) => other.replaced === replaced);
    if (file === '' || twice) {
      const why = twice ? `${replaced} is replaced twice` : 'it must be STRATUM=FILE';
      const hint =
        'Write `--replace strata/OLD.morph=strata/NEW.morph`, the first as the definitions have it.';
      return failed({ reason: 'bad-option', option: '--replace', value, why, hint });
    }
    replacements.push({ replaced, file: path.resolve(cwd, file) });
  }
  return ok(replacements);
}
