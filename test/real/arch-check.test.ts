/** Descriptors of ours beside the sources and the emulators themselves. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { arch as aarch64 } from '../../arches/aarch64.ts';
import { arch as armv5l } from '../../arches/armv5l.ts';
import { arch as riscv64 } from '../../arches/riscv64.ts';

const launcher = path.resolve(import.meta.dirname, '../../bootstrap');

test.each([armv5l, aarch64, riscv64].map(({ name, emulator }) => [name, emulator.program] as const))(
  '%s has no fault',
  (name, emulator) => {
    const { status, stdout, stderr } = spawnSync(launcher, ['check', name, '--json'], { encoding: 'utf8' });
    const { findings } = JSON.parse(stdout) as {
      findings: { state: string; field: string; value: string }[];
    };
    expect(
      findings.filter(({ state }) => state === 'fault'),
      stderr,
    ).toEqual([]);
    const fields = findings.filter(({ state }) => state === 'ok').map(({ field }) => field);
    expect(fields).toEqual(
      expect.arrayContaining(['triple', 'musl.loader', 'kernel.symbols', 'emulator.console']),
    );
    const present = spawnSync(emulator, ['--version']).status === 0;
    if (present) expect(fields).toEqual(expect.arrayContaining(['emulator.machine', 'emulator.virtio']));
    else expect(findings).toContainEqual(expect.objectContaining({ state: 'missing', value: emulator }));
    expect(status).toBe(present ? 0 : 1);
  },
);
