import type { Arch } from './arch.ts';
import { muslArches } from './musl-arches.ts';

/** What a compiler makes, as far as it decides whether it serves an arch. */
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

/** Why a compiler does not serve an arch: field, value, and what would be right; empty when it does. */
export function toolchainFaults(arch: Arch, facts: CompilerFacts): readonly string[] {
  const { object, triple } = facts;
  const machine = muslArches.get(arch.musl.arch)?.elfMachine;
  const faults: string[] = [];
  if (machine !== undefined && object.machine !== machine) {
    faults.push(`its processor is ${familyOf(object.machine)}, and must be ${familyOf(machine)}`);
  }
  if (object.bits !== arch.bits) faults.push(`its bits are ${object.bits}, and must be ${arch.bits}`);
  if (object.byteOrder !== arch.byteOrder) {
    faults.push(`its byte order is ${object.byteOrder}, and must be ${arch.byteOrder}`);
  }
  const [abi, wanted] = [floatAbi(triple), floatAbi(arch.triple)];
  if (faults.length === 0 && abi !== undefined && wanted !== undefined && abi !== wanted) {
    faults.push(`its ABI is ${abi}, and must be ${wanted}`);
  }
  return faults;
}

/** Musl's names of a family as one word: `riscv32/riscv64`; the number of one that musl does not run on. */
function familyOf(machine: number): string {
  const names = [...muslArches].filter(([, { elfMachine }]) => elfMachine === machine).map(([name]) => name);
  return names.length === 0 ? `ELF machine ${machine}` : names.join('/');
}

/** `eabi` or `eabihf`, where a triple says which. */
function floatAbi(triple: string): string | undefined {
  return /eabi(?:hf)?$/.exec(triple)?.[0];
}

/** Triples of compilers that would serve, for messages: musl's, and glibc's of the same ABI. */
export function fittingTriples(arch: Arch): string {
  return `${arch.triple} or ${arch.triple.replace('-musl', '-gnu')}`;
}
