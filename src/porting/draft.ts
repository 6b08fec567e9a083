import type { Arch, ArchDescriptor } from '../inputs/arch.ts';
import { machineName } from '../emulator/arguments.ts';
import { knownDevices } from './devices.ts';
import { bootTargets, type KernelFacts } from './kernel-findings.ts';
import type { Doubts } from './render-descriptor.ts';
import type { ToolchainAnswer } from './toolchain-findings.ts';

/** What the user specifies for a new arch. */
export interface NewArch {
  readonly name: string;
  readonly triple: string;
  /** Kernel `ARCH=`. */
  readonly kernelArch: string;
  /** Program of the emulator. */
  readonly emulator: string;
  readonly machine: string;
  readonly cpu?: string;
  readonly summary?: string;
  /** gcc's configure switches. */
  readonly configure: readonly string[];
}

/** What was found out about its machine. */
export interface MachineFacts {
  /** Undefined: no bus was found to which virtio devices attach. */
  readonly virtio?: Arch['emulator']['virtio'];
  /** Devices of the machine; empty: it was not started. */
  readonly devices: readonly string[];
  /** MiB; undefined: no limit was found. */
  readonly memoryLimit?: number;
}

export interface Draft {
  readonly descriptor: ArchDescriptor;
  readonly doubts: Doubts;
}

/** The switches that a triple implies. */
export function configureSwitches(triple: string, named: readonly string[]): readonly string[] {
  const float = /eabi(hf)?$/.exec(triple);
  if (float === null || named.some((word) => word.startsWith('--with-float='))) return named;
  return [...named, `--with-float=${float[1] === undefined ? 'soft' : 'hard'}`];
}

/**
 * A descriptor with everything that is known, and doubts about the rest.
 *
 * @param relatives arches whose kernel has the same `ARCH=`; the kernel of one with the same machine is copied
 */
export function draftArch(
  told: NewArch,
  toolchain: ToolchainAnswer,
  kernel: KernelFacts,
  machine: MachineFacts | undefined,
  debianPackage: string,
  relatives: readonly Arch[],
): Draft {
  const doubts = new Map<string, string>();
  const guess = <Value>(field: string, value: Value, why: string): Value => {
    doubts.set(field, why);
    return value;
  };
  const [processor = told.name] = told.triple.split('-');
  const bits = toolchain.bits ?? guess('bits', 32, 'binutils does not say');
  const byteOrder = toolchain.byteOrder ?? guess('byteOrder', 'little', 'binutils does not say');
  const [commandLine] = kernel.commandLine;
  const { libgccVersion } = relatives.find(({ musl }) => musl.arch === toolchain.muslArch)?.gcc ?? {};
  const descriptor: ArchDescriptor = {
    name: told.name,
    aliases: guess('aliases', [], 'other names by which users know it'),
    summary:
      told.summary ??
      guess(
        'summary',
        `${processor}, ${String(bits)} bit, ${byteOrder} endian`,
        'one line for `bootstrap list`',
      ),
    bits,
    byteOrder,
    triple: told.triple,
    unameMachines: guess('unameMachines', [processor], 'what `uname -m` says there'),
    gcc: {
      configure: guess(
        'gcc.configure',
        configureSwitches(told.triple, told.configure),
        'the switches that select processor and ABI, such as --with-arch=',
      ),
      ...(libgccVersion === undefined ? {} : { libgccVersion }),
    },
    musl: {
      arch: toolchain.muslArch ?? '',
      loader: toolchain.muslLoader ?? '',
    },
    kernel: draftKernel(told, kernel, machine, relatives, guess),
    emulator: {
      program: told.emulator,
      debianPackage,
      machine: told.machine,
      ...(told.cpu === undefined ? {} : { cpu: told.cpu }),
      ...draftBoard(told, machine, relatives, guess),
      commandLineLimit: Math.max(
        256,
        commandLine?.size ?? guess('emulator.commandLineLimit', 256, "the kernel's COMMAND_LINE_SIZE"),
      ),
    },
  };
  if (told.configure.length > 0) doubts.delete('gcc.configure');
  if (kernel.commandLine.length > 1 && commandLine?.size !== undefined) {
    doubts.set('emulator.commandLineLimit', `COMMAND_LINE_SIZE; taken from ${commandLine.place}`);
  }
  return { descriptor, doubts };
}

type Guess = <Value>(field: string, value: Value, why: string) => Value;

/** An arch with the same board, whose kernel fits except for the processor. */
function sameBoard(told: NewArch, relatives: readonly Arch[]): Arch | undefined {
  const board = machineName(told.machine);
  return relatives.find(
    ({ kernel, emulator }) => kernel.arch === told.kernelArch && machineName(emulator.machine) === board,
  );
}

function draftKernel(
  told: NewArch,
  facts: KernelFacts,
  machine: MachineFacts | undefined,
  relatives: readonly Arch[],
  guess: Guess,
): ArchDescriptor['kernel'] {
  const relative = sameBoard(told, relatives);
  if (relative !== undefined) {
    const symbols = guess(
      'kernel.symbols',
      relative.kernel.symbols,
      `taken from ${relative.name}, which has the same board: adjust what selects the processor`,
    );
    return { ...relative.kernel, symbols };
  }
  const image = bootImage(facts);
  const symbols = [
    ...new Set(
      (machine?.devices ?? []).flatMap(
        (device) => knownDevices.find(({ model }) => model.test(device))?.symbols ?? [],
      ),
    ),
  ];
  guess(
    'kernel.goals',
    undefined,
    `the makefiles of ${told.kernelArch} make ${bootTargets(facts).join(' ')}`,
  );
  return {
    arch: told.kernelArch,
    goals: [image],
    image: image === 'vmlinux' ? image : `arch/${told.kernelArch}/boot/${image}`,
    symbols: guess(
      'kernel.symbols',
      symbols,
      'these match devices of the machine; add what selects processor and board',
    ),
    withoutGeneric: [],
    objtool: false,
  };
}

/** The file that the arch's makefile names as bootable and not compressed. */
function bootImage({ makefile }: KernelFacts): string {
  const named = /^KBUILD_IMAGE\s*:?=\s*(?:\$\(boot\)\/|arch\/\w+\/boot\/)?([\w.]+)\s*$/m.exec(makefile)?.[1];
  return named === undefined ? 'vmlinux' : named.replace(/\.(gz|bz2|lz4|lzma|lzo)$/, '');
}

type Board = Omit<
  ArchDescriptor['emulator'],
  'program' | 'debianPackage' | 'machine' | 'cpu' | 'userProgram' | 'commandLineLimit'
>;

function draftBoard(
  told: NewArch,
  machine: MachineFacts | undefined,
  relatives: readonly Arch[],
  guess: Guess,
): Board {
  const relative = sameBoard(told, relatives);
  if (relative !== undefined) {
    const { console, memory, virtio, virtioPlaces, network, networkBy } = relative.emulator;
    const { clockBy, kernelWords, arguments: more, lacks } = relative.emulator;
    if (machine?.virtio === undefined)
      guess('emulator.console', undefined, `this and what follows are taken from ${relative.name}`);
    return {
      console,
      memory,
      virtio,
      ...(virtioPlaces === undefined ? {} : { virtioPlaces }),
      network,
      ...(networkBy === undefined ? {} : { networkBy }),
      ...(clockBy === undefined ? {} : { clockBy }),
      ...(kernelWords === undefined ? {} : { kernelWords }),
      arguments: more,
      ...(lacks === undefined ? {} : { lacks }),
    };
  }
  const virtio =
    machine?.virtio ??
    guess('emulator.virtio', 'pci', 'no bus for virtio devices was found: pci, device or ccw?');
  const known = knownDevices.filter(({ console }) => console !== undefined);
  const serial = known.find(({ model }) => machine?.devices.some((device) => model.test(device)) === true);
  const limit = machine?.memoryLimit;
  const console = serial?.console ?? guess('emulator.console', 'ttyS0', 'no known console was found');
  if (machine === undefined) guess('emulator.memory', undefined, 'the machine was not tried');
  return {
    console,
    memory: { preset: Math.min(256, limit ?? 256), ...(limit === undefined ? {} : { limit }) },
    virtio,
    network: `virtio-net-${virtio}`,
    // The card's boot ROM is in a package that Debian only recommends.
    arguments: virtio === 'pci' ? ['-global', 'virtio-net-pci.romfile='] : [],
  };
}
