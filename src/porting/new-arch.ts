import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { emulatorPackage } from '../../arches/families/emulators.ts';
import { tellFailure, type TreesRequest } from '../build/make-trees.ts';
import type { Failure } from '../core/failure.ts';
import { describeSystemError, errorCode } from '../core/fault.ts';
import { unknownName } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { checkArch } from '../inputs/arch-schema.ts';
import type { Arch } from '../inputs/arch.ts';
import { archWithVersions } from '../inputs/arch-versions.ts';
import { findInPath } from '../release/find-image.ts';
import type { Arches } from '../repository/load-arches.ts';
import { inputsFor, type Repository } from '../repository/load-inputs.ts';
import { askSources } from './ask-sources.ts';
import { configureSwitches, draftArch, type NewArch } from './draft.ts';
import { exploreMachine } from './explore-machine.ts';
import type { KernelFacts } from './kernel-findings.ts';
import { renderDescriptor } from './render-descriptor.ts';
import type { ToolchainAnswer } from './toolchain-findings.ts';

/** What is needed to write a descriptor, apart from the user's specification of the arch. */
export interface NewArchRequest extends Omit<TreesRequest, 'plan'> {
  /** File that the descriptor is written to, absolute; from `placeForArch`. */
  readonly file: string;
  /** The user's PATH, which is searched for the emulator. */
  readonly searchPath: string;
}

/**
 * Absolute path for the descriptor of a new arch, in a directory that is created if missing. Fails with `bad-option`
 * for an invalid name, and with `already-exists`.
 */
export async function placeForArch(
  arches: Arches,
  name: string,
  directory: string,
): Promise<Result<string, Failure>> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    const why = 'cannot be the name of an arch';
    const hint = 'Use lower-case letters, digits and _, beginning with a letter; files are named after it.';
    return failed({ reason: 'bad-option', option: 'NAME', value: name, why, hint });
  }
  const found = await arches.find(name, 'arch');
  if (found.ok || found.failure.reason !== 'unknown-name') {
    const file = arches.fileOf(found.ok ? found.value.name : name);
    const hint = `Check it with \`bootstrap check ${name}\`, or choose another name; nothing was written.`;
    return failed({ reason: 'already-exists', what: `a descriptor of ${name}`, path: file, hint });
  }
  return ok(path.join(directory, `${name}.ts`));
}

/** Finds out what is possible about an arch, and writes its descriptor. Returns the arch as described now. */
export async function createArch(
  repository: Repository,
  told: NewArch,
  { file, searchPath, ...request }: NewArchRequest,
): Promise<Result<Arch, readonly Failure[]>> {
  const program = await findInPath(told.emulator, searchPath);
  const machine = program === undefined ? ok(undefined) : await exploreMachine(program, told);
  if (!machine.ok) return tellFailure(request, machine.failure);

  const { name, triple, kernelArch } = told;
  const configure = configureSwitches(triple, told.configure);
  const asked = { name, toolchain: { triple, configure }, kernel: { arch: kernelArch } };
  const known = await loadAll(repository);
  const [any] = known;
  if (any === undefined) throw new Error('there is no arch at all');
  const inputs = inputsFor(repository, any, any);
  if (!inputs.ok) return tellFailure(request, inputs.failure);
  const answers = await askSources(inputs.value, asked, request);
  if (!answers.ok) return answers;
  const { toolchain, kernelFacts } = answers.value;
  if (toolchain === undefined || kernelFacts === undefined) throw new Error('questions without answers');
  const refused = refusal(told, toolchain, kernelFacts);
  if (refused !== undefined) return tellFailure(request, refused);

  const relatives = known.filter(({ kernel }) => kernel.arch === kernelArch);
  const debianPackage = emulatorPackage(told.emulator);
  const draft = draftArch(told, toolchain, kernelFacts, machine.value, debianPackage, relatives);
  const checked = checkArch(draft.descriptor, file);
  if (!checked.ok) return tellFailure(request, checked.failure);
  const own = path.dirname(file) === path.join(repository.root, 'arches');
  const importPath = own ? '../src/inputs/arch.ts' : undefined;
  const text = renderDescriptor(draft.descriptor, draft.doubts, importPath);
  const unwritten = await writeNew(file, text);
  return unwritten === undefined ? checked : tellFailure(request, unwritten);
}

/** Every arch that is well described and can be built with the chosen versions; as its descriptor has it. */
async function loadAll({ arches, chosen, lock }: Repository): Promise<readonly Arch[]> {
  const loaded = await Promise.all(arches.names.map((name) => arches.load(name)));
  return loaded.flatMap((arch) =>
    arch.ok && archWithVersions(arch.value, chosen, lock).ok ? [arch.value] : [],
  );
}

/** Errors in the user's specification that nothing else could correct. */
function refusal(told: NewArch, toolchain: ToolchainAnswer, kernel: KernelFacts): Failure | undefined {
  const { triple, kernelArch, configure } = told;
  const wrong = (why: string): Failure => {
    const hint = 'Nothing was written.';
    return { reason: 'bad-option', option: '--triple', value: triple, why, hint };
  };
  if (toolchain.canonical === undefined) {
    return wrong(`gcc's config.sub does not know it (${toolchain.configSub ?? ''})`);
  }
  if (toolchain.processor === undefined) {
    const with_ = configure.length > 0 ? `with ${configure.join(' ')} ` : '';
    return wrong(`gcc's config.gcc refuses it ${with_}(${toolchain.gccSays.join('; ')})`);
  }
  if (toolchain.muslArch === undefined) {
    return wrong(
      `musl's configure refuses it (${toolchain.muslSays ?? ''}); it has ${toolchain.muslKnown.join(' ')}`,
    );
  }
  if (!kernel.arches.includes(kernelArch)) {
    return unknownName('kernel ARCH (--kernel-arch)', kernelArch, kernel.arches);
  }
  return undefined;
}

/** Writes a new file atomically. */
async function writeNew(file: string, text: string): Promise<Failure | undefined> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${String(process.pid)}`);
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(temporary, text, { flag: 'wx' });
    // Unlike a rename, this never replaces a file.
    await link(temporary, file);
    return undefined;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      return { reason: 'already-exists', what: 'a file', path: file, hint: 'It was not changed.' };
    }
    const failure = describeSystemError(error, file);
    if (failure !== undefined) return failure;
    if (errorCode(error) === undefined) throw error;
    return { reason: 'unwritable', path: file, detail: String(errorCode(error)) };
  } finally {
    await rm(temporary, { force: true });
  }
}
