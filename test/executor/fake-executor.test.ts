import { describeEveryExecutor } from './contract.ts';
import { createFakeExecutor } from './fake-executor.ts';
import { keepStore } from './kept-store.ts';

const openStore = keepStore();

describeEveryExecutor('fake executor', async () => {
  const { store, logs } = await openStore();
  return { executor: createFakeExecutor({ store }), store, inputs: [], logs };
});
