import { expect, test } from 'vitest';
import { loadRepository } from '../../src/repository/load-inputs.ts';
import { readSystem } from '../../src/definitions/read-system.ts';
import type { BuildEvent } from '../../src/core/event.ts';
import { buildSystem, type SystemBuild } from '../../src/system/build-system.ts';
import { planSystem } from '../../src/system/plan-system.ts';
import { repository as root } from '../cli/rig.ts';
import { sampleDefinitions } from '../definitions/sample-definitions.ts';

test('a source that is not pinned is told before anything is built, and only if it is needed', async () => {
  const loaded = await loadRepository(root);
  const system = readSystem(new Map(Object.entries(sampleDefinitions)), 'systems/small.morph');
  if (!loaded.ok || !system.ok) throw new Error('no repository or system');
  const pins = new Map();
  const wanted = { system: system.value, pins, check: false, only: ['base/libc'] };
  const planned = await planSystem(loaded.value, wanted);
  if (!planned.ok) throw new Error(JSON.stringify(planned.failure));
  const events: BuildEvent[] = [];
  // Nothing else of the request is looked at.
  const request = { planned: planned.value, pins, onEvent: (event: BuildEvent) => events.push(event) };
  const failure = { reason: 'unpinned-sources', chunks: ['base/first-libc', 'base/libc'] };
  expect(await buildSystem(request as unknown as SystemBuild)).toEqual({ ok: false, failure: [failure] });
  expect(events).toEqual([expect.objectContaining({ kind: 'failed', failure })]);
});
