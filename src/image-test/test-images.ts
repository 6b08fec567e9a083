import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BuildContext } from '../build/build-context.ts';
import { errorCode } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { emulatorVersion } from '../emulator/version.ts';
import type { Arch } from '../inputs/arch.ts';
import { choiceWords } from '../inputs/versions.ts';
import { findImage, findInPath, imageScript, incompleteImage } from '../release/find-image.ts';
import { imageBuild } from '../release/image-build.ts';
import { planInputs, type Repository } from '../repository/load-inputs.ts';
import { testImage, type GuestTest, type TestResult } from './test-guest.ts';
import { withEmulator } from './test-material.ts';
import { makeTestPrograms, type TestPrograms } from './test-programs.ts';

/** Where to look for the image of an arch. */
export interface ImagePlaces {
  /** A single image named by the user, as a directory: absolute, and as the user wrote it. */
  readonly image?: { readonly path: string; readonly name: string };
  /** Output directory of an arch, absolute. */
  readonly directoryOf: (arch: string) => string;
  /** `--out`, as the user wrote it. */
  readonly out?: string;
  /** Options that choose the versions of its sources. Undefined or empty: the default ones. */
  readonly versions?: readonly string[];
  /** Environment of the emulator's script; PATH is searched for the emulator. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** An arch with an image that can be booted here. */
export interface Candidate {
  readonly arch: Arch;
  /** `run-emulator.sh` of its image, absolute. */
  readonly script: string;
}

/** Finds the images of arches, by names as the user wrote them, each arch once. Boots nothing. */
export async function findCandidates(
  repository: Repository,
  names: readonly string[],
  { image, directoryOf, out, versions = [], environment }: ImagePlaces,
): Promise<Result<readonly Candidate[], Failure>> {
  if (/(?:^|\s)HANDOFF=/.test(environment['KERNEL_EXTRA'] ?? '')) {
    const why = 'HANDOFF= would replace the checks';
    return failed({ reason: 'bad-option', option: 'KERNEL_EXTRA', value: '', why, hint: 'Remove it.' });
  }
  if (image !== undefined && names.length > 1) {
    const why = 'it is a single image, but several arches were given';
    const hint = 'Name the arch that it was built for.';
    return failed({ reason: 'bad-option', option: '--image', value: image.name, why, hint });
  }
  const searchPath = environment['PATH'] ?? '';
  const candidates = new Map<string, Candidate>();
  for (const name of names) {
    const arch = await repository.arches.find(name, 'arch');
    if (!arch.ok) return arch;
    const directory = directoryOf(arch.value.name);
    const script =
      image === undefined
        ? await findImage(arch.value, {
            directory,
            ...(out === undefined ? {} : { out }),
            versions,
            searchPath,
          })
        : await imageScript(arch.value, { directory: image.path, searchPath });
    if (!script.ok) return script;
    const incomplete = await incompleteImage(arch.value, script.value);
    if (incomplete !== undefined) return failed(incomplete);
    candidates.set(arch.value.name, {
      arch: await asEmulatedHere(arch.value, searchPath),
      script: script.value,
    });
  }
  return ok([...candidates.values()]);
}

/** The arch with what this machine's emulator supports, according to its version. */
async function asEmulatedHere(arch: Arch, searchPath: string): Promise<Arch> {
  if (!(arch.emulator.lacks ?? []).some(({ emulatorBefore }) => emulatorBefore !== undefined)) return arch;
  const program = await findInPath(arch.emulator.program, searchPath);
  return withEmulator(arch, program === undefined ? '' : await emulatorVersion(program));
}

/** Makes the directory for the guests' console output. `name` is what the user called it. Undefined: none is wanted. */
export async function makeConsoleDirectory(
  path: string | undefined,
  name: string = path ?? '',
): Promise<Result<void, Failure>> {
  if (path === undefined) return ok(undefined);
  try {
    await mkdir(path, { recursive: true });
    return ok(undefined);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    const why = `cannot create it (${code})`;
    const hint = 'Name a directory; it is created if it does not exist.';
    return failed({ reason: 'bad-option', option: '--console', value: name, why, hint });
  }
}

/** How to test images, apart from the parameters of each one. */
export interface TestSettings extends Omit<GuestTest, 'arch' | 'script' | 'programs'> {
  readonly repository: string;
  /** The number of concurrent guests. */
  readonly guests: number;
  /** Renders a failure for the table of what was tested. */
  readonly describe: (failure: Failure) => string;
  readonly onStart: (arch: string) => void;
  readonly onEnd: (result: TestResult) => void;
}

/**
 * Makes the test programs of each arch, one after the other, and tests the images, several at a time. Results are in
 * the order of the candidates. An interrupted test fails with `interrupted`, because checks that it cut short prove
 * nothing.
 */
export async function testImages(
  repository: Repository,
  candidates: readonly Candidate[],
  context: BuildContext,
  settings: TestSettings,
): Promise<Result<readonly TestResult[], Failure>> {
  const { guests, describe, onStart, onEnd, ...test } = settings;
  const { signal } = test;
  const programs: TestPrograms[] = [];
  for (const { arch, script } of candidates) {
    const built = await imageBuild(dirname(script));
    const inputs = await planInputs(repository, { arch: arch.name, ...built?.compiler });
    if (!inputs.ok) return inputs;
    const versions = choiceWords(repository.lock, repository.chosen.choice);
    const request = { repository: settings.repository, versions, context, signal, describe };
    programs.push(await makeTestPrograms(inputs.value, request));
  }
  const results: TestResult[] = [];
  await sideBySide(guests, candidates, async (candidate, index) => {
    const made = programs[index];
    if (made === undefined || signal.aborted) return;
    onStart(candidate.arch.name);
    const result = await testImage({ ...test, ...candidate, programs: made });
    if (signal.aborted) return;
    results[index] = result;
    onEnd(result);
  });
  return signal.aborted ? failed({ reason: 'interrupted', signal: String(signal.reason) }) : ok(results);
}

/** Processes each item, with a limit on how many at a time. */
async function sideBySide<T>(
  atOnce: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
