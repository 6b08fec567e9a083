import type { BuildEvent } from '../../src/core/event.ts';

/** Events of a small build: two actions, one of them fails, one result from the store, one source. */
export const story: readonly BuildEvent[] = [
  { kind: 'build-started', at: 0, actions: 3, sources: 1 },
  { kind: 'action-cached', at: 1, action: 'host-tools/busybox' },
  { kind: 'source-started', at: 2, source: 'make 4.4.1' },
  { kind: 'source-progress', at: 400, source: 'make 4.4.1', line: '1.0 of 2.3 MB' },
  { kind: 'source-finished', at: 900, source: 'make 4.4.1', digest: 'aa-1' },
  {
    kind: 'action-started',
    at: 1000,
    action: 'host-tools/make',
    why: { kind: 'never-built' },
    log: '/store/logs/1/log',
  },
  { kind: 'action-output', at: 1500, action: 'host-tools/make', line: '\u001b[1mchecking\u001b[0m for gcc' },
  {
    kind: 'action-finished',
    at: 13_000,
    action: 'host-tools/make',
    wallSeconds: 12,
    cpuSeconds: 8,
    unchanged: false,
  },
  {
    kind: 'action-started',
    at: 13_100,
    action: 'host-tools/m4',
    why: { kind: 'inputs-changed', refs: ['source m4', 'host-tools/make:out'] },
    log: '/store/logs/2/log',
  },
  { kind: 'action-output', at: 13_200, action: 'host-tools/m4', line: 'm4.c: error' },
  {
    kind: 'failed',
    at: 14_000,
    failure: {
      reason: 'action-failed',
      action: 'host-tools/m4',
      exitCode: 2,
      log: '/store/logs/2/log',
      lastLines: ['m4.c: error'],
    },
  },
  {
    kind: 'build-finished',
    at: 14_000,
    ran: 1,
    cached: 1,
    failed: 1,
    skipped: 0,
    wallSeconds: 14,
    cpuSeconds: 8,
  },
];
