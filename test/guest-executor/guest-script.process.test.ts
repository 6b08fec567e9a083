import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { guestEnter, guestInit } from '../../src/guest-executor/guest-script.ts';

const task = {
  environment: { A: "it's $HOME" },
  outputs: ["/out/it's a $(path)", '/b'],
  network: false,
  tools: true,
  seconds: 17,
};

test.each([
  ['init', guestInit(task)],
  ['enter', guestEnter(task)],
])('%s is a script, whatever stands in names and variables', (_, script) => {
  execFileSync('sh', ['-n'], { input: script });
  execFileSync('busybox', ['sh', '-n'], { input: script });
});

test('outputs and variables are single words of their scripts', () => {
  expect(guestInit(task)).toContain(`for output in '/out/it'\\''s a $(path)' /b; do`);
  expect(guestEnter(task)).toContain(`exec env -i 'A=it'\\''s $HOME' "$chroot" "$1" /bin/sh -e /script`);
});
