import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { format, type Options } from 'prettier';
import { expect, test } from 'vitest';
import type { ArchDescriptor } from '../../src/inputs/arch.ts';
import { renderDescriptor } from '../../src/porting/render-descriptor.ts';
import { importArch } from '../../src/repository/import-arch.ts';
import { runs } from '../setup/runs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const settings = JSON.parse(readFileSync(path.join(root, '.prettierrc'), 'utf8')) as Options;

async function expectFormatted(text: string): Promise<void> {
  expect(text).toBe(await format(text, { ...settings, parser: 'typescript' }));
}

test.each(readdirSync(path.join(root, 'arches')).filter((name) => name.endsWith('.ts')))(
  '%s comes out as the formatter has it, and as it was',
  async (name) => {
    const arch = await importArch(path.join(root, 'arches', name));
    if (!arch.ok) throw new Error(arch.failure);
    const doubts = new Map([
      ['gcc.configure', 'which of them are needed is not known'],
      ['summary', `a doubt that is longer than a line: ${'word '.repeat(25)}`.trim()],
    ]);
    const text = renderDescriptor(arch.value as ArchDescriptor, doubts, '../src/inputs/arch.ts');
    await expectFormatted(text);
    expect(text).toMatch(/\n {2}\/\/ TODO: a doubt that is longer/);
    expect(evaluate(text)).toEqual(arch.value);
  },
);

test('values of any length and with any quotes are formatted as by the formatter', async () => {
  const word = fc.string({
    unit: fc.constantFrom('a', 'b', ' ', "'", '"', '\\', '\n', '`', '$', 'é'),
    maxLength: 60,
  });
  const long = fc.tuple(word, fc.nat(120)).map(([text, more]) => text + 'x'.repeat(more));
  const name = fc.stringMatching(/^[a-z][a-zA-Z]{2,12}$/);
  const leaf = fc.oneof(long, fc.boolean(), fc.nat());
  const record = fc.dictionary(name, fc.oneof(leaf, fc.array(long, { maxLength: 6 })), {
    maxKeys: 4,
    noNullPrototype: true,
  });
  const field = fc.oneof(leaf, fc.array(long, { maxLength: 6 }), fc.array(record, { maxLength: 3 }), record);
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, field, { noNullPrototype: true }), async (descriptor) => {
      const text = renderDescriptor(descriptor as never, new Map(), '../src/inputs/arch.ts');
      await expectFormatted(text);
      expect(evaluate(text)).toEqual(descriptor);
    }),
    { numRuns: runs(40) },
  );
});

/** The value that a module describes. */
function evaluate(text: string): unknown {
  const literal = text.replace(/^[^]*?= describeArch/, '');
  return new Function(`return ${literal}`)() as unknown;
}
