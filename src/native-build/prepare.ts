import path from 'node:path';
import type { BuildContext } from '../build/build-context.ts';
import type { Failure } from '../core/failure.ts';
import { findProgram } from '../core/host-programs.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Arch } from '../inputs/arch.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { prepareOutDirectory } from '../release/out-directory.ts';
import { readControl, type ControlDirectory, type ControlRequest } from './control-image.ts';

/** A native build as requested by the user. Paths are absolute. */
export interface NativeBuild {
  readonly inputs: PlanInputs;
  /** Control directory or archive, and what the user called it. */
  readonly control: { readonly path: string; readonly name: string };
  /** `out/<arch>`. */
  readonly directory: string;
  /** Where to put the results, without removing what is there. Undefined: in a separate directory below `directory`. */
  readonly upload?: string;
}

/** A native build for which everything that can be checked before the start has been checked. */
export interface PreparedBuild extends NativeBuild {
  readonly context: BuildContext;
  /** The name of the control image, in the plan and below the output directory. */
  readonly name: string;
  readonly content: ControlDirectory;
  readonly controlRequest: ControlRequest;
}

/**
 * Fails with `missing-program` if the emulator of an arch is not in a search path, whose relative entries are relative
 * to `cwd`.
 */
export async function findEmulator(
  { name, emulator: { program, debianPackage } }: Arch,
  searchPath: string,
  cwd: string,
): Promise<Result<void, Failure>> {
  const directories = searchPath.split(':').map((entry) => path.resolve(cwd, entry));
  if ((await findProgram(program, directories)) !== undefined) return ok(undefined);
  return failed({ reason: 'missing-program', program, purpose: `booting ${name}`, debianPackage });
}

/** Copies the control directory into the store, and creates the directories for results. Builds nothing. */
export async function prepareNativeBuild(
  build: NativeBuild,
  context: BuildContext,
): Promise<Result<PreparedBuild, Failure>> {
  const { control, inputs } = build;
  const known = [...new Set(inputs.lock.sources.map((source) => source.name))];
  const controlRequest = { place: control.path, name: control.name, known };
  const content = await readControl(context.store, controlRequest);
  if (!content.ok) return content;
  for (const needed of [build.directory, build.upload]) {
    const prepared = needed === undefined ? ok(undefined) : await prepareOutDirectory(needed);
    if (!prepared.ok) return prepared;
  }
  return ok({ ...build, context, name: nameOf(control.path), content: content.value, controlRequest });
}

/** Turns the name of a directory or archive into a valid name for files and actions. */
function nameOf(place: string): string {
  const base = path.basename(place).replace(/\.(?:tar(?:\.[a-z0-9]+)?|tgz|tbz2?|txz)$/, '');
  const name = base.replace(/[^A-Za-z0-9._+-]+/g, '-').replace(/^[^a-z0-9]+/, '');
  return name === '' ? 'control' : name;
}
