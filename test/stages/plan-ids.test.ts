import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { planIds } from '../../src/plan/bind.ts';
import { inputsFor, loadRepository } from '../../src/repository/load-inputs.ts';
import { everything } from '../../stages/goals.ts';
import { stages } from '../../stages/index.ts';
import { planGoal } from '../../stages/registry.ts';

const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

/** Plans whose ids are pinned: target and host. */
const plans = [
  ['armv5l', 'i686'],
  ['x86_64', 'x86_64'],
  ['aarch64', 'x86_64'],
] as const;

it.each(plans)('%s for host %s has the plan ids that are expected', async (targetName, hostName) => {
  const repository = await loadRepository(root);
  if (!repository.ok) throw new Error(JSON.stringify(repository.failure));
  const { arches } = repository.value;
  const target = await arches.find(targetName, 'arch');
  const host = await arches.find(hostName, 'host');
  if (!target.ok || !host.ok) throw new Error('no such arch');
  const inputs = inputsFor(repository.value, target.value, host.value);
  if (!inputs.ok) throw new Error(JSON.stringify(inputs.failure));
  // The processor is given, so that the ids are the same wherever this test runs.
  const build = { os: 'linux', cpu: 'x86_64' } as const;
  const plan = planGoal(stages, { ...inputs.value, build }, { goal: everything });
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure, null, 2));

  const text = [...planIds(plan.value)]
    .map(([name, id]) => `${id.slice(0, 16)} ${name}\n`)
    .sort()
    .join('');
  const name = fileURLToPath(new URL(`plan-ids-${targetName}-${hostName}`, import.meta.url));
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
});
