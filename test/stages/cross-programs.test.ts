import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadRepository, planInputs } from '../../src/repository/load-inputs.ts';
import { assemblePlan } from '../../src/plan/assemble.ts';
import { planIds } from '../../src/plan/bind.ts';
import {
  crossPrograms,
  expectedOutput,
  muslPrograms,
  testProgramFiles,
  testPrograms,
} from '../../stages/cross-programs.ts';
import { image as imageGoal } from '../../stages/goals.ts';
import { stages } from '../../stages/index.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { planGoal } from '../../stages/registry.ts';
import type { DeclaredPlan } from '../../stages/stage.ts';
import { repository } from '../cli/rig.ts';

async function inputsOf(arch: string): Promise<PlanInputs> {
  const loaded = await loadRepository(repository);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
  const inputs = await planInputs(loaded.value, { arch, host: 'i686' });
  if (!inputs.ok) throw new Error(JSON.stringify(inputs.failure));
  return inputs.value;
}

function assembled(inputs: PlanInputs, declared: DeclaredPlan) {
  const plan = assemblePlan({ ...declared, lock: inputs.lock, files: inputs.files });
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
  return plan.value;
}

describe('the test programs', () => {
  test('are the files that lie there, each once', async () => {
    const inputs = await inputsOf('armv5l');
    const files = readdirSync(path.join(repository, 'target/tests/programs'));
    const names = testPrograms(inputs);
    expect(names).toEqual([...new Set(names)]);
    for (const name of names) {
      expect(files.filter((file) => file === `${name}.c` || file === `${name}.cc`)).toHaveLength(1);
    }
    expect(names).toEqual(expect.arrayContaining(['atomics', 'exceptions', 'numbers', 'times']));
    expect(names).not.toContain('exceptions-library');
    expect(muslPrograms(inputs)).toContain('qsort');
    expect(Object.keys(testProgramFiles(inputs))).toEqual([
      'build-program.sh',
      ...files.sort().map((file) => `programs/${file}`),
    ]);
  });

  test('have names that are words for a shell', async () => {
    const inputs = await inputsOf('armv5l');
    for (const name of [...testPrograms(inputs), ...muslPrograms(inputs)])
      expect(name).toMatch(/^[a-z0-9-]+$/);
  });

  test("are built here by the machine's compiler, and for no arch", async () => {
    const one = await inputsOf('armv5l');
    const other = await inputsOf('x86_64');
    const plan = assembled(one, expectedOutput(one));
    expect(plan.actions.filter(({ name }) => !/^(host-tools|cross-programs)\//.test(name))).toEqual([]);
    const id = planIds(plan).get('cross-programs/expected' as never);
    expect(planIds(assembled(other, expectedOutput(other))).get('cross-programs/expected' as never)).toBe(id);
  });

  test('are built for the arch by the very compiler that its image is made with', async () => {
    const inputs = await inputsOf('armv5l');
    const plan = assembled(inputs, crossPrograms(inputs));
    const image = planGoal(stages, inputs, { goal: imageGoal });
    if (!image.ok) throw new Error(JSON.stringify(image.failure));
    const [mine, theirs] = [planIds(plan), planIds(image.value)];
    const compiler = plan.actions.filter(({ name }) => name.startsWith('stage-1-armv5l/'));
    expect(compiler.length).toBeGreaterThan(5);
    for (const { name } of compiler) expect(mine.get(name)).toBe(theirs.get(name));
    // No compiler of the machine's: what runs on the target is made by ours.
    const action = plan.actions.find(({ name }) => name === 'cross-programs-armv5l/programs');
    expect(action?.recipe.inputs.flatMap(({ refs }) => refs.map(({ kind }) => kind))).not.toContain(
      'compiler',
    );
  });
});
