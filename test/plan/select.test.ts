import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import { narrowPlan, stageIdsOf, type Selection } from '../../src/plan/select.ts';
import { out, product, sampleAction, samplePlan, sourceRef } from './sample.ts';

const make = sampleAction('host-tools/make', { inputs: { '/src': sourceRef('musl') } });
const target = sampleAction('stage-1-armv5l/gcc', {
  tools: [out(make)],
  inputs: { '/src': sourceRef('gcc', '14.2.0') },
});
const host = sampleAction('stage-1-i686/gcc', { tools: [out(make)] });
const cross = sampleAction('cross-compiler-armv5l-i686/gcc', { tools: [out(target), out(host)] });
const kernel = sampleAction('kernel-armv5l/build', {
  tools: [out(target)],
  inputs: { '/src': sourceRef('linux') },
});
const tar = sampleAction('host-tools/tar');
const licence = sampleAction('licences/gcc', { inputs: { '/src': sourceRef('gcc', '14.2.0') } });
const pack = (action: Action) =>
  sampleAction(`package/${action.name.replace('/', '-')}`, { tools: [out(action), out(licence), out(tar)] });
const [packedKernel, packedCross] = [pack(kernel), pack(cross)];
const plan = samplePlan([kernel, make, target, host, cross, tar, licence, packedKernel, packedCross], {
  products: [product(packedKernel, 'kernel'), product(packedCross, 'cross')],
  goals: [],
});

function narrow(selection: Selection) {
  const narrowed = narrowPlan(plan, selection);
  if (!narrowed.ok) throw new Error(JSON.stringify(narrowed.failure));
  const { actions, products, sources, goals } = narrowed.value;
  return {
    actions: actions.map((action) => action.name),
    products: products.map(({ name }) => name),
    sources: sources.map(({ name }) => name),
    goals,
  };
}

describe('narrowPlan', () => {
  test('stages stand in the order of the story', () => {
    expect(stageIdsOf(plan)).toEqual([
      'host-tools',
      'stage-1-armv5l',
      'stage-1-i686',
      'cross-compiler-armv5l-i686',
      'kernel-armv5l',
      'licences',
      'package',
    ]);
  });

  test('only: one stage with what it needs', () => {
    expect(narrow({ kind: 'only', stage: 'kernel' })).toEqual({
      actions: [
        'host-tools/make',
        'stage-1-armv5l/gcc',
        'kernel-armv5l/build',
        'host-tools/tar',
        'licences/gcc',
        'package/kernel-armv5l-build',
      ],
      products: ['kernel'],
      sources: ['gcc', 'linux', 'musl'],
      goals: ['kernel-armv5l/build'],
    });
  });

  test('until: all stages up to one', () => {
    expect(narrow({ kind: 'until', stage: 'stage-1-armv5l' }).actions).toEqual([
      'host-tools/make',
      'stage-1-armv5l/gcc',
      'host-tools/tar',
    ]);
    expect(narrow({ kind: 'until', stage: 'stage-1' }).actions).toEqual([
      'host-tools/make',
      'stage-1-armv5l/gcc',
      'stage-1-i686/gcc',
      'host-tools/tar',
    ]);
    expect(narrow({ kind: 'until', stage: 'cross-compiler' }).products).toEqual(['cross']);
    expect(narrow({ kind: 'until', stage: 'kernel' }).products).toEqual(['kernel', 'cross']);
  });

  test('a stage without products has none, and packing is a stage for who asks', () => {
    expect(narrow({ kind: 'only', stage: 'stage-1' }).products).toEqual([]);
    expect(narrow({ kind: 'only', stage: 'package' }).products).toEqual(['kernel', 'cross']);
  });

  test('an unknown stage', () => {
    const narrowed = narrowPlan(plan, { kind: 'only', stage: 'kern' });
    expect(narrowed).toMatchObject({
      ok: false,
      failure: {
        reason: 'unknown-name',
        kind: 'stage',
        name: 'kern',
        // Licence texts and packing are no stages that a user would ask for.
        known: [
          'host-tools',
          'stage-1',
          'stage-1-armv5l',
          'stage-1-i686',
          'cross-compiler',
          'cross-compiler-armv5l-i686',
          'kernel',
          'kernel-armv5l',
        ],
      },
    });
  });
});
