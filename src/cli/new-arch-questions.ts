import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { NewArch } from '../porting/draft.ts';
import type { Session } from './session.ts';

/** What the command line says; what is undefined is asked for if there is a terminal. */
export interface ToldArch extends Omit<Partial<NewArch>, 'name'> {
  readonly name: string;
}

/** What has to be known, with the question to ask. */
const questions = {
  triple: ['--triple', 'GNU triple, PROCESSOR-linux-musl[ABI]'],
  kernelArch: ['--kernel-arch', "the kernel's ARCH (a directory in its arch/)"],
  emulator: ['--emulator', 'emulator (qemu-system-NAME)'],
  machine: ['--machine', "the emulator's machine (-M)"],
} as const;

/** Asks for what the command line does not say. */
export async function askForArch(
  { ask }: Pick<Session, 'ask'>,
  request: ToldArch,
): Promise<Result<NewArch, Failure>> {
  const answers: Record<string, string> = {};
  for (const [field, [option, question]] of Object.entries(questions) as [
    keyof typeof questions,
    readonly [string, string],
  ][]) {
    const given = request[field] ?? (await ask?.(`${question}: `)) ?? '';
    if (given === '') {
      const hint =
        ask === undefined
          ? `There is no terminal to ask at: give ${question} with ${option}.`
          : `Answer the question, or use ${option}; nothing was written.`;
      return failed({ reason: 'wrong-use', what: `new-arch ${request.name}: ${option} is missing`, hint });
    }
    answers[field] = given;
  }
  const { triple = '', kernelArch = '', emulator = '', machine = '' } = answers;
  const asksForCpu = request.cpu === undefined && Object.keys(questions).some((field) => !(field in request));
  const cpu =
    request.cpu ?? (asksForCpu ? await ask?.("processor (-cpu; empty: the machine's own): ") : undefined);
  const malformed = [
    ['--triple', triple, /^[a-z0-9_]+-linux-musl[a-z0-9]*$/, 'must be PROCESSOR-linux-musl[ABI]'],
    ['--emulator', emulator, /^qemu-system-[a-z0-9_]+$/, 'must be qemu-system-NAME'],
    ['--kernel-arch', kernelArch, /^\S*$/, 'must not contain white space'],
    ['--machine', machine, /^\S*$/, 'must not contain white space'],
    ['--cpu', cpu ?? '', /^\S*$/, 'must not contain white space'],
  ] as const;
  for (const [option, value, form, why] of malformed) {
    if (form.test(value)) continue;
    return failed({ reason: 'bad-option', option, value, why, hint: 'Nothing was written.' });
  }
  return ok({
    name: request.name,
    triple,
    kernelArch,
    emulator,
    machine,
    configure: request.configure ?? [],
    ...(cpu === undefined || cpu === '' ? {} : { cpu }),
    ...(request.summary === undefined ? {} : { summary: request.summary }),
  });
}
