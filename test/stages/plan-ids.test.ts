import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Arch } from '../../src/inputs/arch.ts';
import { planIds } from '../../src/plan/bind.ts';
import { inputsFor, loadRepository } from '../../src/repository/load-inputs.ts';
import { everything } from '../../stages/goals.ts';
import { stages } from '../../stages/index.ts';
import { planGoal } from '../../stages/registry.ts';

const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** Plans whose ids are pinned: target, host, and where the compiler runs that compiles what is made for the target. */
const plans = [
  ['armv5l', 'i686', 'i686'],
  ['armv5l', 'i686', 'build'],
  ['x86_64', 'x86_64', 'build'],
  ['aarch64', 'x86_64', 'x86_64'],
] as const;

it.each(plans)(
  '%s for host %s, by the compiler on %s, has the plan ids that are expected',
  async (...names) => {
    const [targetName, hostName, compilerName] = names;
    const loaded = await loadRepository(root);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
    const repository = { ...loaded.value, runs: ({ name }: Arch) => name === 'i686' || name === 'x86_64' };
    const find = async (name: string) => {
      const found = await repository.arches.find(name, 'arch');
      if (!found.ok) throw new Error(`no arch ${name}`);
      return found.value;
    };
    const compilerHost = compilerName === 'build' ? undefined : await find(compilerName);
    const inputs = inputsFor(repository, await find(targetName), await find(hostName), compilerHost);
    if (!inputs.ok) throw new Error(JSON.stringify(inputs.failure));
    // The processor is given, so that the ids are the same wherever this test runs.
    const build = { os: 'linux', cpu: 'x86_64' } as const;
    const plan = planGoal(stages, { ...inputs.value, build }, { goal: everything });
    if (!plan.ok) throw new Error(JSON.stringify(plan.failure, null, 2));

    const text = [...planIds(plan.value)]
      .map(([name, id]) => `${id.slice(0, 16)} ${name}\n`)
      .sort()
      .join('');
    const name = fileURLToPath(new URL(`plan-ids-${names.join('-')}`, import.meta.url));
    rmSync(`${name}.actual`, { force: true });
    let expected = '';
    try {
      expected = readFileSync(`${name}.expected`, 'utf8');
    } catch {
      // A new plan: its list is in the .actual file below.
    }
    // A changed list means that these actions run again for everybody: the commit says why.
    if (text !== expected) writeFileSync(`${name}.actual`, text);
    expect(text).toBe(expected);
  },
);
