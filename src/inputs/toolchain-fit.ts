import type { Arch } from './arch.ts';
import { muslArches } from './musl-arches.ts';

/** The properties of a compiler's output that decide whether it suits an arch. */
export interface CompilerFacts {
  /** `gcc -dumpmachine`. */
  readonly triple: string;
  readonly object: {
    readonly bits: 32 | 64;
    readonly byteOrder: 'little' | 'big';
    /** `e_machine` of an ELF file. */
    readonly machine: number;
  };
}

/** Why a compiler does not suit an arch: field, value, and what would be correct; empty if it does. */
export function toolchainFaults(arch: Arch, facts: CompilerFacts): readonly string[] {
  const { object, triple } = facts;
  const machine = muslArches.get(arch.musl.arch)?.elfMachine;
  const faults: string[] = [];
  if (machine !== undefined && object.machine !== machine) {
    faults.push(`its processor is ${familyOf(object.machine)}, but must be ${familyOf(machine)}`);
  }
  if (object.bits !== arch.bits)
    faults.push(`its word size is ${object.bits} bits, but must be ${arch.bits}`);
  if (object.byteOrder !== arch.byteOrder) {
    faults.push(`its byte order is ${object.byteOrder}, but must be ${arch.byteOrder}`);
  }
  const [abi, wanted] = [floatAbi(triple), floatAbi(arch.triple)];
  if (faults.length === 0 && abi !== undefined && wanted !== undefined && abi !== wanted) {
    faults.push(`its ABI is ${abi}, but must be ${wanted}`);
  }
  return faults;
}

/** Musl's names of a family as one word: `riscv32/riscv64`; the ELF number of a family on which musl does not run. */
function familyOf(machine: number): string {
  const names = [...muslArches].filter(([, { elfMachine }]) => elfMachine === machine).map(([name]) => name);
  return names.length === 0 ? `ELF machine ${machine}` : names.join('/');
}

/** `eabi` or `eabihf`, if the triple says which. */
function floatAbi(triple: string): string | undefined {
  return /eabi(?:hf)?$/.exec(triple)?.[0];
}

/** Triples of suitable compilers, for messages: musl's, and glibc's with the same ABI. */
export function fittingTriples(arch: Arch): string {
  return `${arch.triple} or ${arch.triple.replace('-musl', '-gnu')}`;
}
