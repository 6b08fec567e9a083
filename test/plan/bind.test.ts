import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import { planIds } from '../../src/plan/bind.ts';
import { run } from '../../src/plan/builder.ts';
import { repoPath } from '../../src/plan/names.ts';
import {
  fileRef,
  out,
  sampleAction,
  sampleDigest,
  sampleFiles,
  sampleLock,
  samplePlan,
  sourceRef,
} from './sample.ts';

const musl = sampleAction('stage-1/musl', {
  inputs: { '/src': sourceRef('musl'), '/': { kind: 'compiler' } },
});
const gcc = sampleAction('stage-1/gcc', {
  inputs: { '/sysroot': out(musl), '/src': sourceRef('gcc', '14.2.0') },
});
const init = sampleAction('system-image/init', { inputs: { '/init': fileRef('target/init') } });
const all = [musl, gcc, init];

/** Names whose plan id differs from that of the sample. */
function changed(
  actions: readonly Action[],
  parts: Parameters<typeof samplePlan>[1] = {},
): readonly string[] {
  const before = planIds(samplePlan(all));
  return [...planIds(samplePlan(actions, parts))]
    .filter(([name, id]) => before.get(name) !== id)
    .map(([name]) => name);
}

describe('plan ids', () => {
  test('do not depend on the order of declaration', () => {
    expect(changed([...all].reverse())).toEqual([]);
  });

  test('change with a recipe, for it and what follows', () => {
    const other = sampleAction('stage-1/musl', {
      ...{ commands: [run(['false'])] },
      inputs: { '/src': sourceRef('musl'), '/': { kind: 'compiler' } },
    });
    expect(changed([other, gcc, init])).toEqual(['stage-1/musl', 'stage-1/gcc']);
  });

  test('do not change with name, description, weight, memory, scratch or provides', () => {
    const other: Action = {
      ...gcc,
      description: 'other words',
      weight: 99,
      memory: 9,
      scratch: ['out'],
      provides: { out: ['cc'] },
    };
    expect(changed([musl, other, init])).toEqual([]);
  });

  test('change with the tree of a source', () => {
    const sources = sampleLock.sources.map((entry) =>
      entry.name === 'gcc' ? { ...entry, tree: sampleDigest('9') } : entry,
    );
    expect(changed(all, { lock: { sources } })).toEqual(['stage-1/gcc']);
  });

  test('change with a patch', () => {
    const files = new Map(sampleFiles);
    files.set(repoPath('patches/musl/1.0/0001-a.patch'), { digest: sampleDigest('9'), executable: false });
    expect(changed(all, { files })).toEqual(['stage-1/musl', 'stage-1/gcc']);
  });

  test('change with a file of the repository', () => {
    const files = new Map(sampleFiles);
    const file = { digest: sampleDigest('9'), executable: true };
    files.set(repoPath('target/init'), file);
    const other = sampleAction('system-image/init', {
      inputs: { '/init': { kind: 'file', path: repoPath('target/init'), ...file } },
    });
    expect(changed([musl, gcc, other], { files })).toEqual(['system-image/init']);
  });
});
