import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildCommand, type BuildRequest } from '../../src/cli/build-command.ts';
import { selectPlan, type PlanRequest } from '../../src/repository/select-plan.ts';
import { recordName, type ExecuteRequest } from '../../src/executor/executor.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, run, testSession, type TestSession } from './rig.ts';

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
    expect(nothing.out).toContain(
      '; 2 actions did not run and have none (--again reruns them to record them)\n',
    );
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
    [['plan', 'image', 'armv5l', 'x'], "unexpected argument: 'x'"],
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
