import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { archCheck, checkActions, type ArchQuestions } from '../../stages/arch-check.ts';
import { kernelFactFiles } from '../../stages/arch-check/kernel.ts';
import { toolchainReport } from '../../stages/arch-check/toolchain.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import {
  makeTrees,
  tellFailure,
  type MadeTree,
  type TreesRequest,
  type WantedTree,
} from '../build/make-trees.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import { planDeclared } from '../repository/plan-declared.ts';
import {
  parseCommandLine,
  parseKernelConfig,
  parseKernelSymbols,
  type KernelConfiguration,
  type KernelFacts,
} from './kernel-findings.ts';
import { parseToolchainReport, type ToolchainAnswer } from './toolchain-findings.ts';

export interface SourceAnswers {
  readonly toolchain?: ToolchainAnswer;
  readonly kernelFacts?: KernelFacts;
  readonly kernelConfiguration?: KernelConfiguration;
}

/** Runs the actions that ask upstream's sources, and reads their answers. */
export async function askSources(
  inputs: PlanInputs,
  questions: ArchQuestions,
  request: Omit<TreesRequest, 'plan'>,
): Promise<Result<SourceAnswers, readonly Failure[]>> {
  const plan = planDeclared(inputs, () => archCheck(inputs, questions));
  if (!plan.ok) return tellFailure(request, plan.failure);
  const actions = checkActions(questions.name);
  const out = (action: WantedTree['action']): WantedTree => ({ action, output: 'out' });
  const wanted = {
    ...(questions.toolchain === undefined ? {} : { toolchain: out(actions.toolchain) }),
    ...(questions.kernel === undefined ? {} : { facts: out(actions.kernelFacts) }),
    ...(questions.kernel?.symbols === undefined ? {} : { configuration: out(actions.kernelConfiguration) }),
  };
  const made = await makeTrees<string>({ ...request, plan: plan.value }, wanted);
  return made.ok ? ok(await readAnswers(made.value)) : made;
}

type Read = (file: string) => Promise<string>;

async function readAnswers({
  toolchain,
  facts,
  configuration,
}: Readonly<Record<string, MadeTree | undefined>>): Promise<SourceAnswers> {
  return {
    ...(toolchain === undefined
      ? {}
      : { toolchain: parseToolchainReport(await reader(toolchain)(toolchainReport)) }),
    ...(facts === undefined ? {} : { kernelFacts: await readFacts(reader(facts)) }),
    ...(configuration === undefined
      ? {}
      : { kernelConfiguration: await readConfiguration(reader(configuration)) }),
  };
}

/** Not every question has an answer, such as the symbols of an arch that the kernel does not have. */
function reader(tree: MadeTree): Read {
  return (file) => readFile(path.join(tree.path, file), 'utf8').catch(() => '');
}

async function readConfiguration(read: Read): Promise<KernelConfiguration> {
  return {
    succeeded: (await read(kernelFactFiles.status)).trim() === '0',
    log: await read(kernelFactFiles.log),
    values: parseKernelConfig(await read(kernelFactFiles.config)),
  };
}

async function readFacts(read: Read): Promise<KernelFacts> {
  const lines = async (file: string): Promise<readonly string[]> =>
    (await read(file)).split('\n').filter((line) => line !== '');
  return {
    arches: await lines(kernelFactFiles.arches),
    symbols: parseKernelSymbols(await read(kernelFactFiles.symbols)),
    deviceTrees: await lines(kernelFactFiles.deviceTrees),
    commandLine: parseCommandLine(await read(kernelFactFiles.commandLine)),
    makefile: await read(kernelFactFiles.makefile),
    bootMakefile: await read(kernelFactFiles.bootMakefile),
  };
}
