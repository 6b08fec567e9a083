/** A processor family on which musl runs. */
export interface MuslArch {
  /** Width of a pointer. */
  readonly bits: 32 | 64;
  /** Number of the family in ELF files (`e_machine`). */
  readonly elfMachine: number;
}

/** The processor families on which musl 1.2.5 runs, by musl's own names. */
export const muslArches: ReadonlyMap<string, MuslArch> = new Map<string, MuslArch>([
  ['aarch64', { bits: 64, elfMachine: 183 }],
  ['arm', { bits: 32, elfMachine: 40 }],
  ['i386', { bits: 32, elfMachine: 3 }],
  ['loongarch64', { bits: 64, elfMachine: 258 }],
  ['m68k', { bits: 32, elfMachine: 4 }],
  ['microblaze', { bits: 32, elfMachine: 189 }],
  ['mips', { bits: 32, elfMachine: 8 }],
  ['mips64', { bits: 64, elfMachine: 8 }],
  ['mipsn32', { bits: 32, elfMachine: 8 }],
  ['or1k', { bits: 32, elfMachine: 92 }],
  ['powerpc', { bits: 32, elfMachine: 20 }],
  ['powerpc64', { bits: 64, elfMachine: 21 }],
  ['riscv32', { bits: 32, elfMachine: 243 }],
  ['riscv64', { bits: 64, elfMachine: 243 }],
  ['s390x', { bits: 64, elfMachine: 22 }],
  ['sh', { bits: 32, elfMachine: 42 }],
  ['x32', { bits: 32, elfMachine: 62 }],
  ['x86_64', { bits: 64, elfMachine: 62 }],
]);
