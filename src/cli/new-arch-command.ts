import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { emulatorPackage } from '../../arches/families/emulators.ts';
import { machineName, machineNames } from '../emulator/arguments.ts';
import { isOutOfMemory } from '../emulator/complaint.ts';
import { findLimit, type Taken } from '../emulator/limit.ts';
import { listFrom } from '../emulator/paused.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { checkArch } from '../inputs/arch-schema.ts';
import type { Arch } from '../inputs/arch.ts';
import { describeSystemError, errorCode } from '../core/fault.ts';
import { askSources } from '../porting/ask-sources.ts';
import { configureSwitches, draftArch, type MachineFacts, type NewArch } from '../porting/draft.ts';
import { plenty, startWith } from '../porting/emulator-findings.ts';
import { exitCodeOfFindings, findingsText } from '../porting/finding.ts';
import type { KernelFacts } from '../porting/kernel-findings.ts';
import { renderDescriptor } from '../porting/render-descriptor.ts';
import type { ToolchainAnswer } from '../porting/toolchain-findings.ts';
import { examineArch, inputsFor, summary } from './check-command.ts';
import { findInPath } from '../release/find-image.ts';
import { loadRepository, type Repository } from '../repository/load-inputs.ts';
import { nearest, unknownName } from '../core/nearest.ts';
import { explain, type ExitCode, type Session } from './session.ts';
import type { OpenWorkshop, SourceRequest } from '../build/build-context.ts';

/** What the command line says; what is undefined is asked for, if there is a terminal. */
export interface NewArchRequest extends Omit<Partial<NewArch>, 'name'> {
  readonly name: string;
  readonly sources: SourceRequest;
}

/** What has to be known, with the question for it. */
const questions = {
  triple: ['--triple', 'GNU triple, PROCESSOR-linux-musl[ABI]'],
  kernelArch: ['--kernel-arch', "the kernel's ARCH (a directory in its arch/)"],
  emulator: ['--emulator', 'emulator (qemu-system-NAME)'],
  machine: ['--machine', "the emulator's machine (-M)"],
} as const;

/** `bootstrap new-arch NAME`: finds out what can be found out of an arch, writes its descriptor, and checks that. */
export async function newArchCommand(
  session: Session,
  request: NewArchRequest,
  open?: OpenWorkshop,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session.archDirectories);
  if (!repository.ok) return explain(session, repository.failure);
  const free = await placeFor(session, repository.value, request.name);
  if (!free.ok) return explain(session, free.failure);
  const told = await complete(session, request);
  if (!told.ok) return explain(session, told.failure);
  const program = await findInPath(told.value.emulator, session.env['PATH'] ?? '');
  const machine = program === undefined ? ok(undefined) : await exploreMachine(program, told.value);
  if (!machine.ok) return explain(session, machine.failure);

  const { triple, kernelArch } = told.value;
  const configure = configureSwitches(triple, told.value.configure);
  const asked = { name: request.name, toolchain: { triple, configure }, kernel: { arch: kernelArch } };
  const [any] = await loadAll(repository.value);
  if (any === undefined) throw new Error('there is no arch at all');
  const answers = await askSources(session, inputsFor(repository.value, any), asked, request.sources, open);
  if (typeof answers === 'number') return answers;
  const { toolchain, kernelFacts } = answers;
  if (toolchain === undefined || kernelFacts === undefined) throw new Error('questions without answers');
  const refused = refusal(told.value, toolchain, kernelFacts);
  if (refused !== undefined) return explain(session, refused);

  const relatives = (await loadAll(repository.value)).filter(({ kernel }) => kernel.arch === kernelArch);
  const debianPackage = emulatorPackage(told.value.emulator);
  const draft = draftArch(told.value, toolchain, kernelFacts, machine.value, debianPackage, relatives);
  const checked = checkArch(draft.descriptor, free.value);
  if (!checked.ok) return explain(session, checked.failure);
  const own = path.dirname(free.value) === path.join(session.repository, 'arches');
  const importPath = own ? '../src/inputs/arch.ts' : undefined;
  const text = renderDescriptor(draft.descriptor, draft.doubts, importPath);
  const written = await writeNew(free.value, text);
  if (written !== undefined) return explain(session, written);

  const findings = await examineArch(session, repository.value, checked.value, request, open);
  if (typeof findings === 'number') return findings;
  const place = path.relative(session.cwd, free.value);
  session.out(
    `${findingsText(findings)}\n${summary(request.name, findings)}` +
      `${place.startsWith('..') ? free.value : place} is written; what is left to find out stands there as \`// TODO\`.\n` +
      `Mend it, and look again with: bootstrap check ${request.name}${own ? '' : ` --arch-dir ${path.dirname(free.value)}`}\n`,
  );
  return exitCodeOfFindings(findings);
}

async function loadAll({ arches }: Repository): Promise<readonly Arch[]> {
  const loaded = await Promise.all(arches.names.map((name) => arches.load(name)));
  return loaded.flatMap((arch) => (arch.ok ? [arch.value] : []));
}

/** Where the descriptor is to lie; absolute. */
async function placeFor(
  session: Session,
  { arches }: Repository,
  name: string,
): Promise<Result<string, Failure>> {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    const hint =
      'Lower-case letters, digits and _ make one, beginning with a letter; files are named for it.';
    return failed({ reason: 'wrong-use', what: `'${name}' cannot be the name of an arch`, hint });
  }
  const found = await arches.find(name, 'arch');
  if (found.ok || found.failure.reason !== 'unknown-name') {
    const file = arches.fileOf(found.ok ? found.value.name : name);
    const hint = `Look at it with \`bootstrap check ${name}\`, or take another name; nothing was written.`;
    return failed({ reason: 'wrong-use', what: `${name} is described already, in ${file}`, hint });
  }
  const directory = session.archDirectories?.at(-1) ?? path.join(session.repository, 'arches');
  return ok(path.join(directory, `${name}.ts`));
}

/** Asks for what the command line leaves open. */
async function complete(session: Session, request: NewArchRequest): Promise<Result<NewArch, Failure>> {
  const answers: Record<string, string> = {};
  for (const [field, [option, question]] of Object.entries(questions) as [
    keyof typeof questions,
    readonly [string, string],
  ][]) {
    const given = request[field] ?? (await session.ask?.(`${question}: `)) ?? '';
    if (given === '') {
      const hint =
        session.ask === undefined
          ? `There is no terminal to ask at: name ${question} with ${option}.`
          : `Answer it, or name it with ${option}; nothing was written.`;
      return failed({ reason: 'wrong-use', what: `new-arch ${request.name}: ${option} is missing`, hint });
    }
    answers[field] = given;
  }
  const { triple = '', kernelArch = '', emulator = '', machine = '' } = answers;
  const asksForCpu = request.cpu === undefined && Object.keys(questions).some((field) => !(field in request));
  const cpu =
    request.cpu ??
    (asksForCpu ? await session.ask?.("processor (-cpu; empty: the machine's own): ") : undefined);
  const malformed = [
    ...(/^[a-z0-9_]+-linux-musl[a-z0-9]*$/.test(triple)
      ? []
      : [`--triple ${triple}: must be PROCESSOR-linux-musl[ABI]`]),
    ...(/^qemu-system-[a-z0-9_]+$/.test(emulator)
      ? []
      : [`--emulator ${emulator}: must be qemu-system-NAME`]),
    ...([kernelArch, machine, cpu ?? '-'].every((word) => /^\S*$/.test(word))
      ? []
      : ['an answer holds white space']),
  ];
  if (malformed.length > 0) {
    return failed({ reason: 'wrong-use', what: malformed.join('; '), hint: 'Nothing was written.' });
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

/** What cannot be right, whatever is found out. */
function refusal(told: NewArch, toolchain: ToolchainAnswer, kernel: KernelFacts): Failure | undefined {
  const { triple, kernelArch } = told;
  const wrong = (what: string): Failure => ({ reason: 'wrong-use', what, hint: 'Nothing was written.' });
  if (toolchain.canonical === undefined) {
    return wrong(`--triple ${triple}: gcc's config.sub does not know it (${toolchain.configSub ?? ''})`);
  }
  if (toolchain.processor === undefined) {
    return wrong(
      `--triple ${triple}${told.configure.length > 0 ? ', --gcc-configure' : ''}: gcc's config.gcc refuses it: ${toolchain.gccSays.join('; ')}`,
    );
  }
  if (toolchain.muslArch === undefined) {
    return wrong(
      `--triple ${triple}: musl's configure refuses it: ${toolchain.muslSays ?? ''}; it has ${toolchain.muslKnown.join(' ')}`,
    );
  }
  if (!kernel.arches.includes(kernelArch)) {
    return unknownName('kernel ARCH (--kernel-arch)', kernelArch, kernel.arches);
  }
  return undefined;
}

/** Looks at a machine of the emulator. A failure where it does not exist or does not start. */
async function exploreMachine(program: string, told: NewArch): Promise<Result<MachineFacts, Failure>> {
  const machines = machineNames(await listFrom(program, ['-M', 'help']));
  if (!machines.includes(machineName(told.machine))) {
    const near = nearest(told.machine, machines);
    const hint = `${near.length > 0 ? `The nearest are ${near.join(', ')}` : `It has ${machines.join(' ')}`}; nothing was written.`;
    return failed({
      reason: 'wrong-use',
      what: `--machine ${told.machine}: ${told.emulator} has no such machine`,
      hint,
    });
  }
  const base = [
    ...['-M', told.machine, ...(told.cpu === undefined ? [] : ['-cpu', told.cpu])],
    ...['-nographic', '-nic', 'none', '-vga', 'none'],
  ];
  const withoutScreen = await startWith(program, base);
  // A machine without a graphics card refuses to be without one.
  const args = withoutScreen.ok ? base : base.slice(0, -2);
  const started = withoutScreen.ok ? withoutScreen : await startWith(program, args);
  if (!started.ok) {
    const hint = 'Mend --machine or --cpu, or install what it wants; nothing was written.';
    return failed({ reason: 'wrong-use', what: `${told.emulator} does not start: ${started.failure}`, hint });
  }
  // A machine that has channels and PCI is meant for channels.
  let virtio: MachineFacts['virtio'];
  for (const bus of ['ccw', 'pci', 'device'] as const) {
    const attached = await startWith(program, [...args, '-device', `virtio-rng-${bus}`]);
    if (!attached.ok) continue;
    virtio = bus;
    break;
  }
  const tryMemory = async (memory: number): Promise<Taken> => {
    const taken = await startWith(program, [...args, '-m', String(memory)]);
    if (taken.ok) return 'taken';
    return isOutOfMemory(taken.failure) ? 'too much for this host' : 'refused';
  };
  const limited = (await tryMemory(plenty)) === 'refused';
  const memoryLimit = limited ? await findLimit(1, plenty, tryMemory) : undefined;
  return ok({
    devices: started.value.devices,
    ...(virtio === undefined ? {} : { virtio }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
  });
}

/** Writes a whole new file or none. */
async function writeNew(file: string, text: string): Promise<Failure | undefined> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${String(process.pid)}`);
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(temporary, text, { flag: 'wx' });
    // Unlike a rename, this replaces nothing.
    await link(temporary, file);
    return undefined;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      return { reason: 'wrong-use', what: `${file} is there already`, hint: 'It was left as it is.' };
    }
    const failure = describeSystemError(error, file);
    if (failure !== undefined) return failure;
    if (errorCode(error) === undefined) throw error;
    return { reason: 'unwritable', path: file, detail: String(errorCode(error)) };
  } finally {
    await rm(temporary, { force: true });
  }
}
