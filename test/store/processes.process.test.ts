import { execFile, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isDigest, type Digest } from '../../src/core/digest.ts';
import { key } from '../../src/plan/names.ts';
import { openDiskStore } from '../../src/store/disk-store.ts';
import { probeProcess, processStamp } from '../../src/core/process-stamp.ts';
import { lineOf, until, withoutOverride } from '../executor/processes.ts';
import { processArguments } from './process-arguments.ts';
import { listTrees, openTestStore, temporaryDirectory, testEpoch } from './temporary-store.ts';
import { mayLack } from '../setup/skip.ts';

async function runProcess(wrapper: readonly string[], ...rest: string[]): Promise<unknown> {
  const [program = '', ...before] = [...wrapper, process.execPath];
  const { stdout } = await promisify(execFile)(program, [...before, ...processArguments(...rest)]);
  return JSON.parse(stdout) as unknown;
}

describe('a writer that is killed', () => {
  it.each([0, 40, 90, 170, 310])('after %d ms of work leaves nothing half-done', async (milliseconds) => {
    const root = join(await temporaryDirectory(), 'store');
    const writer = spawn(process.execPath, processArguments('write-forever', root), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await lineOf(writer);
    await setTimeout(milliseconds);
    writer.kill('SIGKILL');
    await new Promise((resolve) => writer.once('close', resolve));

    const store = await openTestStore(root);
    expect(await readdir(join(root, 'scratch'))).toEqual([]);
    const present = (await readdir(join(root, 'trees'))).filter(isDigest);
    for (const tree of present) expect(await store.verifyTree(tree)).toEqual({ ok: true });
    for (const blob of await readdir(join(root, 'blobs')))
      expect(await store.hasBlob(blob as Digest)).toBe(true);
    const results = await readdir(join(root, 'results'));
    const result = await store.getResult(key('cd'.repeat(32)));
    expect(result === undefined).toBe(results.length === 0);
    if (result !== undefined) expect(present).toContain(result.outputs['tree']);
    const notes = await readdir(join(root, 'notes'));
    expect((await store.getNote('durations', 'a')) !== undefined).toBe(
      notes.length > 0 && (await readdir(join(root, 'notes/durations'))).length > 0,
    );
  });
});

it('lets processes race for the same trees', async () => {
  const directory = await temporaryDirectory();
  const root = join(directory, 'store');
  const start = join(directory, 'start');
  const rivals = [0, 1, 2].map(() => runProcess([], 'race', root, start));
  const ready = async (): Promise<number> =>
    (await readdir(directory)).filter((name) => name.startsWith('start-ready')).length;
  const allReady = until('all rivals are ready', async () => (await ready()) === rivals.length);
  // One that dies fails this at once.
  await Promise.race([allReady, Promise.all(rivals)]);
  await writeFile(start, '');
  const [first, ...others] = (await Promise.all(rivals)) as { ok: boolean; value: Digest }[][];
  expect(first?.every(({ ok }) => ok)).toBe(true);
  for (const other of others) expect(other).toEqual(first);
  const store = await openTestStore(root);
  expect(await listTrees(store)).toEqual(first?.map(({ value }) => value).sort());
  for (const tree of await listTrees(store)) expect(await store.verifyTree(tree)).toEqual({ ok: true });
  expect(await readdir(join(root, 'scratch'))).toEqual([]);
});

describe('scratch of other processes', () => {
  it('is kept while they live, and removed at opening once they are dead', async () => {
    const root = join(await temporaryDirectory(), 'store');
    await openTestStore(root);
    const [pid = '', start = '', namespace = ''] = processStamp().split('.');
    const names = {
      mine: `${pid}.${start}.${namespace}-mine-00`,
      // The same pid, but another process bore it.
      before: `${pid}.${String(Number(start) + 1)}.${namespace}-before-00`,
      elsewhere: `${pid}.${start}.1-elsewhere-00`,
      strange: 'strange',
    };
    for (const name of Object.values(names))
      await mkdir(join(root, 'scratch', name, 'inner'), { recursive: true });
    const told: number[] = [];
    const onSweep = (leftovers: number) => {
      told.push(leftovers);
      // Before anything goes: it may take long.
      expect(readdirSync(join(root, 'scratch'))).toHaveLength(4);
    };
    await openDiskStore({ root, epochSeconds: testEpoch, onSweep });
    expect((await readdir(join(root, 'scratch'))).sort()).toEqual(
      [names.mine, names.elsewhere, names.strange].sort(),
    );
    await openDiskStore({ root, epochSeconds: testEpoch, onSweep });
    expect(told).toEqual([1]);
  });

  it('is identified by pid, start time and pid namespace', async () => {
    expect(probeProcess(processStamp())).toBe('alive');
    expect(probeProcess('')).toBeUndefined();
    const stat = await readFile('/proc/self/stat', 'latin1');
    expect(processStamp().split('.')[1]).toBe(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  });
});

const inNamespace = ['unshare', '-rm', 'sh', '-ec'];
const namespaces = spawnSync('unshare', ['-rm', 'true']).status === 0;

describe.skipIf(mayLack(namespaces))('on a file system of its own', () => {
  const mounted = (options: string, directory: string): string[] => [
    ...inNamespace,
    `mount -t tmpfs -o ${options} none "$0" && exec "$@"`,
    directory,
  ];

  it('reports a full disk, leaves nothing half-written, and continues when there is space again', async () => {
    const directory = await temporaryDirectory();
    const caught = await runProcess(mounted('size=2m', directory), 'fill', join(directory, 'store'));
    const noRoom = { reason: 'no-room', detail: expect.any(String), path: expect.any(String) };
    expect(caught).toEqual({
      blob: noRoom,
      note: noRoom,
      tree: { ok: false, failure: noRoom },
      afterwards: expect.stringMatching(/^2d711642b726b044/),
    });
  });

  it('reports a place where it may not write', async () => {
    const directory = await temporaryDirectory();
    expect(await runProcess(mounted('ro', directory), 'open', join(directory, 'store'))).toMatchObject({
      reason: 'unwritable',
    });
  });
});

it('adopts and removes directories that their owner may not enter', async () => {
  const root = join(await temporaryDirectory(), 'store');
  expect(await runProcess(withoutOverride, 'restricted', root)).toBe(true);
  for (const name of ['scratch', 'trees', 'damaged']) expect(await readdir(join(root, name))).toEqual([]);
});

it('reports on opening which of its directories is not writable', async () => {
  const root = join(await temporaryDirectory(), 'store');
  await openTestStore(root);
  for (const name of ['results', 'trees', 'notes']) {
    await chmod(join(root, name), 0o555);
    expect(await runProcess(withoutOverride, 'open', root)).toMatchObject({
      reason: 'unwritable',
      path: join(root, name),
    });
    await chmod(join(root, name), 0o755);
  }
});
