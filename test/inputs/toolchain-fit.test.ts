import { describe, expect, test } from 'vitest';
import { arch as armv5l } from '../../arches/armv5l.ts';
import { arch as mips } from '../../arches/mips.ts';
import { arch as riscv64 } from '../../arches/riscv64.ts';
import { fittingTriples, toolchainFaults } from '../../src/inputs/toolchain-fit.ts';

const arm = {
  triple: 'arm-linux-gnueabi',
  object: { bits: 32, byteOrder: 'little', machine: 40 },
} as const;

describe('a compiler', () => {
  test('whose output an arch can run has no fault, whatever its triple', () => {
    expect(toolchainFaults(armv5l, arm)).toEqual([]);
    expect(toolchainFaults(armv5l, { ...arm, triple: 'armv5l-unknown-linux-musleabi' })).toEqual([]);
    expect(toolchainFaults(armv5l, { ...arm, triple: 'arm-elf' })).toEqual([]);
  });

  test('for another processor is reported with field, value and what would be right', () => {
    expect(toolchainFaults(riscv64, arm)).toEqual([
      'its processor is arm, but must be riscv32/riscv64',
      'its word size is 32 bits, but must be 64',
    ]);
    const unknown = { ...arm, object: { ...arm.object, machine: 9999 } };
    expect(toolchainFaults(armv5l, unknown)).toEqual(['its processor is ELF machine 9999, but must be arm']);
  });

  test('of the other byte order', () => {
    const object = { bits: 32, byteOrder: 'little', machine: 8 } as const;
    expect(toolchainFaults(mips, { triple: 'mipsel-linux-gnu', object })).toEqual([
      'its byte order is little, but must be big',
    ]);
  });

  test('of the other float ABI', () => {
    expect(toolchainFaults(armv5l, { ...arm, triple: 'arm-linux-gnueabihf' })).toEqual([
      'its ABI is eabihf, but must be eabi',
    ]);
  });
});

test('triples that would fit', () => {
  expect(fittingTriples(armv5l)).toBe('armv5l-linux-musleabi or armv5l-linux-gnueabi');
});
