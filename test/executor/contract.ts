import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import type { Executor } from '../../src/executor/executor.ts';
import { inputRoot } from '../../src/executor/input-root.ts';
import { inputTree } from '../../src/executor/input-tree.ts';
import { treesOf } from '../../src/executor/verify-inputs.ts';
import type { BoundInput, BoundRecipe } from '../../src/plan/bound.ts';
import type { Command } from '../../src/plan/action.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import { localPlatform } from '../../src/sandbox/local-sandbox.ts';
import type { Store, TreeEntry } from '../../src/store/store.ts';
import { addTree } from '../store/temporary-store.ts';
import { countProcesses } from './processes.ts';
import { runRecipe, type RunExtras } from './run-recipe.ts';

/** An executor with what is needed to try it. */
export interface Subject {
  readonly executor: Executor;
  readonly store: Store;
  /** Brings a shell and small programs. */
  readonly inputs: readonly BoundInput[];
  /** Existing directory for logs. */
  readonly logs: string;
}

interface RecipeSketch {
  readonly commands: readonly Command[];
  readonly inputs?: readonly BoundInput[];
  readonly tools?: BoundRecipe['tools'];
  readonly outputs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

let runs = 0;

/** Runs a recipe on a subject, and gives beside the result the lines it printed and its log. */
export async function tryRecipe(subject: Subject, sketch: RecipeSketch, extras: RunExtras = {}) {
  const lines: string[] = [];
  const logDirectory = join(subject.logs, String((runs += 1)));
  const result = await runRecipe(
    subject.executor,
    logDirectory,
    {
      commands: sketch.commands,
      env: sketch.env ?? {},
      tools: sketch.tools ?? [],
      inputs: [...subject.inputs, ...(sketch.inputs ?? [])],
      outputs: Object.fromEntries(
        Object.entries(sketch.outputs ?? {}).map(([name, path]) => [name, sandboxPath(path)]),
      ),
      platform: localPlatform(),
    },
    {
      ...extras,
      onLine: (line) => {
        lines.push(line);
        extras.onLine?.(line);
      },
    },
  );
  const log = await readFile(join(logDirectory, 'log'), 'utf8').catch(() => '');
  return { result, lines, log, logDirectory };
}

/** Trees at a path, read-only or with a layer to write. */
export function treesAt(
  path: string,
  trees: readonly BoundInput['contents'][number]['digest'][],
  writable = false,
) {
  const contents = trees.map((tree) => ({ kind: 'tree', digest: tree }) as const);
  return { path: path === '/' ? path : sandboxPath(path), contents, writable } satisfies BoundInput;
}

/** What holds for everything that runs an action's programs, however its root comes about. */
export function describeRealExecutor(name: string, setUp: () => Promise<Subject>): void {
  describe(`${name}: what an action sees`, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await setUp();
    }, 600_000);

    /** Lines of a shell text. */
    async function linesOf(text: string, sketch: Partial<RecipeSketch> = {}): Promise<readonly string[]> {
      const { result, log } = await tryRecipe(subject, {
        ...sketch,
        commands: [run(['sh', '-euc', text], { stdout: '/build/lines' }), run(['cat', '/build/lines'])],
      });
      expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
      return log.trimEnd().split('\n').slice(2);
    }

    it('is its input root, file by file', async () => {
      const tool = await addTree(subject.store, {
        'bin/hello': { executable: '#!/bin/sh\necho hello\n' },
        'bin/sh': { link: '/usr/bin/sh' },
        'share/text': 'text',
      });
      const [one, two] = [
        await addTree(subject.store, {
          'd/1': '1',
          same: 's',
          'there/hidden': '',
          empty: { directory: true },
        }),
        await addTree(subject.store, { 'd/2': { link: '1' }, same: 's' }),
      ];
      const blob = await subject.store.putBlob(Buffer.from('a file of its own'));
      const recipe: BoundRecipe = {
        commands: [
          shell(
            "find / '(' -path /proc -o -path /dev -o -path '/build/*' ')' -prune -o -printf '%P|%y|%m|%l\\n' >/build/seen",
          ),
          shell('hello >>/build/seen; mkdir -p /out; mv /build/seen /out/seen'),
        ],
        env: {},
        tools: [{ kind: 'tree', digest: tool }],
        inputs: [
          ...subject.inputs,
          treesAt('/src', [one, two], true),
          treesAt('/src/there', [two]),
          treesAt('/single', [one]),
          {
            path: sandboxPath('/src/new/file'),
            contents: [{ kind: 'file', digest: blob, executable: true }],
            writable: false,
          },
        ],
        outputs: { out: sandboxPath('/out') },
        platform: localPlatform(),
      };
      const listings = new Map<Digest, readonly TreeEntry[]>();
      for (const tree of treesOf(recipe)) listings.set(tree, await subject.store.listTree(tree));
      const root = inputRoot('test/action', recipe, listings);
      if (!root.ok) throw new Error(JSON.stringify(root.failure));
      const result = await runRecipe(subject.executor, join(subject.logs, 'seen'), recipe);
      if (!result.ok || result.value.outputs['out'] === undefined) throw new Error(JSON.stringify(result));
      const text = await readFile(join(subject.store.treePath(result.value.outputs['out']), 'seen'), 'utf8');
      const seen = text.trimEnd().split('\n');
      expect(seen.pop()).toBe('hello');
      const expected = inputTree(root.value, listings).entries.map((entry) => {
        if (entry.kind === 'directory') return `${entry.path}|d|755|`;
        if (entry.kind === 'symlink') return `${entry.path}|l|777|${entry.target}`;
        return `${entry.path}|f|${entry.executable ? '755' : '644'}|`;
      });
      const kernel = /^(?:proc|dev)\||^\|/;
      expect(seen.filter((line) => !kernel.test(line)).sort()).toEqual(
        expected.filter((line) => !kernel.test(line)).sort(),
      );
    });

    it('is the environment of the recipe and what every action has', async () => {
      const lines = await linesOf('env | sort', { env: { FLAGS: "-O2 'x'", TZ: 'UTC1' } });
      // The shell itself adds these, and how many jobs there are is the executor's business.
      expect(lines.filter((line) => !/^(?:(?:OLD)?PWD|_|SHLVL|MAKEFLAGS)=/.test(line))).toEqual([
        'CONFIG_SHELL=/bin/sh',
        "FLAGS=-O2 'x'",
        'HOME=/build',
        'LC_ALL=C',
        'LOGNAME=root',
        'PATH=/tools/bin:/usr/bin',
        'SHELL=/bin/sh',
        'TMPDIR=/tmp',
        'TZ=UTC1',
        'USER=root',
      ]);
      expect(await linesOf('[ -n "$MAKEFLAGS" ] && echo given')).toEqual(['given']);
    });

    it('is one user, one name, devices and processes of its own, and no network', async () => {
      const text =
        'id -u; cat /etc/passwd; uname -n; echo /dev/*; head -c 3 /dev/zero | wc -c; ' +
        'echo lost >/dev/null; ls -d /proc/[0-9]* | wc -l; tail -n +2 /proc/net/route | wc -l';
      const [user, passwd, name, devices, zeros, processes, routes] = await linesOf(text);
      expect([user, passwd, name, zeros, routes]).toEqual([
        '0',
        'root:x:0:0:root:/build:/bin/sh',
        'bootstrap',
        '3',
        '0',
      ]);
      expect(devices).toBe(
        '/dev/fd /dev/full /dev/null /dev/random /dev/stderr /dev/stdin /dev/stdout /dev/urandom /dev/zero',
      );
      expect(Number(processes)).toBeLessThan(10);
    });

    it('is written to in its directories, in writable inputs and in outputs, and does no harm', async () => {
      const tree = await addTree(subject.store, { 'old/file': 'old', gone: 'x', same: 's' });
      const { result } = await tryRecipe(subject, {
        commands: [
          shell('cd /area; printf new >>old/file; rm gone; mkdir -p made; : >made/x; cp -a /area /out/copy'),
          shell('touch /build/x /tmp/x; mkdir /area/dist; echo made >/area/dist/it'),
        ],
        inputs: [treesAt('/area', [tree], true)],
        outputs: { dist: '/area/dist', copy: '/out' },
      });
      if (!result.ok) throw new Error(JSON.stringify(result.failure));
      const { dist, copy } = result.value.outputs;
      expect(dist).toBe(await addTree(subject.store, { it: 'made\n' }));
      expect(copy).toBe(
        await addTree(subject.store, { 'copy/old/file': 'oldnew', 'copy/made/x': '', 'copy/same': 's' }),
      );
      expect(await subject.store.verifyTree(tree)).toEqual({ ok: true, value: undefined });
    });

    it('has one time for every file that it is given', async () => {
      const tree = await addTree(subject.store, { one: '1', 'd/two': '2' });
      const text = "find /given -type f -printf '%T@\\n' | sort -u | wc -l";
      expect(await linesOf(text, { inputs: [treesAt('/given', [tree])] })).toEqual(['1']);
    });

    it('ends by a signal with 128 and its number, and with what it left running', async () => {
      const ended = await tryRecipe(subject, { commands: [run(['sh', '-c', 'kill -SEGV $$'])] });
      expect(ended.result).toMatchObject({ ok: true, value: { exitCode: 139, outputs: {} } });
      const marker = `604.${String(process.pid)}`;
      const left = await tryRecipe(subject, {
        commands: [shell(`sleep ${marker} & sleep ${marker} >/dev/null 2>&1 &`)],
      });
      expect(left.result).toMatchObject({ ok: true, value: { exitCode: 0 } });
      expect(await countProcesses(marker)).toBe(0);
    });

    it('is a failure where trees clash, are gone, or the recipe contradicts itself', async () => {
      const a = await addTree(subject.store, { 'd/file': 'one' });
      const b = await addTree(subject.store, { 'd/file': 'two' });
      const commands = [run(['true'] as const)];
      const clash = await tryRecipe(subject, { commands, inputs: [treesAt('/x', [a, b])] });
      expect(clash.result).toEqual({
        ok: false,
        failure: {
          reason: 'clashing-inputs',
          action: 'test/action',
          path: '/x',
          file: 'd/file',
          refs: [a, b],
        },
      });
      const fault = await tryRecipe(subject, {
        commands,
        inputs: [treesAt('/x', [a])],
        outputs: { out: '/x/y' },
      });
      expect(fault.result).toMatchObject({ ok: false, failure: { reason: 'plan-fault' } });
      const gone = await addTree(subject.store, { file: 'soon gone' });
      await subject.store.removeTree(gone);
      const missing = await tryRecipe(subject, { commands, inputs: [treesAt('/x', [gone])] });
      expect(missing.result).toEqual({
        ok: false,
        failure: { reason: 'inputs-gone', action: 'test/action', trees: [gone] },
      });
      // None of them began.
      for (const { logDirectory } of [clash, fault, missing]) expect(existsSync(logDirectory)).toBe(false);
    });
  });
}

/** What holds for everything that says it runs actions, the fake included. */
export function describeEveryExecutor(name: string, setUp: () => Promise<Subject>): void {
  describe(`${name}: contract`, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await setUp();
    }, 120_000);

    it('can work here', async () => {
      expect(await subject.executor.check()).toEqual({ ok: true, value: undefined });
    });

    it('says which machines it serves', () => {
      expect(subject.executor.supports(localPlatform())).toBe(true);
    });

    it('gives room, and calls those who wait when it is given back', async () => {
      await subject.executor.check();
      let calls = 0;
      const end = subject.executor.onRoom(() => (calls += 1));
      const request = { name: 'test/action', platform: localPlatform(), memory: 1 };
      const reservations = [];
      // A fake may have any amount.
      for (let count = 0; count < 20; count += 1) {
        const reservation = subject.executor.tryReserve(request);
        if (reservation === undefined) break;
        reservations.push(reservation);
      }
      expect(reservations.length).toBeGreaterThan(0);
      const full = reservations.length < 20;
      for (const reservation of reservations) reservation.release();
      if (full) expect(calls).toBeGreaterThan(0);
      end();
      const again = subject.executor.tryReserve(request);
      expect(again).toBeDefined();
      const before = calls;
      again?.release();
      again?.release();
      expect(calls).toBe(before);
    });

    it('gives the exit code of the script as a result, without outputs', async () => {
      const { result } = await tryRecipe(subject, {
        commands: [write('/out/file', 'text'), shell('exit 7')],
        outputs: { out: '/out' },
      });
      expect(result).toMatchObject({ ok: true, value: { exitCode: 7, outputs: {} } });
    });

    it('ends at the first command that fails', async () => {
      const { result, lines } = await tryRecipe(subject, {
        commands: [run(['false']), run(['echo', 'after'])],
      });
      expect(result).toMatchObject({ ok: true, value: { exitCode: 1 } });
      expect(lines).not.toContain('after');
    });

    it('puts each output into the store', async () => {
      const { result } = await tryRecipe(subject, {
        commands: [write('/a/bin/tool', 'run me', 0o755), write('/b/c/text', "it's\\n \t\n\n")],
        outputs: { tool: '/a', text: '/b/c' },
      });
      if (!result.ok) throw new Error(JSON.stringify(result));
      const { outputs } = result.value;
      expect(outputs['tool']).toBe(await addTree(subject.store, { 'bin/tool': { executable: 'run me' } }));
      expect(outputs['text']).toBe(await addTree(subject.store, { text: "it's\\n \t\n\n" }));
    });

    it('says which output is missing', async () => {
      const { result, logDirectory } = await tryRecipe(subject, {
        commands: [write('/a/file', '')],
        outputs: { there: '/a', gone: '/b' },
      });
      expect(result).toEqual({
        ok: false,
        failure: {
          reason: 'missing-output',
          action: 'test/action',
          output: 'gone',
          path: '/b',
          log: join(logDirectory, 'log'),
        },
      });
    });

    it('shows each command and its output, line by line and in the log', async () => {
      const { lines, log } = await tryRecipe(subject, {
        commands: [run(['echo', 'one']), run(['echo', 'two'])],
      });
      expect(lines).toEqual(['+ echo one', 'one', '+ echo two', 'two']);
      expect(log).toBe(lines.map((line) => `${line}\n`).join(''));
    });

    it('keeps script and environment beside the log', async () => {
      const { logDirectory } = await tryRecipe(subject, {
        commands: [run(['echo', 'hello there'])],
        env: { COLOUR: 'deep blue' },
      });
      expect(await readFile(join(logDirectory, 'script'), 'utf8')).toContain('hello there');
      expect(await readFile(join(logDirectory, 'environment'), 'utf8')).toContain('deep blue');
    });

    it('ends when it is told to', async () => {
      const controller = new AbortController();
      const running = tryRecipe(
        subject,
        { commands: [run(['sleep', '600'])] },
        { signal: controller.signal },
      );
      setTimeout(() => {
        controller.abort();
      }, 200);
      expect((await running).result).toMatchObject({ ok: false, failure: { reason: 'interrupted' } });
    });

    it('does not begin when it was told to end before', async () => {
      const { result } = await tryRecipe(
        subject,
        { commands: [run(['true'])] },
        { signal: AbortSignal.abort() },
      );
      expect(result).toMatchObject({ ok: false, failure: { reason: 'interrupted' } });
    });
  });
}
