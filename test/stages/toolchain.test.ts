import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { arch as aarch64 } from '../../arches/aarch64.ts';
import { arch as x86_64 } from '../../arches/x86_64.ts';
import { loadRepository } from '../../src/repository/load-inputs.ts';
import { digest } from '../../src/core/digest.ts';
import type { Arch } from '../../src/inputs/arch.ts';
import type { Action } from '../../src/plan/action.ts';
import { planIds } from '../../src/plan/bind.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { image } from '../../stages/goals.ts';
import { stages } from '../../stages/index.ts';
import { planGoal } from '../../stages/registry.ts';
import { toolchainSetting, type Toolchain } from '../../stages/toolchain.ts';
import { said } from './image-inputs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tree = digest(`${'1'.repeat(64)}-7`);
const toolchain: Toolchain = {
  name: 'aarch64-linux-gnu-gcc',
  command: 'aarch64-linux-gnu-',
  triple: 'aarch64-linux-gnu',
  version: 'aarch64-linux-gnu-gcc (Debian 12.2.0-14) 12.2.0',
  digest: tree,
  musl: false,
};

let files: PlanInputs['files'];
let lock: PlanInputs['lock'];
beforeAll(async () => {
  const repository = await loadRepository(root);
  if (!repository.ok) throw new Error(JSON.stringify(repository.failure));
  ({ files, chosen: lock } = repository.value);
});

function planOf(target: Arch = aarch64, by: Toolchain = toolchain) {
  const build = { os: 'linux', cpu: 'x86_64' } as const;
  const inputs = { lock, files, build, target, host: x86_64, runs: [] };
  const plan = planGoal(stages, inputs, { goal: image, settings: [toolchainSetting.is(by)] });
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
  return plan.value;
}

function action(name: string, by: Toolchain = toolchain): Action {
  const found = planOf(aarch64, by).actions.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no action ${name}`);
  return found;
}

/** Names of the actions whose plan ids are other than with the descriptor as it is. */
function changedBy(target: Arch): readonly string[] {
  const before = planIds(planOf());
  return [...planIds(planOf(target))]
    .filter(([name, id]) => before.get(name) !== id)
    .map(([name]) => name)
    .sort();
}

describe('an image by an external toolchain', () => {
  test('takes no compiler of ours and none of its sources', () => {
    const plan = planOf();
    const names: readonly string[] = plan.actions.map(({ name }) => name);
    expect(names.filter((name) => !/^(?:host-tools|licences)\//.test(name)).sort()).toEqual([
      'kernel-aarch64/linux',
      'package/root-filesystem-aarch64',
      'package/system-image-aarch64',
      'root-filesystem-aarch64/assemble',
      'root-filesystem-aarch64/bash',
      'root-filesystem-aarch64/busybox',
      'root-filesystem-aarch64/dropbear',
      'root-filesystem-aarch64/toybox',
      'system-image-aarch64/assemble',
      'system-image-aarch64/gen-init-cpio',
      'system-image-aarch64/initramfs',
    ]);
    const sources: readonly string[] = plan.sources.map(({ name }) => name);
    expect(sources.filter((name) => ['binutils', 'gcc', 'gmp', 'musl'].includes(name))).toEqual([]);
  });

  test("has its files beside the machine's own compiler, for what compiles alone", () => {
    const atRoot = (name: string) => action(name).recipe.inputs.find(({ path }) => path === '/')?.refs;
    const both = [{ kind: 'compiler' }, { kind: 'directory', name: 'toolchain', digest: tree }];
    for (const program of ['bash', 'busybox', 'dropbear', 'toybox']) {
      expect(atRoot(`root-filesystem-aarch64/${program}`)).toEqual(both);
    }
    expect(atRoot('kernel-aarch64/linux')).toEqual(both);
    expect(atRoot('root-filesystem-aarch64/assemble')).toBeUndefined();
    expect(atRoot('system-image-aarch64/gen-init-cpio')).toEqual([{ kind: 'compiler' }]);
  });

  test('calls its programs by their own names', () => {
    expect(said(action('kernel-aarch64/linux'))).toContain('CROSS_COMPILE=aarch64-linux-gnu- ');
    expect(said(action('root-filesystem-aarch64/busybox'))).toContain('CROSS_COMPILE=aarch64-linux-gnu- ');
    const { env } = action('root-filesystem-aarch64/bash').recipe;
    expect(env).toMatchObject({ CC: 'aarch64-linux-gnu-gcc', AR: 'aarch64-linux-gnu-ar' });
    const placed = { ...toolchain, command: '/toolchain/bin/aarch64-', triple: 'aarch64-linux-musl' };
    const bash = action('root-filesystem-aarch64/bash', placed);
    expect(bash.recipe.env).toMatchObject({ CC: '/toolchain/bin/aarch64-gcc' });
    expect(said(bash)).toContain('--host=aarch64-linux-musl ');
    expect(said(bash)).toContain('/toolchain/bin/aarch64-strip -o /out/bin/bash');
  });

  test("has a dynamic loader where that is the arch's own, and says so where there is none", () => {
    const text = (by: Toolchain) =>
      ['root-filesystem-aarch64/assemble', 'package/root-filesystem-aarch64', 'package/system-image-aarch64']
        .map((name) => said(action(name, by)))
        .join('\n');
    const without = text(toolchain);
    expect(without).not.toContain('ld-musl');
    expect(without.match(/has to be linked with -static/g)).toHaveLength(2);
    expect(without).toContain('root filesystem: busybox, toybox, bash\n');
    const own = text({ ...toolchain, musl: true });
    expect(own).toContain('ln -s libc.so lib/ld-musl-aarch64.so.1');
    expect(own).not.toContain('has to be linked with -static');
    for (const readme of [without, own]) {
      expect(readme.match(/aarch64-linux-gnu-gcc \(Debian 12\.2\.0-14\) 12\.2\.0\n/g)).toHaveLength(2);
      expect(readme).toContain(`The digest of its files is ${tree}.`);
    }
  });

  test('is packed again after an edit of the emulator, and nothing else is', () => {
    const emulator = { ...aarch64.emulator, arguments: [...aarch64.emulator.arguments, '-no-shutdown'] };
    expect(changedBy({ ...aarch64, emulator })).toEqual([
      'package/system-image-aarch64',
      'system-image-aarch64/assemble',
    ]);
  });

  test('has another kernel after an edit of a symbol, and nothing else', () => {
    const kernel = { ...aarch64.kernel, symbols: [...aarch64.kernel.symbols, 'KEXEC'] };
    expect(changedBy({ ...aarch64, kernel })).toEqual([
      'kernel-aarch64/linux',
      'package/system-image-aarch64',
      'system-image-aarch64/assemble',
    ]);
  });

  test('is compiled again when a file of the toolchain changes', () => {
    const before = planIds(planOf());
    const other = planIds(planOf(aarch64, { ...toolchain, digest: digest(`${'2'.repeat(64)}-7`) }));
    const same = [...other].filter(([name, id]) => before.get(name) === id).map(([name]) => name);
    expect(same.filter((name) => /^(?:kernel|root-filesystem|package)/.test(name))).toEqual([]);
    expect(same).toContain('host-tools/busybox');
  });
});
