import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildCommand, type BuildRequest } from '../../src/cli/build-command.ts';
import {
  parseCommand,
  programsOf,
  summaryText,
  sumUp,
  UseCounter,
  type NamedTool,
  type RecordedCommand,
} from '../../src/build/record-summary.ts';
import { selectPlan, type PlanRequest } from '../../src/repository/select-plan.ts';
import { recordName, type ExecuteRequest } from '../../src/executor/executor.ts';
import type { TreeEntry } from '../../src/store/store.ts';
import { sampleDigest } from '../plan/sample.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, run, testSession, type TestSession } from './rig.ts';

function file(at: string, executable = true): TreeEntry {
  return { kind: 'file', path: at, digest: sampleDigest('1'), executable };
}

function link(at: string, target: string): TreeEntry {
  return { kind: 'symlink', path: at, target };
}

function command(program: string, ...argv: string[]): RecordedCommand {
  return { pid: 2, ppid: 1, program, cwd: '/build', argv };
}

const busybox: NamedTool = {
  label: 'host-tools/busybox:out',
  place: '/tools',
  programs: programsOf([
    file('bin/busybox'),
    link('bin/sed', 'busybox'),
    link('bin/sh', 'busybox'),
    link('bin/tac', 'busybox'),
  ]),
};
const make: NamedTool = {
  label: 'host-tools/make:out',
  place: '/tools',
  programs: programsOf([file('bin/make'), file('share/text', false)]),
};
const headers: NamedTool = {
  label: 'stage-1/headers:out',
  place: '/tools',
  programs: programsOf([file('x/include/a.h', false)]),
};
const compiler: NamedTool = {
  label: "the machine's compiler",
  place: '',
  programs: programsOf([
    file('usr/bin/gcc-12'),
    link('usr/bin/gcc', 'gcc-12'),
    file('usr/lib/gcc/cc1'),
    file('usr/bin/notes.txt', false),
  ]),
};

function count(action: string, tools: readonly NamedTool[], commands: readonly RecordedCommand[]) {
  const counter = new UseCounter(action, tools);
  for (const each of commands) counter.take(each);
  return counter.end();
}

describe('what an action ran', () => {
  test('is counted by tool, and by the name that a program was called by', () => {
    const use = count(
      's/a',
      [busybox, make, headers, compiler],
      [
        command('/tools/bin/busybox', '/bin/sh', '-e', '/script'),
        command('/tools/bin/busybox', 'sed', 's/a/b/'),
        command('/tools/bin/busybox', '/tools/bin/sed', 's/a/b/'),
        command('/tools/bin/busybox', 'of-no-such-name'),
        command('/usr/bin/gcc-12', 'gcc', '-c', 'x.c'),
        command('/usr/lib/gcc/cc1', '/usr/lib/gcc/cc1', 'x.c'),
        command('/build/conftest', './conftest'),
        command('/tools/bin/unknown', 'unknown'),
      ],
    );
    expect(use.commands).toBe(8);
    expect(
      Object.fromEntries([...use.tools].map(([label, runs]) => [label, Object.fromEntries(runs)])),
    ).toEqual({
      'host-tools/busybox:out': { sh: 1, sed: 2, busybox: 1 },
      'host-tools/make:out': {},
      "the machine's compiler": { gcc: 1, cc1: 1 },
    });
    expect(Object.fromEntries(use.own)).toEqual({ '/build/conftest': 1, '/tools/bin/unknown': 1 });
  });

  test('does not count trees without programs as tools', () => {
    expect([...count('s/a', [headers], []).tools.keys()]).toEqual([]);
  });

  test('is read from lines that are what they should be', () => {
    const good = '{"pid":7,"ppid":5,"program":"/tools/bin/busybox","cwd":"/build","argv":["sed"]}';
    expect(parseCommand(good)).toEqual({ ...command('/tools/bin/busybox', 'sed'), pid: 7, ppid: 5 });
    for (const bad of [
      '',
      'null',
      '{',
      '7',
      '[]',
      '{"pid":7}',
      good.replace('"sed"', '1'),
      good.slice(0, -9),
    ]) {
      expect(parseCommand(bad)).toBeUndefined();
    }
  });
});

test('a summary names what was run of each tool, what never was, and idle tools', () => {
  const uses = [
    count(
      's/a',
      [busybox, make],
      [command('/tools/bin/busybox', 'sed'), command('/tools/bin/busybox', 'sh')],
    ),
    count('s/b', [busybox, make], [command('/tools/bin/busybox', 'sed'), command('/tools/bin/make', 'make')]),
    count('s/c', [compiler], [command('/build/a', './a'), command('/usr/lib/gcc/cc1', 'cc1')]),
  ];
  const commands = new Map(
    [busybox, make, compiler].map(({ label, programs }) => [label, programs.commands]),
  );
  expect(summaryText(sumUp(uses, commands, ['s/d', 's/e'])))
    .toBe(`host-tools/busybox:out: named by 2, run by 2
  ran    sed 2, sh 1
  never  busybox, tac
host-tools/make:out: named by 2, run by 1
  ran    make 1
the machine's compiler: named by 1, run by 1
  ran    cc1 1
  never  gcc, gcc-12

Tools that an action names and runs nothing of:
  s/a: host-tools/make:out

Programs of no tool, which actions make themselves or sources bring:
  s/c: /build/a 1

Actions without a record (\`--record\` writes one when they run, \`--record --again\` runs them):
  s/d, s/e
`);
});

describe('the command line', () => {
  const plan: PlanRequest = {
    arch: 'armv5l',
    host: 'i686',
    goal: { kind: 'everything', withNative: true },
    onlyAction: 'host-tools/make',
  };

  /** Builds make with a fake executor that leaves records as the real one does. */
  async function build(session: TestSession, record?: BuildRequest['record']) {
    const selected = await selectPlan(repository, plan);
    if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
    const ran: string[] = [];
    const behaviour = ({ name, recipe, recorder, log }: ExecuteRequest) => {
      ran.push(name);
      const line = { pid: 9, ppid: 1, program: '/tools/bin/made', cwd: '/', argv: ['made', 'a b', "it's"] };
      if (recorder !== undefined) {
        writeFileSync(path.join(path.dirname(log.place), recordName), `${JSON.stringify(line)}\n`);
      }
      const outputs = Object.keys(recipe.outputs).map((output) => [
        output,
        { 'bin/made': { executable: name } },
      ]);
      return {
        outputs: Object.fromEntries(outputs) as Record<string, { 'bin/made': { executable: string } }>,
      };
    };
    const request: BuildRequest = {
      plan,
      sources: { offline: true, acceptVariants: [] },
      jobs: 2,
      ...(record === undefined ? {} : { record }),
    };
    session.said.out = '';
    session.said.err = '';
    const code = await buildCommand(session, request, fakeContext({ selected: selected.value, behaviour }));
    expect(code).toBe(0);
    return { ran, ...session.said };
  }

  const words = ['armv5l', '--host', 'i686', '--only-action', 'host-tools/make'] as const;

  test('records what runs, and says what has no record', async () => {
    const session = testSession();
    await build(session);
    const nothing = await build(session, { again: false });
    expect(nothing.ran).toEqual(['host-tools/recorder']);
    expect(nothing.out).toContain('\n0 records of commands');
    expect(nothing.out).toContain('; 2 actions did not run and have none (--again runs them for it)\n');
    expect((await run(session, 'record', ...words)).err).toContain('no action of this plan has a record');
    expect((await run(session, 'log', 'host-tools/make', '--commands')).err).toContain(
      'the latest run of host-tools/make was not recorded\n',
    );
  });

  test('--again runs what was asked for, and what it needs only where that was asked for too', async () => {
    const session = testSession();
    await build(session);
    const again = await build(session, { again: true });
    expect(again.ran).toEqual(['host-tools/recorder', 'host-tools/make']);
    expect(again.err).toContain('start   host-tools/make (to record its commands)\n');
    expect(again.err).not.toContain('host-tools/recorder');
    expect(again.out).toContain('\n1 record of commands');
    expect((await build(session, { again: true })).ran).toEqual([]);
  });

  test('prints records and sums them up', async () => {
    const session = testSession();
    await build(session, { again: false });
    const log = await run(session, 'log', 'host-tools/make', '--commands');
    expect(log).toMatchObject({ code: 0, out: `9 1 /tools/bin/made: made 'a b' 'it'\\''s'\n` });
    const summary = await run(session, 'record', ...words);
    expect(summary.code).toBe(0);
    expect(summary.out).toMatch(/^host-tools\/busybox:out: named by 1, run by 1\n {2}ran {4}made 1\n/);
    // busybox itself is built with the machine's programs, which these trees do not have.
    expect(summary.out).toContain('\n  host-tools/busybox: /tools/bin/made 1\n');
    const json = JSON.parse((await run(session, 'record', ...words, '--json')).out) as unknown;
    expect(json).toMatchObject({
      without: [],
      tools: [{ label: 'host-tools/busybox:out', programs: { made: 1 }, never: [] }],
    });
  });

  test.each([
    [['plan', 'image', 'armv5l', 'x'], "there is a word too many: 'x'"],
    [['record'], "missing required argument 'ARCH'"],
    [['record', 'armv5x'], "there is no arch named 'armv5x'"],
    [['armv5l', '--image', 'ext3'], 'Allowed choices are initramfs, ext2, squashfs.'],
    [['plan', 'armv5l', '--image', 'ext3'], 'It must be one of initramfs, ext2, squashfs'],
    [['armv5l', '--overlay', ''], 'It must not be empty.'],
  ])('%j', async (argv, message) => {
    const result = await run(testSession(), ...argv);
    expect(result).toMatchObject({ code: 2, out: '' });
    expect(result.err).toContain(message);
  });

  test('plans of `bootstrap image` are asked for by its word, or by a bare --image', async () => {
    const [word, option] = [
      await run(testSession(), 'plan', 'image', 'armv5l', '--image', 'ext2'),
      await run(testSession(), 'plan', 'armv5l', '--image'),
    ];
    expect(word.out).toContain('system-image-armv5l/root-ext2');
    expect(word.out).not.toContain('native-compiler-armv5l/');
    expect(option.out).toContain('system-image-armv5l/initramfs');
    expect(option.out).not.toContain('native-compiler-armv5l/');
    const everything = await run(testSession(), 'plan', 'armv5l', '--image', 'squashfs');
    expect(everything.out).toContain('system-image-armv5l/root-squashfs');
    expect(everything.out).toContain('native-compiler-armv5l/');
  });
});
