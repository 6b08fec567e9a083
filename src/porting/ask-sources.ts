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
import { catchFailures, StoreFault } from '../core/fault.ts';
import { ok, type Result } from '../core/result.ts';
import { planDeclared } from '../repository/plan-declared.ts';
import { readTreeFile } from '../store/tree-file.ts';
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

/**
 * Runs the actions that query upstream's sources, and reads their results. Fails with the failures of the build, or with
 * `unreadable-output`.
 */
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
  if (!made.ok) return made;
  const answers = await catchFailures('', async () => ok(await readAnswers(made.value)));
  return answers.ok ? answers : tellFailure(request, answers.failure);
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

/**
 * Reads texts of a tree; a missing one is empty. Not every query has a result, such as the symbols of an arch that
 * the kernel does not have. Throws a `StoreFault` if something cannot be read.
 */
function reader(tree: MadeTree): Read {
  return async (file) => {
    const read = await readTreeFile(tree.path, file);
    if (!read.ok) throw new StoreFault(read.failure);
    return read.value?.bytes.toString() ?? '';
  };
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
