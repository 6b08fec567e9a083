import type { Arch } from '../src/inputs/arch.ts';
import type { ChosenSources, LockedSource } from '../src/inputs/lock.ts';
import type { Digest } from '../src/core/digest.ts';
import type { Action, Platform, Ref } from '../src/plan/action.ts';
import { defineAction, type ActionSpec } from '../src/plan/builder.ts';
import { repoPath, type RepoPath } from '../src/plan/names.ts';

/** What every stage is a function of. Plain data, gathered before planning. */
export interface PlanInputs {
  /** One version of each source. */
  readonly lock: ChosenSources;
  /** Files below `patches/` and `target/` by path, with content digest: refs to them become part of the plan. */
  readonly files: ReadonlyMap<RepoPath, { readonly digest: Digest; readonly executable: boolean }>;
  /** The machine that compiles. */
  readonly build: Platform;
  readonly target: Arch;
  readonly host: Arch;
  /** Names of the arches whose programs the build machine runs. */
  readonly runs: readonly string[];
  /**
   * Where the compiler runs that compiles what is made for `target`: an arch of `runs`, whose released cross compiler that is.
   * Undefined: on the build machine itself, as a stage 1 of its own.
   */
  readonly compilerHost?: Arch;
}

/** Thrown while planning when a stage names a source or file that is not there: a fault of that file, not of the planner. */
export class MissingInput extends Error {
  readonly file: string;
  readonly fault: string;

  constructor(file: string, fault: string) {
    super(`${file}: ${fault}`);
    this.name = 'MissingInput';
    this.file = file;
    this.fault = fault;
  }
}

/** What the lock says of the chosen version of a source. Throws when it has no such source. */
export function lockedSource(inputs: PlanInputs, name: string): LockedSource {
  const found = inputs.lock.sources.find((entry) => entry.name === name);
  if (found === undefined) throw new MissingInput('sources.lock', `has no source named ${name}`);
  return found;
}

/** The chosen version of a source. Throws when the lock has no such source. */
export function source(inputs: PlanInputs, name: string): Extract<Ref, { kind: 'source' }> {
  const found = lockedSource(inputs, name);
  return { kind: 'source', name: found.name, version: found.version };
}

/** A file of this repository below `target/` or `patches/`. Throws when it is not there. */
export function repoFile(inputs: PlanInputs, path: string): Extract<Ref, { kind: 'file' }> {
  const name = repoPath(path);
  const found = inputs.files.get(name);
  if (found === undefined) throw new MissingInput(path, 'is not in this repository, and a stage needs it');
  return { kind: 'file', path: name, ...found };
}

/** Environment of every action that compiles something. */
export function baseEnvironment(inputs: PlanInputs): Readonly<Record<string, string>> {
  return { SOURCE_DATE_EPOCH: String(inputs.lock.sourceDateEpoch) };
}

/**
 * An action that runs on the build machine. One for another machine names its platform to `defineAction`.
 *
 * @param spec.alsoRuns other processors whose programs are among its inputs and run; for those among its tools `assemblePlan`
 * finds out by itself.
 */
export function buildAction(
  inputs: PlanInputs,
  { alsoRuns = [], ...spec }: Omit<ActionSpec, 'platform'> & { readonly alsoRuns?: readonly string[] },
): Action {
  const others = alsoRuns.filter((cpu) => cpu !== inputs.build.cpu);
  const platform = others.length === 0 ? inputs.build : { ...inputs.build, alsoRuns: others };
  return defineAction({ ...spec, platform });
}
