import { describe, expect, test } from 'vitest';
import { explainActions, fileChanges, lineChanges, withoutEchoes } from '../../src/build/explain-action.ts';
import { renderScript } from '../../src/executor/script.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { ActionName } from '../../src/plan/names.ts';
import type { Plan } from '../../src/plan/action.ts';
import { explanationText } from '../../src/cli/why-text.ts';
import { good, openRig, type Rig } from '../engine/rig.ts';
import { out, product, sampleAction, samplePlan, sourceRef } from '../plan/sample.ts';
import { addTree } from '../store/temporary-store.ts';

const compiler = { kind: 'compiler' } as const;
const inputs = { '/src': sourceRef('gcc', '14.2.0'), '/': compiler };
const a = sampleAction('s/a', { inputs });
const b = sampleAction('s/b', { tools: [out(a)] });
const planOf = (one: typeof a, two = b): Plan =>
  samplePlan([one, two], { products: [product(two)], goals: [] });

async function explain(rig: Rig, plan: Plan, ...names: readonly string[]): Promise<string> {
  const explained = await explainActions(plan, rig, names as readonly ActionName[]);
  if (!explained.ok) throw new Error(JSON.stringify(explained.failure));
  return explained.value.map(explanationText).join('');
}

describe('why an action would run', () => {
  test('is not known before what it reads is', async () => {
    const rig = await openRig();
    expect(await explain(rig, planOf(a), 's/b')).toBe(
      's/b waits for what has to be done first:\n  gcc 14.2.0\n',
    );
    expect([rig.executor.calls, rig.sources.obtained]).toEqual([[], []]);
  });

  test('is told down to the line of its script, and the first of those that wait are named', async () => {
    const rig = await openRig();
    good(await rig.build(planOf(a)));
    expect(await explain(rig, planOf(a), 's/a', 's/b')).toBe(
      's/a is built: its result is in the store, and took 1.0 s\n' +
        's/b is built: its result is in the store, and took 1.0 s\n',
    );
    const changed = sampleAction('s/a', { inputs, commands: [run(['echo', 'else'])], env: { A: '1' } });
    const text = await explain(rig, planOf(changed), 's/a', 's/b');
    expect(text).toBe(
      's/a will be run: its recipe changed\n' +
        '  - echo s/a </dev/null\n  + echo else </dev/null\n  + export A=1\n' +
        's/b waits for what has to be done first:\n  s/a\n',
    );
  });

  test('is told down to the file of an input', async () => {
    const rig = await openRig();
    good(await rig.build(planOf(a)));
    rig.machine.compiler = 'gcc 13';
    expect(await explain(rig, planOf(a), 's/a')).toBe(
      "s/a will be run: changed: the machine's compiler\n  the machine's compiler\n    ~ compiler\n",
    );
  });

  test('says which input is gone', async () => {
    const rig = await openRig();
    good(await rig.build(planOf(a)));
    await rig.store.removeTree(await addTree(rig.store, { compiler: rig.machine.compiler }));
    rig.machine.compiler = 'gcc 13';
    expect(await explain(rig, planOf(a), 's/a')).toBe(
      "s/a will be run: changed: the machine's compiler\n" +
        "  the machine's compiler (what it was is no longer in the store)\n",
    );
  });

  test('says that it was tried before', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('s/a', { exitCode: 3 });
    await rig.build(planOf(a));
    expect(await explain(rig, planOf(a), 's/a')).toBe(
      's/a will be run: never built\n  with this content it was tried before, and did not succeed\n',
    );
  });
});

test('commands that only say what comes next are left out, however long they are', () => {
  const script = renderScript([shell("echo 'a'\necho b"), run(['true'])]);
  expect(script).toContain("printf '%s\\n' '+ ");
  expect(withoutEchoes(script)).not.toContain('printf');
  expect(withoutEchoes(script).match(/^echo b/gm)).toHaveLength(1);
});

test('lines that changed are told once each, however often there are others like them', () => {
  expect(lineChanges('x\ny\nx\n', 'x\nz\n\ny\n')).toEqual([
    { how: 'before', line: 'x' },
    { how: 'after', line: 'z' },
  ]);
});

test('files that differ between trees are told, and not the directories above them', async () => {
  const { store } = await openRig();
  const list = async (files: Readonly<Record<string, string>>) => store.listTree(await addTree(store, files));
  const before = await list({ 'd/same': '1', 'd/other': '1', gone: '1' });
  const after = await list({ 'd/same': '1', 'd/other': '2', 'e/new': '1' });
  expect(fileChanges(before, after)).toEqual([
    { how: 'changed', path: 'd/other' },
    { how: 'added', path: 'e' },
    { how: 'added', path: 'e/new' },
    { how: 'removed', path: 'gone' },
  ]);
});
