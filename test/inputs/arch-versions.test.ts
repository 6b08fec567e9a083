import { describe, expect, it } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import { archWithVersions } from '../../src/inputs/arch-versions.ts';
import { describeArch, type ArchDescriptor } from '../../src/inputs/arch.ts';
import { checkArch } from '../../src/inputs/arch-schema.ts';
import type { ChosenSources, LockedSource } from '../../src/inputs/lock.ts';
import { sourceName } from '../../src/plan/names.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { sampleArch } from './sample-arch.ts';

function pinned(name: string, version: string): LockedSource {
  const tree = digest(`${'0'.repeat(64)}-0`);
  const facts = { homepage: 'https://p.example/', licence: 'MIT', licenceFiles: [], origins: [] };
  return { name: sourceName(name), version, tree, ...facts };
}

const lock = { sources: ['6.1.176', '6.5', '6.12.107'].map((version) => pinned('linux', version)) };

function withLinux(version: string): ChosenSources {
  const choice = { set: 'any', instead: {} };
  return { choice, sourceDateEpoch: 1, sources: [pinned('linux', version), pinned('gcc', '14.2.0')] };
}

function built(descriptor: ArchDescriptor, linux: string) {
  const done = archWithVersions(describeArch(descriptor), withLinux(linux), lock);
  if (!done.ok) throw new Error(failureText(done.failure));
  return done.value;
}

describe('a kernel that changes with its version', () => {
  const kernel = {
    ...sampleArch.kernel,
    since: [
      { version: '6.5', deviceTree: 'arch/arm/boot/dts/arm/sample.dtb', symbols: ['VFP', 'NEON'] },
      { version: '6.10', symbols: ['NEON'] },
    ],
  };
  const descriptor = { ...sampleArch, kernel };

  it('has the fields of every entry up to its version, the later ones instead of the earlier ones', () => {
    expect(built(descriptor, '6.1.176').kernel).toEqual(sampleArch.kernel);
    expect(built(descriptor, '6.5').kernel).toEqual({
      ...sampleArch.kernel,
      deviceTree: 'arch/arm/boot/dts/arm/sample.dtb',
      symbols: ['VFP', 'NEON'],
    });
    expect(built(descriptor, '6.12.107').kernel).toMatchObject({
      deviceTree: 'arch/arm/boot/dts/arm/sample.dtb',
      symbols: ['NEON'],
    });
  });

  it('is otherwise left as it is', () => {
    expect(built(sampleArch, '6.12.107')).toEqual(sampleArch);
  });
});

describe('versions that an arch does not support', () => {
  const reason = 'its drivers are gone';
  const descriptor = { ...sampleArch, unsupported: [{ source: 'linux', from: '6.6', reason }] };

  it('are refused, with those that could be used instead', () => {
    expect(built(descriptor, '6.5').name).toBe('sample');
    const refused = archWithVersions(describeArch(descriptor), withLinux('6.12.107'), lock);
    expect(refused.ok ? '' : failureText(refused.failure)).toBe(
      'sample cannot be built with linux 6.12.107: its drivers are gone\n' +
        '  Choose another one with --linux: 6.1.176, 6.5.',
    );
  });

  it('may be a range, or everything that is pinned', () => {
    const range = { ...sampleArch, unsupported: [{ source: 'linux', from: '6.2', before: '6.12', reason }] };
    expect(built(range, '6.1.176').name).toBe('sample');
    expect(built(range, '6.12.107').name).toBe('sample');
    expect(archWithVersions(describeArch(range), withLinux('6.5'), lock).ok).toBe(false);
    const all = { ...sampleArch, unsupported: [{ source: 'linux', before: '7.0', reason }] };
    const refused = archWithVersions(describeArch(all), withLinux('6.5'), lock);
    expect(refused.ok ? '' : failureText(refused.failure)).toContain(
      'sources.lock pins no version of linux that supports it.',
    );
  });
});

it.each<[string, Partial<ArchDescriptor>, string]>([
  [
    'entries out of order',
    { kernel: { ...sampleArch.kernel, since: [{ version: '6.10' }, { version: '6.5' }] } },
    'kernel.since[1].version: is 6.5, and must be later than 6.10',
  ],
  [
    'a symbol twice in one entry',
    { kernel: { ...sampleArch.kernel, since: [{ version: '6.5', symbols: ['VFP', 'VFP=n'] }] } },
    'kernel.since[0].symbols[1]: names VFP a second time',
  ],
  [
    'a symbol of no generic set',
    { kernel: { ...sampleArch.kernel, since: [{ version: '6.5', withoutGeneric: ['VFP'] }] } },
    'kernel.since[0].withoutGeneric[0]: VFP is not in the generic set',
  ],
  [
    'no limit',
    { unsupported: [{ source: 'linux', reason: 'why' }] },
    'unsupported[0]: must have from or before: some version of linux has to be supported',
  ],
  [
    'limits the wrong way round',
    { unsupported: [{ source: 'linux', from: '6.10', before: '6.5', reason: 'why' }] },
    'unsupported[0].before: is 6.5, and must be later than 6.10',
  ],
])('a descriptor with %s is refused', (_what, changes, message) => {
  const checked = checkArch({ ...sampleArch, ...changes }, 'arches/sample.ts');
  if (checked.ok || checked.failure.reason !== 'bad-input') throw new Error('it was taken');
  expect(checked.failure.faults.map((fault) => `${fault.field}: ${fault.message}`)).toEqual([message]);
});
