import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EnterRequest } from '../../src/executor/executor.ts';
import type { BoundRecipe } from '../../src/plan/bound.ts';
import { shell } from '../../src/plan/builder.ts';
import { platformOf, tryRecipe, type Subject } from './contract.ts';

/**
 * What holds for every executor that keeps what failed actions have written, and has a way to a terminal.
 *
 * @param prompt what its shells say when they can be typed into. Undefined: they take what was typed before
 */
export function describeShells(name: string, setUp: () => Promise<Subject>, prompt?: string): void {
  describe(`${name}: shells`, () => {
    let subject: Subject;
    const commands = [shell('echo half >/build/file; exit 7')];
    beforeAll(async () => {
      subject = await setUp();
    }, 600_000);

    /** A new path for what an action leaves. */
    async function newPlace(): Promise<string> {
      return join(await mkdtemp(join(subject.store.root, 'kept-')), 'place');
    }

    /** Enters the root of the action above and types a line. */
    async function type(line: string, extras: Pick<EnterRequest, 'left' | 'signal'> = {}) {
      const { executor, logs, inputs } = subject;
      const directory = await mkdtemp(join(logs, 'shell-'));
      const [input, output] = [join(directory, 'input'), join(directory, 'output')];
      execFileSync('mkfifo', [input]);
      const [reader, writer] = [openSync(input, 'r+'), openSync(output, 'w')];
      const platform = platformOf(subject);
      const reservation = executor.tryReserve({ name: 'test/action', platform, memory: 64 });
      if (executor.enter === undefined || reservation === undefined) throw new Error('no room for a shell');
      const recipe: BoundRecipe = { commands, env: {}, tools: [], inputs, outputs: {}, platform };
      const terminal = { type: 'dumb', descriptors: [reader, writer, writer] } as const;
      const said = (): Promise<string> => readFile(output, 'utf8');
      try {
        const entered = executor.enter({ name: 'test/action', recipe, reservation, terminal, ...extras });
        let over = false;
        void entered.finally(() => (over = true));
        while (!over && prompt !== undefined && !(await said()).endsWith(prompt)) await sleep(100);
        writeSync(reader, `${line}\n`);
        return { result: await entered, said: await said() };
      } finally {
        reservation.release();
        closeSync(reader);
        closeSync(writer);
      }
    }

    it('are in what a failed action has written, which is kept with what they change', async () => {
      const keep = await newPlace();
      const { result } = await tryRecipe(subject, { commands }, { keep });
      expect(result).toMatchObject({ ok: true, value: { exitCode: 7 } });
      const first = await type('cat /build/file; echo whole >/build/file; exit 3', { left: keep });
      expect(first.result).toEqual({ ok: true, value: 3 });
      expect(first.said).toMatch(/\bhalf\r?\n/);
      const second = await type('cat /build/file; exit', { left: keep });
      expect(second.result).toEqual({ ok: true, value: 0 });
      expect(second.said).toMatch(/\bwhole\r?\n/);
    });

    it('are in the root as it is before the script, with its script, if nothing was left', async () => {
      const { result, said } = await type('ls /build/file; ls /script; echo $TERM; exit 4');
      expect(result).toEqual({ ok: true, value: 4 });
      expect(said).toMatch(/No such file/);
      expect(said).toMatch(/\/script\r?\n.*dumb\r?\n/);
    });

    it('end when they are told to', async () => {
      const stop = new AbortController();
      const entered = type('sleep 600', { signal: stop.signal });
      await sleep(500);
      stop.abort('SIGTERM');
      expect((await entered).result).toEqual({
        ok: false,
        failure: { reason: 'interrupted', signal: 'SIGTERM' },
      });
    });

    it('are not worth a build: an action that cannot be kept fails as it would have', async () => {
      const keep = await newPlace();
      await mkdir(keep);
      await writeFile(join(keep, 'somebody'), '');
      for (const place of [keep, join(keep, 'missing/place')]) {
        const { result } = await tryRecipe(subject, { commands }, { keep: place });
        expect(result).toMatchObject({ ok: true, value: { exitCode: 7 } });
      }
      const succeeds = await newPlace();
      await tryRecipe(subject, { commands: [shell('echo x >/build/x')] }, { keep: succeeds });
      await expect(stat(succeeds)).rejects.toThrow('ENOENT');
    });
  });
}
