import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { System } from '../definitions/definition.ts';
import type { Pins } from '../definitions/pins.ts';
import { loadRepository, type Repository } from '../repository/load-inputs.ts';
import { pinsName, readPins } from '../repository/pins-file.ts';
import { openSystem } from '../repository/read-definitions.ts';
import { parseAliases } from '../sources/git-url.ts';
import type { Session } from './session.ts';

/** Options of commands that need the commits from which chunks are made. */
export interface PinOptions {
  readonly pins?: string;
  /** `NAME=URL`. */
  readonly alias?: readonly string[];
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
  options: PinOptions,
): Promise<Result<SystemWithPins, Failure>> {
  const aliases = parseAliases(options.alias ?? [], '--alias');
  if (!aliases.ok) return aliases;
  const opened = await openSystem(path.resolve(session.cwd, file));
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
