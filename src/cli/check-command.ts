import { machine } from 'node:os';
import path from 'node:path';
import type { PlanInputs } from '../../stages/inputs.ts';
import type { Arch } from '../inputs/arch.ts';
import { imageFiles } from '../image/emulator.ts';
import { wantedSymbols } from '../inputs/kernel-config.ts';
import { count } from '../report/failure-text.ts';
import { askSources, type SourceAnswers } from '../porting/ask-sources.ts';
import { emulatorFindings } from '../porting/emulator-findings.ts';
import { exitCodeOfFindings, finding, findingsText, type Finding } from '../porting/finding.ts';
import { kernelFindings } from '../porting/kernel-findings.ts';
import { toolchainFindings } from '../porting/toolchain-findings.ts';
import { findInPath, isFile } from '../release/find-image.ts';
import { loadRepository, type Repository } from '../repository/load-inputs.ts';
import { explain, outDirectory, type ExitCode, type Session } from './session.ts';
import type { OpenWorkshop, SourceRequest } from '../build/build-context.ts';

export interface CheckRequest {
  readonly arch: string;
  readonly json: boolean;
  readonly sources: SourceRequest;
  /** `--out`, as the user wrote it: where a built image's kernel is looked for. */
  readonly out?: string;
}

/** `bootstrap check ARCH`: lays a descriptor beside upstream's sources and the emulator, and names each fault. */
export async function checkCommand(
  session: Session,
  request: CheckRequest,
  open?: OpenWorkshop,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session.archDirectories);
  if (!repository.ok) return explain(session, repository.failure);
  const found = await repository.value.arches.find(request.arch, 'arch');
  if (!found.ok) return explain(session, found.failure);
  const arch = found.value;
  const findings = await examineArch(session, repository.value, arch, request, open);
  if (typeof findings === 'number') return findings;
  const code = exitCodeOfFindings(findings);
  if (request.json) {
    const file = repository.value.arches.fileOf(arch.name);
    session.out(`${JSON.stringify({ arch: arch.name, file, passed: code === 0, findings }, undefined, 2)}\n`);
  } else {
    session.out(`${findingsText(findings)}\n${summary(arch.name, findings)}`);
  }
  return code;
}

/** The sum of findings in a sentence. */
export function summary(name: string, findings: readonly Finding[]): string {
  const faults = findings.filter(({ state }) => state === 'fault').length;
  const missing = findings.filter(({ state }) => state === 'missing').length;
  if (faults === 0 && missing === 0) return `No fault was found in ${name}.\n`;
  const parts = [
    ...(faults > 0 ? [`${name} has ${count(faults, 'fault')}`] : []),
    ...(missing > 0
      ? [`${count(missing, 'thing')} of this machine ${missing === 1 ? 'is' : 'are'} missing`]
      : []),
  ];
  return `${parts.join('; ')}.\n`;
}

/** Everything that can be found out of an arch without building it. An exit code where asking itself failed. */
export async function examineArch(
  session: Session,
  repository: Repository,
  arch: Arch,
  request: { readonly sources: SourceRequest; readonly out?: string },
  open?: OpenWorkshop,
): Promise<readonly Finding[] | ExitCode> {
  const inputs = inputsFor(repository, arch);
  const questions = {
    name: arch.name,
    toolchain: { triple: arch.triple, configure: arch.gcc.configure },
    kernel: { arch: arch.kernel.arch, symbols: wantedSymbols(arch) },
  };
  const answers = await askSources(session, inputs, questions, request.sources, open);
  if (typeof answers === 'number') return answers;
  return [...sourceFindings(arch, answers, inputs), ...(await machineFindings(session, arch, request.out))];
}

/** The arch stands in for the host too, which no question is about. */
export function inputsFor({ lock, files }: Repository, arch: Arch): PlanInputs {
  return { lock, files, build: { os: 'linux', cpu: machine() }, target: arch, host: arch };
}

function sourceFindings(arch: Arch, answers: SourceAnswers, { lock }: PlanInputs): readonly Finding[] {
  const { toolchain, kernelFacts, kernelConfiguration } = answers;
  const version = (name: string): string =>
    lock.sources.find((source) => source.name === name && source.isDefault)?.version ?? '';
  const versions = { gcc: version('gcc'), binutils: version('binutils'), musl: version('musl') };
  return [
    ...(toolchain === undefined ? [] : toolchainFindings(arch, toolchain, versions)),
    ...(kernelFacts === undefined
      ? []
      : kernelFindings(arch, kernelFacts, kernelConfiguration, `linux ${version('linux')}`)),
  ];
}

async function machineFindings(
  session: Session,
  arch: Arch,
  out: string | undefined,
): Promise<readonly Finding[]> {
  const { program, debianPackage } = arch.emulator;
  const found = await findInPath(program, session.env['PATH'] ?? '');
  if (found === undefined) {
    const message = `is not installed, so the machine could not be tried; on Debian: apt-get install ${debianPackage}`;
    return [finding.missing('emulator.program', program, message)];
  }
  const image = path.join(outDirectory(session, out, arch.name), `system-image-${arch.name}`);
  const built = await isFile(path.join(image, imageFiles.kernel));
  return emulatorFindings(arch, { program: found, ...(built ? { image } : {}) });
}
