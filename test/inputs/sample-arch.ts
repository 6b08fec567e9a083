import type { ArchDescriptor } from '../../src/inputs/arch.ts';

/** A sound descriptor of an arch that does not exist, for tests to break. */
export const sampleArch: ArchDescriptor = {
  name: 'sample',
  aliases: ['example'],
  summary: 'an arch for tests',
  bits: 32,
  byteOrder: 'little',
  triple: 'sample-linux-musleabi',
  unameMachines: [],
  gcc: { configure: ['--with-float=soft'] },
  musl: { arch: 'arm', loader: 'ld-musl-arm.so.1' },
  kernel: {
    arch: 'arm',
    goals: ['zImage', 'dtbs'],
    image: 'arch/arm/boot/zImage',
    deviceTree: 'arch/arm/boot/dts/sample.dtb',
    symbols: ['VFP', 'ARCH_MULTI_V7=n', 'SCSI_MODE=0'],
    withoutGeneric: ['RTC_CLASS', 'RTC_HCTOSYS'],
    objtool: false,
  },
  emulator: {
    program: 'qemu-system-sample',
    debianPackage: 'qemu-system-misc',
    machine: 'board',
    cpu: 'fast',
    console: 'ttyAMA0',
    memory: { preset: 128, limit: 256 },
    virtio: 'pci',
    network: 'smc91c111',
    arguments: ['-global', "chip.label=it's one"],
    commandLineLimit: 256,
  },
};

/** An object less one of its fields. */
export function without<T extends object, Field extends keyof T>(object: T, field: Field): Omit<T, Field> {
  const copy: Partial<T> = { ...object };
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
  delete copy[field];
  return copy as Omit<T, Field>;
}
