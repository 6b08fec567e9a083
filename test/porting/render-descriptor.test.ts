import fc from 'fast-check';
import { expect, it } from 'vitest';
import { renderDescriptor } from '../../src/porting/render-descriptor.ts';
import { sampleArch } from '../inputs/sample-arch.ts';
import { runs } from '../setup/runs.ts';
import { anyCharacter } from '../setup/any-character.ts';

/** What a module exports as `arch` that imports nothing and names no type. */
async function evaluate(text: string): Promise<unknown> {
  const module = (await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)) as {
    arch: unknown;
  };
  return module.arch;
}

it('writes what a program said as data, whatever that was', async () => {
  const odd = fc
    .array(
      fc.oneof(
        fc.string({ unit: anyCharacter, maxLength: 3 }),
        fc.constantFrom(
          "'",
          '"',
          '`',
          '${process.exit(3)}',
          '\\',
          '\n',
          '\r',
          '\u2028',
          '\u2029',
          '*/',
          '//',
          '});',
        ),
        fc.constant('\nthrow 1;\n'),
      ),
      { minLength: 1, maxLength: 5 },
    )
    .map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(odd, odd, async (machine, doubt) => {
      const descriptor = { ...sampleArch, summary: doubt, emulator: { ...sampleArch.emulator, machine } };
      const doubts = new Map([
        ['kernel.symbols', doubt],
        ['emulator.machine', machine],
      ]);
      const text = renderDescriptor(descriptor, doubts, undefined);
      expect(await evaluate(text)).toEqual(descriptor);
    }),
    { numRuns: runs(15) },
  );
});
