import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { archCheck, checkActions, type ArchQuestions } from '../../stages/arch-check.ts';
import { kernelFactFiles } from '../../stages/arch-check/kernel.ts';
import { toolchainReport } from '../../stages/arch-check/toolchain.ts';
import { MissingInput, type PlanInputs } from '../../stages/inputs.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { build } from '../engine/build.ts';
import { assemblePlan } from '../plan/assemble.ts';
import type { ActionName } from '../plan/names.ts';
import { exitCodeOf } from '../report/failure-text.ts';
import { catchInterrupts } from '../cli/interrupt.ts';
import { openReporter } from '../cli/open-reporter.ts';
import { explain, type ExitCode, type Session } from '../cli/session.ts';
import type { OpenWorkshop, SourceRequest, Workshop } from '../build/build-context.ts';
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

/** How often answers are had again that turn out damaged. */
const attempts = 2;

/** Runs the actions that ask upstream's sources. An exit code where that failed, which has been said then. */
export async function askSources(
  session: Session,
  inputs: PlanInputs,
  questions: ArchQuestions,
  request: SourceRequest,
  open?: OpenWorkshop,
): Promise<SourceAnswers | ExitCode> {
  const plan = planOf(inputs, questions);
  if (!plan.ok) return explain(session, plan.failure);
  const reporter = openReporter(session, undefined);
  if (!reporter.ok) return explain(session, reporter.failure);
  const say = (text: string): void => reporter.value.report({ kind: 'note', at: performance.now(), text });
  const openWorkshop = open ?? (await import('../build/build-context.ts')).openWorkshop;
  const workshop = await openWorkshop(session, inputs.lock, request, say);
  if (!workshop.ok) return explain(session, workshop.failure);
  const interrupt = catchInterrupts(say, () => reporter.value.close());
  try {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await build(plan.value, {
        ...workshop.value,
        clock: () => performance.now(),
        onEvent: (event) => reporter.value.report(event),
        signal: interrupt.signal,
      });
      const [failure] = outcome.failures;
      if (failure !== undefined) return exitCodeOf(failure);
      const answers = await readAnswers(
        workshop.value,
        questions,
        (action) => outcome.results.get(action)?.outputs['out'],
      );
      if (answers.ok) return answers.value;
      if (attempt === attempts) {
        reporter.value.close();
        return explain(session, answers.failure);
      }
    }
  } finally {
    reporter.value.close();
    interrupt.release();
  }
}

function planOf(inputs: PlanInputs, questions: ArchQuestions): ReturnType<typeof assemblePlan> {
  try {
    return assemblePlan({ ...archCheck(inputs, questions), lock: inputs.lock, files: inputs.files });
  } catch (error) {
    if (!(error instanceof MissingInput)) throw error;
    return failed({ reason: 'bad-input', file: error.file, faults: [{ field: '', message: error.fault }] });
  }
}

type OutputOf = (action: ActionName) => Parameters<Workshop['store']['verifyTree']>[0] | undefined;

async function readAnswers(
  { store }: Workshop,
  questions: ArchQuestions,
  outputOf: OutputOf,
): Promise<Result<SourceAnswers, Failure>> {
  const actions = checkActions(questions.name);
  const reader = async (action: ActionName): Promise<Result<(file: string) => Promise<string>, Failure>> => {
    const tree = outputOf(action);
    if (tree === undefined) throw new Error(`no result of ${action}`);
    const verified = await store.verifyTree(tree);
    if (!verified.ok) return verified;
    // Not every question has an answer, such as the symbols of an arch that the kernel does not have.
    return ok((file) => readFile(path.join(store.treePath(tree), file), 'utf8').catch(() => ''));
  };
  let answers: SourceAnswers = {};
  if (questions.toolchain !== undefined) {
    const read = await reader(actions.toolchain);
    if (!read.ok) return read;
    answers = { ...answers, toolchain: parseToolchainReport(await read.value(toolchainReport)) };
  }
  if (questions.kernel !== undefined) {
    const read = await reader(actions.kernelFacts);
    if (!read.ok) return read;
    answers = { ...answers, kernelFacts: await readFacts(read.value) };
  }
  if (questions.kernel?.symbols !== undefined) {
    const read = await reader(actions.kernelConfiguration);
    if (!read.ok) return read;
    const kernelConfiguration = {
      succeeded: (await read.value(kernelFactFiles.status)).trim() === '0',
      log: await read.value(kernelFactFiles.log),
      values: parseKernelConfig(await read.value(kernelFactFiles.config)),
    };
    answers = { ...answers, kernelConfiguration };
  }
  return ok(answers);
}

async function readFacts(read: (file: string) => Promise<string>): Promise<KernelFacts> {
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
