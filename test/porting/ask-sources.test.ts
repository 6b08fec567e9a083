import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kernelFactFiles } from '../../stages/arch-check/kernel.ts';
import type { BuildEvent } from '../../src/core/event.ts';
import { askSources } from '../../src/porting/ask-sources.ts';
import { inputsFor, loadRepository } from '../../src/repository/load-inputs.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, temporaryDirectory } from '../cli/rig.ts';
import type { TreeSketch } from '../store/sketch.ts';

/** Asks for the kernel's configuration of armv5l, where the action that finds it made this tree. */
async function ask(configuration: TreeSketch) {
  const loaded = await loadRepository(repository);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
  const arch = await loaded.value.arches.find('armv5l', 'arch');
  if (!arch.ok) throw new Error(JSON.stringify(arch.failure));
  const { lock } = loaded.value;
  const inputs = inputsFor(loaded.value, arch.value, arch.value);
  if (!inputs.ok) throw new Error(JSON.stringify(inputs.failure));
  const context = await fakeContext({
    selected: { plan: { actions: [], sources: [], products: [], goals: [] } } as never,
    behaviour: ({ name, recipe }) => {
      const tree = name.endsWith('/kernel-configuration') ? configuration : { 'made-by': name };
      return { outputs: Object.fromEntries(Object.keys(recipe.outputs).map((output) => [output, tree])) };
    },
  })({
    repository,
    store: path.join(temporaryDirectory(), 'store'),
    lock,
    offline: true,
    acceptVariants: [],
  });
  if (!context.ok) throw new Error(JSON.stringify(context.failure));
  const events: BuildEvent[] = [];
  const answers = await askSources(
    inputs.value,
    { name: 'armv5l', kernel: { arch: 'arm', symbols: [] } },
    { context: context.value, onEvent: (event) => events.push(event), signal: new AbortController().signal },
  );
  return { answers, told: events.flatMap((event) => (event.kind === 'failed' ? [event.failure] : [])) };
}

test('a file that an action did not write is an answer without text', async () => {
  const { answers } = await ask({ [kernelFactFiles.status]: '2\n', [kernelFactFiles.log]: 'no such arch\n' });
  expect(answers).toMatchObject({
    ok: true,
    value: {
      kernelFacts: { arches: [], makefile: '' },
      kernelConfiguration: { succeeded: false, log: 'no such arch\n' },
    },
  });
});

test('a link that an action made is not followed, and the failure is reported once', async () => {
  const secret = path.join(temporaryDirectory(), 'secret');
  writeFileSync(secret, 'secret');
  const { answers, told } = await ask({
    [kernelFactFiles.status]: '2\n',
    [kernelFactFiles.log]: { link: secret },
  });
  expect(answers).toMatchObject({
    ok: false,
    failure: [
      {
        reason: 'unreadable-output',
        path: expect.stringMatching(/\/log$/) as string,
        why: 'is a symbolic link',
      },
    ],
  });
  expect(answers.ok ? [] : answers.failure).toEqual(told);
});
