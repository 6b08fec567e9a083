import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { scriptArguments } from '../script.ts';
import { temporaryDirectory } from '../store/temporary-store.ts';

const program = fileURLToPath(new URL('engine-child.ts', import.meta.url));

interface Said {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** An engine in a process of its own, and what it says. */
class Engine {
  readonly process: ChildProcess;
  readonly said: Said[] = [];
  readonly gone: Promise<unknown>;
  readonly #listeners = new Set<() => void>();

  constructor(store: string, gate: string, exitCode = 0) {
    const args = scriptArguments(program, store, gate, String(exitCode));
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = child;
    this.gone = new Promise((resolve) => child.on('close', resolve));
    onTestFinished(() => void child.kill('SIGKILL'));
    createInterface(child.stdout).on('line', (line) => {
      this.said.push(JSON.parse(line) as Said);
      for (const listener of this.#listeners) listener();
    });
  }

  /** Waits until it says something of this kind; where it ends without, that fails. */
  async until(kind: string, action?: string): Promise<Said> {
    const find = () =>
      this.said.find((said) => said.kind === kind && (action === undefined || said['action'] === action));
    const said = new Promise<Said>((resolve) => {
      const look = () => {
        const found = find();
        if (found !== undefined) resolve(found);
      };
      this.#listeners.add(look);
      look();
    });
    return Promise.race([
      said,
      this.gone.then(() => find() ?? Promise.reject(new Error(`it ended without ${kind}`))),
    ]);
  }

  count(kind: string): number {
    return this.said.filter((said) => said.kind === kind).length;
  }
}

async function place() {
  const directory = await temporaryDirectory();
  await mkdir(join(directory, 'store'));
  return { store: join(directory, 'store'), gate: join(directory, 'gate') };
}

describe('two engines on one store', () => {
  test('run an action once: the second reports that it waits, and takes the result', async () => {
    const { store, gate } = await place();
    const one = new Engine(store, gate);
    await one.until('action-started', 's/slow');
    const two = new Engine(store, gate);
    await two.until('action-awaited', 's/slow');
    await writeFile(gate, '');
    const [first, second] = [await one.until('outcome'), await two.until('outcome')];
    await Promise.all([one.gone, two.gone]);
    expect([first['ok'], second['ok']]).toEqual([true, true]);
    expect(second['ran']).not.toContain('s/slow');
    expect(second['cached']).toContain('s/slow');
    // Which of them runs what follows is a matter of chance; that one of them does not, is none.
    const starts = one.count('action-started') + two.count('action-started');
    expect(starts).toBe(2);
    expect(
      two.said.filter(({ kind, action }) => kind === 'action-awaited' && action === 's/slow'),
    ).toHaveLength(1);
    expect([first['reserved'], second['reserved']]).toEqual([0, 0]);
    expect(await readdir(join(store, 'locks'))).toEqual([]);
  });

  test('the second runs what failed in the first', async () => {
    const { store, gate } = await place();
    const one = new Engine(store, gate, 1);
    await one.until('action-started', 's/slow');
    const two = new Engine(store, gate);
    await two.until('action-awaited', 's/slow');
    await writeFile(gate, '');
    expect((await one.until('outcome'))['ok']).toBe(false);
    const outcome = await two.until('outcome');
    expect(outcome['ran']).toEqual(['s/slow', 's/after']);
  });

  test('the second runs what the first was running when it was killed', async () => {
    const { store, gate } = await place();
    const one = new Engine(store, gate);
    await one.until('action-started', 's/slow');
    const two = new Engine(store, gate);
    await two.until('action-awaited', 's/slow');
    one.process.kill('SIGKILL');
    await two.until('action-started', 's/slow');
    await writeFile(gate, '');
    expect((await two.until('outcome'))['ran']).toEqual(['s/slow', 's/after']);
  });
});
