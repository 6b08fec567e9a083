import { describe, expect, test } from 'vitest';
import { watchGuest, type WatchRequest } from '../../src/image-test/watch.ts';
import { ManualClock } from '../core/manual-clock.ts';

/** Watches a shell script as if it were an emulator; time passes when it says `later N` (seconds). */
function watch(script: string, change: Partial<WatchRequest> = {}) {
  const clock = new ManualClock();
  return watchGuest({
    argv: ['/bin/sh', '-c', script],
    environment: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    silenceSeconds: 60,
    limitSeconds: 100,
    clock,
    onText: (text) => {
      for (const [, seconds] of text.matchAll(/^later (\d+)$/gm)) clock.advance(Number(seconds) * 1000);
    },
    ...change,
  });
}

describe('a guest is ended', () => {
  test('when it has been silent for too long', async () => {
    expect(await watch('echo later 60; exec sleep 1000')).toMatchObject({
      end: 'silent',
      how: 'signal SIGKILL',
      seconds: 60,
    });
  });

  test('when it has taken too long in all', async () => {
    expect(await watch('echo later 50; exec sleep 1000', { limitSeconds: 50 })).toMatchObject({
      end: 'late',
      seconds: 50,
    });
  });

  test('by a line of its own, if the board cannot end the emulator', async () => {
    const told = await watch('echo the end; exec sleep 1000', { endWhen: /^the end$/ });
    expect(told).toMatchObject({ end: 'told', lines: [{ text: 'the end' }] });
  });
});

test('a guest that is silent for less than that runs to its end', async () => {
  expect(await watch('echo later 59; echo bye; exit 3')).toMatchObject({ end: 'ended', how: 'exit code 3' });
});
