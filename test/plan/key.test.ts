import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BoundRecipe } from '../../src/plan/bound.ts';
import { write } from '../../src/plan/builder.ts';
import { canonicalText, keyOf, planIdOf, pseudoDigest } from '../../src/plan/key.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import { sampleDigest } from './sample.ts';

const recipe: BoundRecipe = {
  commands: [
    {
      kind: 'run',
      argv: ['make', '-C', '/build/x', 'V=1'],
      cwd: sandboxPath('/build/x'),
      env: { B: '2', A: '1' },
    },
    write('/build/note', 'text\nwith "quotes"\n', 0o755),
  ],
  env: { SOURCE_DATE_EPOCH: '1', CFLAGS: '-O2' },
  tools: [{ kind: 'tree', digest: sampleDigest('a') }],
  inputs: [
    { path: '/', contents: [{ kind: 'tree', digest: sampleDigest('b') }], writable: false },
    { path: sandboxPath('/src'), contents: [{ kind: 'tree', digest: sampleDigest('c') }], writable: true },
    {
      path: sandboxPath('/init'),
      contents: [{ kind: 'file', digest: sampleDigest('d'), executable: true }],
      writable: false,
    },
  ],
  outputs: { out: sandboxPath('/build/out') },
  platform: { os: 'linux', cpu: 'x86_64' },
};

describe('keyOf', () => {
  // A change here forgets every result of every user: raise `formatVersion`, and say why in its history.
  test('is pinned for a fixed recipe', () => {
    expect(keyOf(recipe)).toBe('e3976775f4d117d2391b8b40dbae851b042955f7615894ed569c751b64372a2e');
    expect(planIdOf(recipe)).toBe('063a6fb56503b2f9340293c463302ceb2a9fd4e8629d8a273b617532d56f0eb3');
  });

  test('does not depend on the order of fields', () => {
    const turned: BoundRecipe = {
      platform: { cpu: 'x86_64', os: 'linux' },
      outputs: recipe.outputs,
      inputs: recipe.inputs,
      tools: recipe.tools,
      env: { CFLAGS: '-O2', SOURCE_DATE_EPOCH: '1' },
      commands: recipe.commands,
    };
    expect(keyOf(turned)).toBe(keyOf(recipe));
  });

  test.each<[string, Partial<BoundRecipe>]>([
    ['commands', { commands: recipe.commands.slice(1) }],
    ['order of commands', { commands: [...recipe.commands].reverse() }],
    [
      'mode of a file',
      { commands: [recipe.commands[0] as never, write('/build/note', 'text\nwith "quotes"\n')] },
    ],
    ['environment', { env: { ...recipe.env, CFLAGS: '-O1' } }],
    ['tools', { tools: [] }],
    ['content', { tools: [{ kind: 'tree', digest: sampleDigest('e') }] }],
    ['order of inputs', { inputs: [...recipe.inputs].reverse() }],
    ['a writable layer', { inputs: recipe.inputs.map((input) => ({ ...input, writable: true })) }],
    ['outputs', { outputs: { other: sandboxPath('/build/out') } }],
    ['platform', { platform: { os: 'linux', cpu: 'aarch64' } }],
    ['the power of root', { platform: { os: 'linux', cpu: 'x86_64', superuser: true } }],
    ['further processors', { platform: { os: 'linux', cpu: 'x86_64', alsoRuns: ['i686'] } }],
  ])('changes with %s', (_what, change) => {
    expect(keyOf({ ...recipe, ...change })).not.toBe(keyOf(recipe));
  });

  test('tells an executable file from one that is not', () => {
    const tool = (executable: boolean) =>
      keyOf({ ...recipe, tools: [{ kind: 'file', digest: sampleDigest('d'), executable }] });
    expect(tool(true)).not.toBe(tool(false));
  });

  test('an absent field and an undefined one are the same', () => {
    const command = { kind: 'run', argv: ['true'] } as const;
    const withUndefined = { ...command, cwd: undefined } as unknown as typeof command;
    expect(keyOf({ ...recipe, commands: [withUndefined] })).toBe(keyOf({ ...recipe, commands: [command] }));
  });

  test('is not the plan id, nor are pseudo digests of different kinds one', () => {
    expect(keyOf(recipe)).not.toBe(planIdOf(recipe));
    expect(pseudoDigest('source', 'x')).not.toBe(pseudoDigest('output', 'x'));
  });
});

describe('canonicalText', () => {
  test('is JSON with sorted fields, in code-unit order', () => {
    expect(canonicalText({ b: [1, 'x', true], a: {}, B: '', 10: 'n', 9: 'm' })).toBe(
      '{"10":"n","9":"m","B":"","a":{},"b":[1,"x",true]}',
    );
  });

  test('refuses numbers that have more than one text', () => {
    expect(() => canonicalText(0.1)).toThrow();
  });

  test('different values have different texts', () => {
    const value = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string())));
    fc.assert(
      fc.property(value, (fields) => {
        const again = JSON.parse(canonicalText(fields)) as unknown;
        expect(again).toEqual({ ...fields });
      }),
    );
  });
});
