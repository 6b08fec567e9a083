import { describe, expect, it, vi } from 'vitest';
import { createMemoryCache, type BlobCache } from '../../src/executor/action-service.ts';
import { createMachineProvider } from '../../src/machine/machine.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { localPlatform } from '../../src/sandbox/local-sandbox.ts';
import { createMessageExecutor } from '../../src/worker/message-executor.ts';
import { createWorker } from '../../src/worker/worker.ts';
import { repositoryPath } from '../repository-path.ts';
import { describeEveryExecutor, treesAt, tryRecipe, type Subject } from '../executor/contract.ts';
import { keepStore } from '../executor/kept-store.ts';
import { describeRealExecutor } from '../executor/real-contract.ts';
import { addTree, openTestStore, testEpoch } from '../store/temporary-store.ts';

const openStore = keepStore();

/** A worker with nothing but a cache and a disk of its own, and an executor that speaks to it. */
async function setUp(blobs: BlobCache = createMemoryCache()): Promise<Subject> {
  const { store, logs } = await openStore();
  const utilities = await createMachineProvider({ store }).obtain('machine-utilities');
  if (!utilities.ok) throw new Error(JSON.stringify(utilities.failure));
  const disk = await openTestStore(`${store.root}-worker`);
  const service = createWorker({ blobs, disk, repository: repositoryPath, epochSeconds: testEpoch });
  const executor = createMessageExecutor({
    name: 'worker by messages',
    store,
    service,
    platform: localPlatform(),
    slots: 2,
  });
  return { executor, store, inputs: [treesAt('/', [utilities.value])], logs };
}

describeEveryExecutor('worker by messages', setUp);
describeRealExecutor('worker by messages', setUp);

describe('an executor that speaks by messages', () => {
  it('sends what the service does not have, and nothing twice', async () => {
    const blobs = createMemoryCache();
    const put = vi.spyOn(blobs, 'put');
    const subject = await setUp(blobs);
    const tree = await addTree(subject.store, { one: 'the first', two: 'the second' });
    const inputs = [treesAt('/given', [tree])];
    const commands = [run(['cat', '/given/one'])];
    await tryRecipe(subject, { commands, inputs });
    const first = put.mock.calls.length;
    expect(first).toBeGreaterThan(10);
    put.mockClear();
    const other = await addTree(subject.store, { one: 'the first', two: 'changed' });
    await tryRecipe(subject, { commands, inputs: [treesAt('/given', [other])] });
    // The file, its directory, the root, the action, and what it printed; the command is what it was.
    expect(put.mock.calls.length).toBeLessThanOrEqual(5);
  });

  it('reports missing and damaged inputs', async () => {
    const subject = await setUp();
    const tree = await addTree(subject.store, { file: 'soon gone' });
    await subject.store.removeTree(tree);
    const { result } = await tryRecipe(subject, {
      commands: [run(['true'])],
      inputs: [treesAt('/given', [tree])],
    });
    expect(result).toEqual({
      ok: false,
      failure: { reason: 'inputs-gone', action: 'test/action', trees: [tree] },
    });
  });

  it('fails as a backend if the cache loses what was put into it', async () => {
    const blobs = createMemoryCache();
    const subject = await setUp({ ...blobs, missing: () => Promise.resolve(new Set()) });
    const { result } = await tryRecipe(subject, { commands: [run(['true'])] });
    expect(result).toMatchObject({ ok: false, failure: { reason: 'backend-unreachable' } });
  });

  it('leaves the number of jobs out of its messages', async () => {
    const subject = await setUp();
    const { lines } = await tryRecipe(subject, {
      commands: [write('/tmp/t', 'echo $MAKEFLAGS'), run(['sh', '/tmp/t'])],
    });
    expect(lines.at(-1)).toBe('-j1');
  });

  it('does not know how much processor time an action took', async () => {
    const subject = await setUp();
    const { result } = await tryRecipe(subject, { commands: [shell('exit 3')] });
    expect(result).toMatchObject({ ok: true, value: { exitCode: 3, outputs: {} } });
    expect(result.ok && 'cpuSeconds' in result.value).toBe(false);
  });
});
