import { expect, test, vi } from 'vitest';
import { build, type BuildOutcome } from '../../src/engine/build.ts';
import { createMemoryCache } from '../../src/executor/action-service.ts';
import type { Executor } from '../../src/executor/executor.ts';
import { createMachineProvider } from '../../src/machine/machine.ts';
import { shell, write } from '../../src/plan/builder.ts';
import { createLocalExecutor, localPlatform } from '../../src/sandbox/local-sandbox.ts';
import type { Store } from '../../src/store/store.ts';
import { createMessageExecutor } from '../../src/worker/message-executor.ts';
import { createWorker } from '../../src/worker/worker.ts';
import { out, product, sampleAction, samplePlan } from '../plan/sample.ts';
import { repositoryPath } from '../repository-path.ts';
import { openTestStore, testEpoch } from '../store/temporary-store.ts';

vi.setConfig({ testTimeout: 600_000 });

const platform = localPlatform();
const machine = { kind: 'machine-utilities' } as const;
const words = sampleAction('s/words', {
  platform,
  inputs: { '/': machine },
  commands: [
    write('/build/out/list', 'b\na\n'),
    write('/build/out/bin/tool', '#!/bin/sh\nsort "$1"\n', 0o755),
  ],
});
const links = sampleAction('s/links', {
  platform,
  inputs: { '/': machine },
  commands: [
    shell(
      'mkdir -p /build/out/d; echo text >/build/out/d/f; ln -s d/f /build/out/link; ln -s /nowhere /build/out/far',
    ),
  ],
});
const last = sampleAction('s/last', {
  platform,
  inputs: { '/': machine, '/given': [out(words), out(links)], '/area': { writable: [out(links)] } },
  commands: [
    shell(
      '/given/bin/tool /given/list >/area/sorted; rm /area/far; mkdir -p /build/out; cp -a /area/. /build/out/',
    ),
    shell(
      'find /given | sort >/build/out/seen; pwd >>/build/out/seen; umask >>/build/out/seen; id -u >>/build/out/seen',
    ),
  ],
});
const plan = samplePlan([words, links, last], { goals: [], products: [product(last)] });

function local(store: Store): Executor {
  return createLocalExecutor({
    store,
    jobs: 1,
    memoryMiB: 1000,
    epochSeconds: testEpoch,
    repository: repositoryPath,
  });
}

async function worker(store: Store): Promise<Executor> {
  const service = createWorker({
    blobs: createMemoryCache(),
    disk: await openTestStore(),
    epochSeconds: testEpoch,
    repository: repositoryPath,
  });
  return createMessageExecutor({ name: 'worker', store, service, platform, slots: 1 });
}

/** What a plan comes to in a fresh store, and which executor ran each action. */
async function buildOn(make: (store: Store) => Promise<readonly Executor[]>) {
  const store = await openTestStore();
  const executors = await make(store);
  const ranOn = new Map<string, string>();
  for (const executor of executors) {
    const execute = executor.execute.bind(executor);
    vi.spyOn(executor, 'execute').mockImplementation((request) => {
      ranOn.set(request.name, executor.name);
      return execute(request);
    });
  }
  // What takes long about it is known then, so that whether one works decides nothing.
  for (const executor of executors) expect(await executor.check()).toEqual({ ok: true, value: undefined });
  const outcome: BuildOutcome = await build(plan, {
    store,
    executors,
    sources: {
      recall: () => Promise.resolve(undefined),
      obtain: () => Promise.reject(new Error('no sources')),
    },
    machine: createMachineProvider({ store }),
    files: () => Promise.reject(new Error('no files')),
    clock: () => performance.now(),
    onEvent: () => undefined,
  });
  for (const executor of executors) await executor.close();
  expect(outcome.failures).toEqual([]);
  const results = [...outcome.results].map(([name, { key, outputs }]) => [name, key, outputs]);
  return { results, ranOn };
}

test('a plan has the same keys and the same trees on the sandbox, on the worker, and on both together', async () => {
  const one = await buildOn((store) => Promise.resolve([local(store)]));
  const other = await buildOn(async (store) => [await worker(store)]);
  const both = await buildOn(async (store) => [local(store), await worker(store)]);
  expect(other.results).toEqual(one.results);
  expect(both.results).toEqual(one.results);
  // Each has room for one, so that the two actions without inputs of ours run side by side.
  expect([...both.ranOn.values()].sort()).toEqual(['local sandbox', 'local sandbox', 'worker']);
});
