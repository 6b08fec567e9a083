import { describe, expect, test } from 'vitest';
import { guestSettings, lacks, withEmulator } from '../../src/image-test/test-material.ts';
import type { TestPrograms } from '../../src/image-test/test-programs.ts';
import { ok } from '../../src/core/result.ts';
import { describeArch } from '../../src/inputs/arch.ts';
import { sampleArch } from '../inputs/sample-arch.ts';

const arch = describeArch({
  ...sampleArch,
  emulator: {
    ...sampleArch.emulator,
    lacks: [
      { facility: 'clock', reason: 'no chip' },
      { facility: 'wide-atomics', reason: 'flags are lost', emulatorBefore: '8.0' },
    ],
  },
});

describe('withEmulator', () => {
  test.each([
    ['7.2.22', true],
    ['7.2.91', true],
    ['', true],
    ['8.0.0', false],
    ['8.2.2', false],
    ['10.0.2', false],
  ])('with version %j, what older ones cannot do is lacking: %j', (version, lacking) => {
    const here = withEmulator(arch, version);
    expect(lacks(here, 'wide-atomics')).toBe(lacking);
    expect(lacks(here, 'clock')).toBe(true);
  });

  test('leaves an arch alone that lacks nothing', () => {
    const able = describeArch(sampleArch);
    expect(withEmulator(able, '7.2')).toBe(able);
  });
});

describe('guestSettings', () => {
  const programs: TestPrograms = {
    names: { programs: ['atomics', 'numbers'], musl: ['qsort'] },
    expected: ok(new Map()),
    cross: ok({ directory: '/cross', files: new Map() }),
    sources: new Map(),
  };
  const settings = (version: string): string =>
    guestSettings(
      { repository: '/repository', arch: withEmulator(arch, version), programs },
      'word',
      1,
      true,
    );

  test('omit the program that the emulator cannot run', () => {
    expect(settings('7.2')).toContain('programs=numbers\n');
    expect(settings('7.2')).toContain("lacks='clock wide-atomics'\n");
    expect(settings('8.0')).toContain("programs='atomics numbers'\n");
  });
});
