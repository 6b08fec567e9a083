import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Executor } from '../../src/executor/executor.ts';
import type { BoundInput, BoundRecipe } from '../../src/plan/bound.ts';
import type { Command, Platform } from '../../src/plan/action.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import { localPlatform } from '../../src/sandbox/local-sandbox.ts';
import type { Store } from '../../src/store/store.ts';
import { addTree } from '../store/temporary-store.ts';
import { runRecipe, type RunExtras } from './run-recipe.ts';

/** An executor with what is needed to try it. */
export interface Subject {
  readonly executor: Executor;
  readonly store: Store;
  /** Brings a shell and small programs. */
  readonly inputs: readonly BoundInput[];
  /** Existing directory for logs. */
  readonly logs: string;
  /** The platform of those programs. Undefined: this machine's. */
  readonly platform?: Platform;
}

/** The platform whose programs a subject runs. */
export function platformOf({ platform = localPlatform() }: Subject): Platform {
  return platform;
}

/** A recipe without what a subject brings. */
export interface RecipeSketch {
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
      platform: platformOf(subject),
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

/** What holds for everything that says it runs actions, the fake included. */
export function describeEveryExecutor(name: string, setUp: () => Promise<Subject>): void {
  describe(`${name}: contract`, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await setUp();
    }, 120_000);

    it('passes its check here', async () => {
      expect(await subject.executor.check()).toEqual({ ok: true, value: undefined });
    });

    it('knows the platforms that it supports', () => {
      expect(subject.executor.supports(platformOf(subject))).toBe(true);
    });

    it('gives room, and calls listeners when it is released', async () => {
      await subject.executor.check();
      let calls = 0;
      const end = subject.executor.onRoom(() => (calls += 1));
      const request = { name: 'test/action', platform: platformOf(subject), memory: 1 };
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

    it('ends at the first failing command', async () => {
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

    it('reports a missing output', async () => {
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

    it('ends when aborted', async () => {
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

    it('does not start if aborted before', async () => {
      const { result } = await tryRecipe(
        subject,
        { commands: [run(['true'])] },
        { signal: AbortSignal.abort() },
      );
      expect(result).toMatchObject({ ok: false, failure: { reason: 'interrupted' } });
    });
  });
}
