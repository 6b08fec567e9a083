import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { repository } from './built.ts';

const store = mkdtempSync(path.join(tmpdir(), 'interrupted-store-'));

afterAll(() => {
  rmSync(store, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly text: () => string;
  readonly ended: Promise<number | null>;
}

/** Builds busybox in a store of its own, with the real sandbox. */
function buildBusybox(): Running {
  const child = spawn(
    `${repository}/bootstrap`,
    ['armv5l', '--only-action', 'host-tools/busybox', '--store', store],
    { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return { child, text: () => text, ended: new Promise((resolve) => child.on('close', resolve)) };
}

/** Waits until the action runs, and then for a compiler in its sandbox. */
async function untilCompiling(running: Running): Promise<void> {
  while (!running.text().includes('start   host-tools/busybox')) {
    if (running.child.exitCode !== null)
      throw new Error(`ended before it built anything:\n${running.text()}`);
    await sleep(100);
  }
  await sleep(3000);
  expect(sandboxProcesses()).not.toEqual([]);
}

/** Processes whose command line names the store of this test, the build itself aside. */
function sandboxProcesses(): readonly string[] {
  const listing = spawnSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).stdout.split('\n');
  return listing.filter((line) => line.includes(`${store}/scratch`));
}

async function untilNothingRuns(): Promise<void> {
  for (let tries = 0; tries < 100 && sandboxProcesses().length > 0; tries += 1) await sleep(100);
  expect(sandboxProcesses()).toEqual([]);
}

it('ends on Ctrl-C with one message, and leaves no process and nothing half-written', async () => {
  const running = buildBusybox();
  await untilCompiling(running);
  running.child.kill('SIGINT');
  expect(await running.ended).toBe(130);
  expect(running.text()).toMatch(/^bootstrap: stopped by SIGINT/m);
  expect(running.text()).not.toMatch(/\n\s+at .*:\d+:\d+/);
  await untilNothingRuns();
  expect(readdirSync(path.join(store, 'scratch'))).toEqual([]);
  expect(readdirSync(path.join(store, 'results'))).toEqual([]);
});

it('leaves no process when it is killed with -9, and the next run does the work', async () => {
  const killed = buildBusybox();
  await untilCompiling(killed);
  killed.child.kill('SIGKILL');
  await killed.ended;
  await untilNothingRuns();
  const next = buildBusybox();
  expect(await next.ended).toBe(0);
  expect(next.text()).toContain('done    host-tools/busybox');
  expect(readdirSync(path.join(store, 'scratch'))).toEqual([]);
});
