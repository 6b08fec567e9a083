/** A processor family on which musl runs. */
export interface MuslArch {
  /** Width of a pointer. */
  readonly bits: 32 | 64;
  /** Number of the family in ELF files (`e_machine`). */
  readonly elfMachine: number;
  /** What meson calls it (`cpu_family`). Its list of families is fixed; it warns of a name that is not there, as of or1k. */
  readonly mesonFamily: string;
}

/** The processor families on which musl 1.2.5 runs, by musl's own names. */
export const muslArches: ReadonlyMap<string, MuslArch> = new Map<string, MuslArch>([
  ['aarch64', { bits: 64, elfMachine: 183, mesonFamily: 'aarch64' }],
  ['arm', { bits: 32, elfMachine: 40, mesonFamily: 'arm' }],
  ['i386', { bits: 32, elfMachine: 3, mesonFamily: 'x86' }],
  ['loongarch64', { bits: 64, elfMachine: 258, mesonFamily: 'loongarch64' }],
  ['m68k', { bits: 32, elfMachine: 4, mesonFamily: 'm68k' }],
  ['microblaze', { bits: 32, elfMachine: 189, mesonFamily: 'microblaze' }],
  ['mips', { bits: 32, elfMachine: 8, mesonFamily: 'mips' }],
  ['mips64', { bits: 64, elfMachine: 8, mesonFamily: 'mips64' }],
  ['mipsn32', { bits: 32, elfMachine: 8, mesonFamily: 'mips64' }],
  ['or1k', { bits: 32, elfMachine: 92, mesonFamily: 'or1k' }],
  ['powerpc', { bits: 32, elfMachine: 20, mesonFamily: 'ppc' }],
  ['powerpc64', { bits: 64, elfMachine: 21, mesonFamily: 'ppc64' }],
  ['riscv32', { bits: 32, elfMachine: 243, mesonFamily: 'riscv32' }],
  ['riscv64', { bits: 64, elfMachine: 243, mesonFamily: 'riscv64' }],
  ['s390x', { bits: 64, elfMachine: 22, mesonFamily: 's390x' }],
  ['sh', { bits: 32, elfMachine: 42, mesonFamily: 'sh4' }],
  ['x32', { bits: 32, elfMachine: 62, mesonFamily: 'x86_64' }],
  ['x86_64', { bits: 64, elfMachine: 62, mesonFamily: 'x86_64' }],
]);
