import { describe, expect, test } from 'vitest';
import { arch as armv5l } from '../../arches/armv5l.ts';
import { arch as i686 } from '../../arches/i686.ts';
import { digest } from '../../src/core/digest.ts';
import type { Action, Ref } from '../../src/plan/action.ts';
import { sourceName } from '../../src/plan/names.ts';
import { applets } from '../../stages/host-tools/applets.ts';
import { hostTools } from '../../stages/host-tools.ts';
import type { PlanInputs } from '../../stages/inputs.ts';

const sources = [
  'bash',
  'bison',
  'busybox',
  'distcc',
  'e2fsprogs',
  'elfutils',
  'flex',
  'm4',
  'make',
  'squashfs-tools',
  'toybox',
  'xz',
  'zlib',
];

const inputs: PlanInputs = {
  lock: {
    choice: { set: 'any', instead: {} },
    sourceDateEpoch: 1735689600,
    sources: sources.map((name) => ({
      name: sourceName(name),
      version: '1',
      homepage: 'https://example.org',
      licence: '0BSD',
      licenceFiles: [],
      tree: digest(`${'0'.repeat(64)}-0`),
      origins: [],
    })),
  },
  files: new Map(),
  build: { os: 'linux', cpu: 'x86_64' },
  target: armv5l,
  host: i686,
  runs: [],
};

/** A command of each tool that is not named like it. */
const commandOf: Readonly<Record<string, string>> = { 'squashfs-tools': 'mksquashfs', e2fsprogs: 'mke2fs' };

const made = hostTools(inputs);

function refs(action: Action): readonly Ref[] {
  return [...action.recipe.tools, ...action.recipe.inputs.flatMap((input) => input.refs)];
}

function named(name: string): Action {
  const found = made.actions.find((action) => action.name === `host-tools/${name}`);
  if (found === undefined) throw new Error(`no action for ${name}`);
  return found;
}

/** Tools that an action runs, by name, in order. */
function toolsOf(name: string): readonly string[] {
  return named(name)
    .recipe.tools.flatMap((ref) => (ref.kind === 'output' ? [ref.action.split('/')[1] ?? ''] : []))
    .sort();
}

describe('host tools', () => {
  test('are the same actions each time', () => {
    expect(hostTools(inputs)).toEqual(made);
  });

  test('are each an action named by the tool', () => {
    for (const [name, ref] of Object.entries(made.tools)) {
      expect(ref).toEqual({ kind: 'output', action: `host-tools/${name}`, output: 'out' });
      expect(named(name).provides['out']).toContain(commandOf[name] ?? name);
    }
  });

  test('read nothing but each other, sources and the machine', () => {
    const names = new Set(made.actions.map((action) => action.name));
    const outputs = made.actions.flatMap(refs).flatMap((ref) => (ref.kind === 'output' ? [ref.action] : []));
    expect(outputs.filter((name) => !names.has(name))).toEqual([]);
  });

  test("let only busybox run the machine's utilities", () => {
    const users = made.actions.filter((action) =>
      refs(action).some((ref) => ref.kind === 'machine-utilities'),
    );
    expect(users.map((action) => action.name)).toEqual(['host-tools/busybox']);
  });

  test('build make without a make', () => {
    expect(toolsOf('make')).toEqual(['busybox']);
    const programs = named('make').recipe.commands.flatMap((command) =>
      command.kind === 'run' ? [command.argv[0]] : [],
    );
    expect(programs).not.toContain('make');
  });

  test('run no tool that their build does not need', () => {
    expect(toolsOf('busybox')).toEqual([]);
    for (const name of ['bash', 'm4', 'xz', 'zlib', 'squashfs-tools', 'e2fsprogs', 'distcc']) {
      expect(toolsOf(name)).toEqual(['busybox', 'make']);
    }
    expect(toolsOf('toybox')).toEqual(['bash', 'busybox', 'make']);
    expect(toolsOf('flex')).toEqual(['bison', 'busybox', 'm4', 'make']);
  });

  test('bring each command once', () => {
    const commands = made.actions.flatMap((action) => Object.values(action.provides).flat());
    expect(commands.filter((name, index) => commands.indexOf(name) !== index)).toEqual([]);
  });

  test('name build and host to every configure script made by autoconf', () => {
    const scripts = made.actions.flatMap((action) =>
      action.recipe.commands.flatMap((command) =>
        command.kind === 'run' && command.argv[0].endsWith('/configure') && action.name !== 'host-tools/zlib'
          ? [command.argv]
          : [],
      ),
    );
    expect(scripts.length).toBeGreaterThan(5);
    for (const argv of scripts) {
      expect(argv).toContain('--build=x86_64-buildmachine-linux-gnu');
      expect(argv).toContain('--host=x86_64-buildmachine-linux-gnu');
    }
  });

  test('compile with the time of the lock', () => {
    for (const action of made.actions) expect(action.recipe.env['SOURCE_DATE_EPOCH']).toBe('1735689600');
  });
});

describe('the table of applets', () => {
  test('is in code-unit order, without repetitions', () => {
    expect(applets).toEqual([...new Set(applets)].sort());
  });

  test('is what busybox says it brings', () => {
    expect(named('busybox').provides['out']).toEqual(['busybox', ...applets]);
  });

  test('holds what configure scripts and makefiles take for granted', () => {
    const taken =
      'awk basename cat chmod cmp cp cut date diff dirname expr find grep install ln ls mkdir mktemp mv od';
    const more = 'patch pwd readlink rm rmdir sed sh sort tar tee touch tr uname uniq wc xargs bc cpio gzip';
    expect(applets).toEqual(expect.arrayContaining(`${taken} ${more}`.split(' ')));
  });
});
