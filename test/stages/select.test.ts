import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import { stages } from '../../stages/index.ts';
import { registerStages } from '../../stages/registry.ts';
import { selectStages, stageIdsOf, type Selection } from '../../stages/select.ts';
import { defineStage } from '../../stages/stage.ts';
import { out, product, sampleAction, samplePlan, sourceRef } from '../plan/sample.ts';

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

function select(selection: Selection) {
  const selected = selectStages(stages, plan, selection);
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  const { actions, products, sources, goals } = selected.value;
  return {
    actions: actions.map((action) => action.name),
    products: products.map(({ name }) => name),
    sources: sources.map(({ name }) => name),
    goals,
  };
}

describe('selectStages', () => {
  test('stages stand in the order of the story', () => {
    expect(stageIdsOf(stages, plan)).toEqual([
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
    expect(select({ kind: 'only', stage: 'kernel' })).toEqual({
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
    expect(select({ kind: 'until', stage: 'stage-1-armv5l' }).actions).toEqual([
      'host-tools/make',
      'stage-1-armv5l/gcc',
      'host-tools/tar',
    ]);
    expect(select({ kind: 'until', stage: 'stage-1' }).actions).toEqual([
      'host-tools/make',
      'stage-1-armv5l/gcc',
      'stage-1-i686/gcc',
      'host-tools/tar',
    ]);
    expect(select({ kind: 'until', stage: 'cross-compiler' }).products).toEqual(['cross']);
    expect(select({ kind: 'until', stage: 'kernel' }).products).toEqual(['kernel', 'cross']);
  });

  test('a stage without products has none, and packing is a stage for who asks', () => {
    expect(select({ kind: 'only', stage: 'stage-1' }).products).toEqual([]);
    expect(select({ kind: 'only', stage: 'package' }).products).toEqual(['kernel', 'cross']);
  });

  test('an unknown stage is named with the nearest names', () => {
    expect(selectStages(stages, plan, { kind: 'only', stage: 'kernl' })).toMatchObject({
      ok: false,
      failure: {
        reason: 'unknown-name',
        kind: 'stage',
        name: 'kernl',
        nearest: ['kernel'],
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

  test('a stage whose name begins with the name of another one is a stage of its own', () => {
    const stageOf = (name: string) => defineStage({ name, summary: '', make: () => ({ actions: [] }) });
    const two = registerStages([stageOf('kernel'), stageOf('kernel-modules')]);
    const modules = sampleAction('kernel-modules-armv5l/build');
    const both = samplePlan([sampleAction('kernel-armv5l/build'), modules]);
    expect(selectStages(two, both, { kind: 'only', stage: 'kernel' })).toMatchObject({
      value: { goals: ['kernel-armv5l/build'] },
    });
    expect(selectStages(two, both, { kind: 'only', stage: 'kernel-modules' })).toMatchObject({
      value: { goals: ['kernel-modules-armv5l/build'] },
    });
  });
});
