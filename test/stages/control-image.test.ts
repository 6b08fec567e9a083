import { describe, expect, test } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import { sourceName } from '../../src/plan/names.ts';
import { controlImage } from '../../stages/control-image.ts';
import { repository } from '../cli/rig.ts';
import { loadRepository, planInputs } from '../../src/repository/load-inputs.ts';
import { assemblePlan } from '../../src/plan/assemble.ts';
import { planIds } from '../../src/plan/bind.ts';

async function planOf(name: string, directory: string, sources: readonly string[]) {
  const loaded = await loadRepository(repository);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
  const inputs = await planInputs(loaded.value, { arch: 'armv5l', host: 'i686' });
  if (!inputs.ok) throw new Error(JSON.stringify(inputs.failure));
  const parts = { name, directory: digest(`${directory.repeat(64)}-10`), sources: sources.map(sourceName) };
  const { lock, files } = inputs.value;
  const plan = assemblePlan({ ...controlImage(inputs.value, parts), lock, files });
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
  return plan.value;
}

describe('a control image', () => {
  test('has each source at a place of its own, beside what the user gave', async () => {
    const plan = await planOf('mine', 'a', ['bash', 'zlib']);
    const action = plan.actions.find(({ name }) => name === 'control-image/mine');
    expect(action?.recipe.inputs.map(({ path, refs }) => [path, refs[0]?.kind])).toEqual([
      ['/control', 'directory'],
      ['/control/sources/bash', 'source'],
      ['/control/sources/zlib', 'source'],
    ]);
    expect(plan.sources.map(({ name }) => name)).toContain('zlib');
  });

  test('needs no compiler of ours, only the tools that pack it', async () => {
    const plan = await planOf('mine', 'a', []);
    const names = plan.actions.map(({ name }) => name);
    expect(names).toContain('host-tools/squashfs-tools');
    expect(names.filter((name) => !/^(host-tools|control-image)\//.test(name))).toEqual([]);
  });

  test('is another one with other files, and the same under another name', async () => {
    const id = async (name: string, directory: string) =>
      planIds(await planOf(name, directory, ['zlib'])).get(`control-image/${name}` as never);
    expect(await id('mine', 'a')).toBe(await id('yours', 'a'));
    expect(await id('mine', 'a')).not.toBe(await id('mine', 'b'));
  });
});
