import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findHostPrograms } from '../../src/core/host-programs.ts';
import { findRemedy } from '../../src/sandbox/namespaces.ts';
import { removeForcibly } from '../../src/store/remove.ts';
import { writeSketch, type TreeSketch } from '../store/sketch.ts';

async function directoryOf(sketch: TreeSketch): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'executor-test-'));
  onTestFinished(() => removeForcibly(path));
  await writeSketch(path, sketch);
  return path;
}

it.each([
  [{ 'kernel/unprivileged_userns_clone': '0\n' }, 'sysctl kernel.unprivileged_userns_clone=1'],
  [{ 'user/max_user_namespaces': '0\n' }, 'sysctl user.max_user_namespaces=15000'],
  [
    { 'user/max_user_namespaces': '9\n', 'kernel/apparmor_restrict_unprivileged_userns': '1\n' },
    'sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  ],
])('names the setting that refuses namespaces: %j', async (settings, remedy) => {
  expect(await findRemedy(await directoryOf(settings))).toBe(remedy);
});

it('assumes a container if the settings of the machine allow namespaces', async () => {
  expect(await findRemedy(await directoryOf({}))).toContain('container');
});

it('names a missing program with its package', async () => {
  const directory = await directoryOf({ mount: { executable: '' } });
  expect(await findHostPrograms([directory])).toEqual({
    ok: false,
    failure: {
      reason: 'missing-program',
      program: 'cp',
      purpose: 'setting up sandboxes',
      debianPackage: 'coreutils',
    },
  });
});
