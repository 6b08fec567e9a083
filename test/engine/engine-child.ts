/**
 * Builds two actions, the second of which reads the first, in a process of its own: `engine-child.ts STORE GATE EXIT-CODE`.
 * The first ends when the file GATE exists, with the exit code. Prints each event as a line of JSON, then the outcome.
 */
import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../../src/engine/build.ts';
import { openDiskStore } from '../../src/store/disk-store.ts';
import { out, sampleAction, samplePlan } from '../plan/sample.ts';
import { ScriptedExecutor } from './scripted-executor.ts';

const [root = '', gate = '', exitCode = '0'] = process.argv.slice(2);
const opened = await openDiskStore({ root, epochSeconds: 1_700_000_000 });
if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
const store = opened.value;
const executor = new ScriptedExecutor(store);
const exists = () =>
  access(gate).then(
    () => true,
    () => false,
  );
const behaviour = {
  exitCode: Number(exitCode),
  get holds(): Promise<void> {
    return (async () => {
      while (!(await exists())) await sleep(20);
    })();
  },
};
executor.behaviours.set('s/slow', behaviour);
const slow = sampleAction('s/slow');
const outcome = await build(samplePlan([slow, sampleAction('s/after', { tools: [out(slow)] })]), {
  store,
  executors: [executor],
  sources: {
    recall: () => Promise.resolve(undefined),
    obtain: () => Promise.reject(new Error('no sources')),
  },
  machine: { obtain: () => Promise.reject(new Error('no machine')) },
  files: () => Promise.reject(new Error('no files')),
  clock: () => performance.now(),
  onEvent: (event) => {
    console.log(JSON.stringify(event));
  },
});
const { ok, ran, cached } = outcome;
console.log(JSON.stringify({ kind: 'outcome', ok, ran, cached, reserved: executor.reserved.size }));
