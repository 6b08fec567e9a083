import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/core/failure.ts';
import { archSchema, checkArch } from '../../src/inputs/arch-schema.ts';
import { sampleArch, without } from './sample-arch.ts';
import { runs } from '../setup/runs.ts';

const file = 'arches/sample.ts';

function faults(value: unknown, at = file): readonly Fault[] {
  const result = checkArch(value, at);
  if (result.ok) return [];
  if (result.failure.reason !== 'bad-input') throw new Error(`unexpected ${result.failure.reason}`);
  expect(result.failure.file).toBe(at);
  return result.failure.faults;
}

function fields(value: unknown): readonly string[] {
  return faults(value).map(({ field }) => field);
}

describe('checkArch', () => {
  it('accepts a valid descriptor unchanged', () => {
    const result = checkArch(sampleArch, file);
    expect(result.ok && result.value).toBe(sampleArch);
  });

  it('accepts what a board lacks, and the emulator for single programs', () => {
    const lacks = [
      { facility: 'disk', reason: 'the board has no bus for one' },
      { facility: 'wide-atomics', reason: 'they are not', emulatorBefore: '8.0' },
    ] as const;
    const emulator = { ...sampleArch.emulator, lacks, userProgram: 'qemu-sample' };
    expect(faults({ ...sampleArch, emulator })).toEqual([]);
  });

  it('reports every fault with its field, of form as well as of meaning', () => {
    const broken = {
      ...sampleArch,
      name: 'other',
      bits: 33,
      sumary: 'x',
      gcc: { configure: ['-O2'] },
      kernel: {
        ...sampleArch.kernel,
        goals: [],
        symbols: ['VFP', 'a b', 'VFP'],
        withoutGeneric: ['NO_SUCH'],
      },
      emulator: {
        ...sampleArch.emulator,
        console: 'tty1',
        memory: { preset: 512, limit: 256 },
        virtio: 'usb',
      },
    };
    expect(faults(without(broken, 'summary'))).toEqual([
      { field: 'summary', message: 'is missing' },
      { field: 'sumary', message: 'unknown field; did you mean summary?' },
      { field: 'bits', message: 'must be one of 32, 64; is 33' },
      { field: 'gcc.configure[0]', message: 'must be a configure switch such as --with-arch=NAME; is "-O2"' },
      { field: 'kernel.goals', message: 'must have at least 1; has 0' },
      { field: 'kernel.symbols[1]', message: 'must be SYMBOL or SYMBOL=value; is "a b"' },
      { field: 'emulator.virtio', message: 'must be one of "pci", "device", "ccw"; is "usb"' },
      { field: 'name', message: 'is other, but the name of the file says sample' },
      { field: 'kernel.withoutGeneric[0]', message: 'NO_SUCH is not in the generic set' },
      {
        field: 'emulator.console',
        message: 'must be one of ttyAMA ttyS ttyGF ttyUL ttySC ttysclp hvc with a number; is tty1',
      },
      { field: 'emulator.memory.preset', message: 'is 512, above the limit of 256' },
    ]);
  });

  it.each([
    [
      'dyndbg="file',
      'contains a double quote, which is syntax for the kernel; words with spaces are quoted automatically',
    ],
    ['--', 'is --, after which the kernel ignores everything'],
    ['x=\u00e0', 'contains a character that is not printable ASCII'],
    ['x=\u0007', 'contains a character that is not printable ASCII'],
  ])('refuses %j as a word for the kernel', (word, message) => {
    const emulator = { ...sampleArch.emulator, kernelWords: ['quiet', word] };
    expect(faults({ ...sampleArch, emulator })).toContainEqual({ field: 'emulator.kernelWords[1]', message });
  });

  it('accepts kernel words that a shell would interpret', () => {
    const kernelWords = ['dyndbg=file drivers/usb/* +p', '$(touch x)', '`id`', "it's", '\\', '*'];
    expect(faults({ ...sampleArch, emulator: { ...sampleArch.emulator, kernelWords } })).toEqual([]);
  });

  it.each([
    ['machine', 'a\0b', 'emulator.machine', '0000'],
    ['arguments', ['-x', 'a\ud800'], 'emulator.arguments[1]', 'D800'],
    ['arguments', ['a\u2028b'], 'emulator.arguments[0]', '2028'],
    ['cpu', 'x\u001b[31m', 'emulator.cpu', '001B'],
  ])('refuses what no script can hold: emulator.%s %j', (name, value, field, code) => {
    expect(faults({ ...sampleArch, emulator: { ...sampleArch.emulator, [name]: value } })).toEqual([
      { field, message: `contains the unprintable character U+${code}` },
    ]);
  });

  it('names the full path of a missing required field', () => {
    expect(faults({ ...sampleArch, kernel: without(sampleArch.kernel, 'arch') })).toEqual([
      { field: 'kernel.arch', message: 'is missing' },
    ]);
  });

  it.each([
    [undefined, 'must be an object; is nothing'],
    [null, 'must be an object; is null'],
    [7, 'must be an object; is 7'],
    ['armv5l', 'must be an object; is "armv5l"'],
    [[], 'must be an object; is a list'],
    [() => 1, 'must be an object; is a function'],
  ])('refuses %j, which is no object', (value, message) => {
    expect(faults(value)).toEqual([{ field: '', message }]);
  });

  it.each<[string, object, readonly string[]]>([
    [
      'a symbol with its prefix',
      { kernel: { ...sampleArch.kernel, symbols: ['CONFIG_VFP'] } },
      ['kernel.symbols[0]'],
    ],
    [
      'a symbol named twice',
      { kernel: { ...sampleArch.kernel, symbols: ['VFP', 'VFP=n'] } },
      ['kernel.symbols[1]'],
    ],
    ['a path that climbs', { kernel: { ...sampleArch.kernel, image: 'arch/../../x' } }, ['kernel.image']],
    ['an absolute path', { kernel: { ...sampleArch.kernel, deviceTree: '/x' } }, ['kernel.deviceTree']],
    [
      'places for fewer devices than there are',
      { emulator: { ...sampleArch.emulator, virtioPlaces: ['addr=1'] } },
      ['emulator.virtioPlaces'],
    ],
    [
      'a place that is no option',
      { emulator: { ...sampleArch.emulator, virtioPlaces: ['1.0'] } },
      ['emulator.virtioPlaces[0]'],
    ],
    [
      'another source of the time',
      { emulator: { ...sampleArch.emulator, clockBy: 'sntp' } },
      ['emulator.clockBy'],
    ],
    [
      'a clock that is there and lacking',
      {
        emulator: {
          ...sampleArch.emulator,
          clockBy: 'command-line',
          lacks: [{ facility: 'clock', reason: 'it has none' }],
        },
      },
      ['emulator.clockBy'],
    ],
    [
      'a version of libgcc in words',
      { gcc: { ...sampleArch.gcc, libgccVersion: '2' } },
      ['gcc.libgccVersion'],
    ],
    ['no version of libgcc', { gcc: { ...sampleArch.gcc, libgccVersion: 0 } }, ['gcc.libgccVersion']],
    ['a shell by name', { kernel: { ...sampleArch.kernel, bash: 'bash' } }, ['kernel.bash']],
    [
      'another option for the network',
      { emulator: { ...sampleArch.emulator, networkBy: 'net' } },
      ['emulator.networkBy'],
    ],
    ['an alias that is the name', { aliases: ['sample'] }, ['aliases[0]']],
    ['a triple with a vendor', { triple: 'sample-vendor-linux-musleabi' }, ['triple']],
    ['a triple for another libc', { triple: 'sample-linux-gnueabi' }, ['triple']],
    ['an ARM triple without its ABI', { triple: 'armv9-linux-musl' }, ['triple']],
    [
      'hard float in the triple alone',
      { triple: 'sample-linux-musleabihf' },
      ['gcc.configure', 'musl.loader'],
    ],
    ['an unknown musl arch', { musl: { arch: 'vax', loader: 'ld-musl-vax.so.1' } }, ['musl.arch']],
    ['a pointer width that musl has not', { bits: 64 }, ['bits']],
    ['the loader of another arch', { musl: { arch: 'arm', loader: 'ld-musl-sh.so.1' } }, ['musl.loader']],
    [
      'a lack that no test knows',
      { emulator: { ...sampleArch.emulator, lacks: [{ facility: 'sound', reason: 'no chip' }] } },
      ['emulator.lacks[0].facility'],
    ],
    [
      'a lack without a reason',
      { emulator: { ...sampleArch.emulator, lacks: [{ facility: 'disk' }] } },
      ['emulator.lacks[0].reason'],
    ],
    [
      'a lack until something else than a version',
      {
        emulator: {
          ...sampleArch.emulator,
          lacks: [{ facility: 'disk', reason: 'no bus', emulatorBefore: 'soon' }],
        },
      },
      ['emulator.lacks[0].emulatorBefore'],
    ],
    [
      'a lack named twice',
      {
        emulator: {
          ...sampleArch.emulator,
          lacks: [
            { facility: 'disk', reason: 'no bus' },
            { facility: 'disk', reason: 'none' },
          ],
        },
      },
      ['emulator.lacks[1].facility'],
    ],
    [
      'the emulator of machines for that of programs',
      { emulator: { ...sampleArch.emulator, userProgram: 'qemu-system-sample' } },
      ['emulator.userProgram'],
    ],
    [
      'null for what may be left out',
      { kernel: { ...sampleArch.kernel, deviceTree: null } },
      ['kernel.deviceTree'],
    ],
  ])('refuses %s', (_, change, expected) => {
    expect(fields({ ...sampleArch, ...change })).toEqual(expected);
  });

  it('makes no suggestion if no known field is similar', () => {
    const [fault] = faults({ ...sampleArch, zzzzzz: 1 });
    expect(fault?.message).toMatch(/^unknown field; known are name aliases /);
  });

  it('never throws, whatever a module exports', () => {
    const anything = fc.oneof(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withSparseArray: true,
      }),
      fc.constantFrom(Symbol('s'), () => 1),
    );
    fc.assert(
      fc.property(
        anything,
        fc.dictionary(fc.constantFrom(...Object.keys(sampleArch)), anything),
        (value, changes) => {
          expect(checkArch(value, file).ok).toBe(false);
          checkArch({ ...sampleArch, ...changes }, file);
        },
      ),
      { numRuns: runs(200) },
    );
  });
});

it('is committed as JSON for other programs', async () => {
  const committed = fileURLToPath(new URL('../../src/inputs/arch.schema.json', import.meta.url));
  const options = await resolveConfig(committed);
  const text = await format(
    JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...archSchema }),
    { ...options, parser: 'json' },
  );
  await expect(text).toMatchFileSnapshot(committed);
});
