import { describe, expect, it } from 'vitest';
import { arch as armv5l } from '../../arches/armv5l.ts';
import { arch as x86_64 } from '../../arches/x86_64.ts';
import { digest } from '../../src/core/digest.ts';
import type { Arch } from '../../src/inputs/arch.ts';
import type { Action, Ref } from '../../src/plan/action.ts';
import { actionName, sourceName } from '../../src/plan/names.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { kernel } from '../../stages/kernel.ts';
import { linuxHeaders } from '../../stages/linux-headers.ts';

const tool = (name: string): Ref => ({ kind: 'output', action: actionName(`tools/${name}`), output: 'out' });

function inputs(target: Arch): PlanInputs {
  return {
    lock: {
      choice: { set: 'any', instead: {} },
      sourceDateEpoch: 1_700_000_000,
      sources: [
        {
          name: sourceName('linux'),
          version: '6.1.176',
          homepage: 'https://www.kernel.org/',
          licence: 'GPL-2.0-only WITH Linux-syscall-note',
          licenceFiles: ['COPYING'],
          tree: digest(`${'0'.repeat(64)}-1`),
          origins: [],
        },
      ],
    },
    files: new Map(),
    build: { os: 'linux', cpu: 'x86_64' },
    target,
    host: x86_64,
    runs: [],
  };
}

function kernelAction(target: Arch): Action {
  const { actions } = kernel(inputs(target), {
    base: [tool('busybox'), tool('make')],
    crossTools: [tool('gcc')],
    objtoolLibraries: [tool('elfutils')],
    bash: tool('bash'),
  });
  const [action, ...others] = actions;
  if (action === undefined) throw new Error('no action');
  expect(others).toEqual([]);
  return action;
}

/** Words of the commands that run a program, a command a row. */
function runs(action: Action): readonly (readonly string[])[] {
  return action.recipe.commands.flatMap((command) => (command.kind === 'run' ? [command.argv] : []));
}

describe('kernel', () => {
  it('checks the final configuration before it compiles', () => {
    const rows = runs(kernelAction(armv5l));
    const at = (word: string) => rows.findIndex((row) => row.includes(word));
    expect(at('allnoconfig')).toBeGreaterThanOrEqual(0);
    expect(at('awk')).toBeGreaterThan(at('allnoconfig'));
    expect(at('zImage')).toBeGreaterThan(at('awk'));
    expect(rows[at('zImage')]).toContain('dtbs');
  });

  it('reads libelf only where the arch has objtool', () => {
    const paths = (target: Arch) => kernelAction(target).recipe.inputs.map(({ path }) => path);
    expect(paths(armv5l)).toEqual(['/', '/src/linux']);
    expect(paths(x86_64)).toEqual(['/', '/libraries', '/src/linux']);
  });

  it('has bash only where the makefiles run it', () => {
    const names = (target: Arch) => JSON.stringify(kernelAction(target).recipe.tools);
    expect(names(armv5l)).not.toContain('bash');
    expect(names({ ...armv5l, kernel: { ...armv5l.kernel, bash: true } })).toContain('bash');
  });

  it('changes with a symbol, in nothing but its miniature configuration', () => {
    const changed = kernelAction({
      ...armv5l,
      kernel: { ...armv5l.kernel, symbols: [...armv5l.kernel.symbols, 'KEXEC'] },
    });
    const before = kernelAction(armv5l);
    const different = before.recipe.commands.filter(
      (command, index) => JSON.stringify(command) !== JSON.stringify(changed.recipe.commands[index]),
    );
    expect(different.map((command) => command.kind === 'write' && command.path)).toEqual([
      '/build/mini.config',
    ]);
    expect({ ...changed.recipe, commands: [] }).toEqual({ ...before.recipe, commands: [] });
  });
});

describe('linuxHeaders', () => {
  it('runs no compiler for the target', () => {
    const { action } = linuxHeaders(inputs(armv5l), armv5l, { base: [tool('busybox'), tool('make')] });
    expect(action.name).toBe('stage-1-armv5l/linux-headers');
    expect(action.recipe.tools).toHaveLength(2);
    expect(runs(action).flat().join(' ')).not.toContain('CROSS_COMPILE');
  });

  it('does not change with the symbols of the kernel', () => {
    const swap = { ...armv5l, kernel: { ...armv5l.kernel, symbols: ['KEXEC'] } };
    const base = [tool('busybox')];
    expect(linuxHeaders(inputs(swap), swap, { base })).toEqual(
      linuxHeaders(inputs(armv5l), armv5l, { base }),
    );
  });
});
