import path from 'node:path';
import type { PlanInputs } from '../../stages/inputs.ts';
import { tellFailure, type TreesRequest } from '../build/make-trees.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import { imageFiles } from '../image/emulator.ts';
import type { Arch } from '../inputs/arch.ts';
import { wantedSymbols } from '../inputs/kernel-config.ts';
import { chosenVersion } from '../inputs/versions.ts';
import { findInPath, isFile } from '../release/find-image.ts';
import { inputsFor, type Repository } from '../repository/load-inputs.ts';
import { askSources, type SourceAnswers } from './ask-sources.ts';
import { emulatorFindings } from './emulator-findings.ts';
import { finding, type Finding } from './finding.ts';
import { kernelFindings } from './kernel-findings.ts';
import { toolchainFindings } from './toolchain-findings.ts';

/** What to examine apart from upstream's sources, and what querying those requires. */
export interface ExamineRequest extends Omit<TreesRequest, 'plan'> {
  /** The user's PATH, which is searched for the emulator. */
  readonly searchPath: string;
  /** `out/<arch>`, absolute, which may contain a built image with a kernel. */
  readonly directory: string;
}

/** Everything that can be found out about an arch without building it. */
export async function examineArch(
  repository: Repository,
  described: Arch,
  request: ExamineRequest,
): Promise<Result<readonly Finding[], readonly Failure[]>> {
  // The arch also serves as host, to which no question refers.
  const inputs = inputsFor(repository, described, described);
  if (!inputs.ok) return tellFailure(request, inputs.failure);
  const { target: arch } = inputs.value;
  const questions = {
    name: arch.name,
    toolchain: { triple: arch.triple, configure: arch.gcc.configure },
    kernel: { arch: arch.kernel.arch, symbols: wantedSymbols(arch) },
  };
  const answers = await askSources(inputs.value, questions, request);
  if (!answers.ok) return answers;
  return ok([
    ...sourceFindings(arch, answers.value, inputs.value),
    ...(await machineFindings(arch, request)),
  ]);
}

function sourceFindings(arch: Arch, answers: SourceAnswers, { lock }: PlanInputs): readonly Finding[] {
  const { toolchain, kernelFacts, kernelConfiguration } = answers;
  const version = (name: string): string => chosenVersion(lock, name) ?? '';
  const versions = { gcc: version('gcc'), binutils: version('binutils'), musl: version('musl') };
  return [
    ...(toolchain === undefined ? [] : toolchainFindings(arch, toolchain, versions)),
    ...(kernelFacts === undefined
      ? []
      : kernelFindings(arch, kernelFacts, kernelConfiguration, `linux ${version('linux')}`)),
  ];
}

async function machineFindings(
  arch: Arch,
  { searchPath, directory }: ExamineRequest,
): Promise<readonly Finding[]> {
  const { program, debianPackage } = arch.emulator;
  const found = await findInPath(program, searchPath);
  if (found === undefined) {
    const message = `is not installed, so the machine could not be tested; on Debian: apt-get install ${debianPackage}`;
    return [finding.missing('emulator.program', program, message)];
  }
  const image = path.join(directory, `system-image-${arch.name}`);
  const built = await isFile(path.join(image, imageFiles.kernel));
  return emulatorFindings(arch, { program: found, ...(built ? { image } : {}) });
}
