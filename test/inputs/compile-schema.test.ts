import { Ajv, type AnySchema } from 'ajv';
import { describe, expect, test } from 'vitest';
import { controlSchema } from '../../src/image/control-schema.ts';
import { archSchema } from '../../src/inputs/arch-schema.ts';
import { compileSchema } from '../../src/inputs/compile-schema.ts';
import { lockSchema } from '../../src/inputs/lock-schema.ts';

const schemas: readonly (readonly [string, AnySchema])[] = [
  ['arch', archSchema],
  ['control', controlSchema],
  ['lock', lockSchema],
];

describe.each(schemas)('the schema of %s', (_, schema) => {
  // What is left out at every start.
  const thorough = new Ajv({ allErrors: true, verbose: true, discriminator: true });

  test('obeys the rules of schemas', () => {
    expect(thorough.validateSchema(schema), JSON.stringify(thorough.errors)).toBe(true);
  });

  test.each([
    ['nothing', undefined],
    ['an empty object', {}],
    ['fields of other types', { sources: [{ name: 1, origins: [{ kind: 'x' }] }], name: [], gcc: { a: 1 } }],
  ])('finds the same in %s as with them', (_name, value) => {
    const careful = thorough.compile(schema);
    const quick = compileSchema(schema)();
    expect(quick(value)).toBe(careful(value));
    expect(quick.errors).toEqual(careful.errors);
  });
});
