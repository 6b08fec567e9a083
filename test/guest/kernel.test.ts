import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { arch } from '../../arches/armv5l.ts';
import { repository, runProgram } from '../real/built.ts';
import { expectGuest } from '../real/guest.ts';
import { sample, tarOf } from '../virtfs/trees.ts';
import { image, target, unpackedCrossCompiler } from './unpacked.ts';

const programs = `${repository}/test/guest/programs`;
const place = mkdtempSync(join(tmpdir(), 'guest-kernel-'));

beforeAll(async () => {
  const compiler = await unpackedCrossCompiler(join(place, 'compiler'));
  for (const name of ['mapped', 'facilities']) {
    const gcc = join(compiler, 'bin', `${target}-gcc`);
    const made = await runProgram([
      gcc,
      '-O2',
      '-Wall',
      '-static',
      `${programs}/${name}.c`,
      '-o',
      join(place, name),
    ]);
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
  }
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Bytes that `mapped` maps. */
const length = 3 * 4096;

/** What this machine does to files while the guest has them mapped; `mapped.c` has the other part. */
const ours: Readonly<Record<string, (file: string) => void>> = {
  stored: (file) => {
    expect(readFileSync(file, 'latin1')).toBe('e'.repeat(length));
  },
  'same-size': (file) => writeFileSync(file, 'b'.repeat(length)),
  'same-time': (file) => {
    writeFileSync(`${file}.time`, '');
    execFileSync('touch', ['-r', file, `${file}.time`]);
    writeFileSync(file, 'c'.repeat(length));
    execFileSync('touch', ['-r', `${file}.time`, file]);
  },
  grown: (file) => writeFileSync(file, 'd'.repeat(length)),
  shrunk: (file) => {
    writeFileSync(file, 'e'.repeat(4096));
    truncateSync(file, 4096);
  },
};

test('files on a share are mapped, by the guest while the host changes them and the other way round', async () => {
  const share = join(place, 'share');
  await mkdir(share);
  const ended = new AbortController();
  const answers = (async () => {
    const left = new Set(Object.keys(ours));
    while (left.size > 0 && !ended.signal.aborted) {
      for (const name of left) {
        if (!existsSync(join(share, `${name}.ready`))) continue;
        left.delete(name);
        ours[name]?.(join(share, name));
        writeFileSync(join(share, `${name}.done`), '');
      }
      await setTimeout(50);
    }
  })();
  const guest = expectGuest({
    imageDirectory: image,
    env: {
      QEMU_EXTRA: `-fsdev local,id=work,path=${share},security_model=mapped-file -device virtio-9p-pci,fsdev=work,mount_tag=work`,
    },
    files: { mapped: join(place, 'mapped') },
    script: './mapped /media/work',
    timeLimitSeconds: 1200,
  }).finally(() => {
    ended.abort();
  });
  const [, { output }] = await Promise.all([answers, guest]);
  expect(output).toBe('good\n');

  for (const [name, size] of Object.entries({ 'same-size': length, 'same-time': length, grown: length })) {
    expect(readFileSync(join(share, name), 'latin1')).toBe('z'.repeat(size));
  }
  expect(readFileSync(join(share, 'shrunk'), 'latin1')).toBe('z'.repeat(4096));
  expect(readFileSync(join(share, 'protected'), 'latin1')).toBe(`${'a'.repeat(7)}b${'a'.repeat(length - 8)}`);
  expect(statSync(join(share, 'times'), { bigint: true }).mtimeNs).toBe(1_700_000_000_987_654_321n);
});

test('commands keep and compare fractions of seconds on every file system that a guest writes to', async () => {
  const tarball = join(place, 'pax.tar');
  writeFileSync(tarball, tarOf([sample('packed', 'packed\n', { mtime: 1_700_000_000_123_456_789n })]));
  // Below 512 MiB, busybox would format it otherwise.
  const disk = join(place, 'home.disk');
  writeFileSync(disk, '');
  truncateSync(disk, 64 * 1024 * 1024);
  const { output } = await expectGuest({
    imageDirectory: image,
    env: { GUEST_HOME: disk },
    files: { 'times.sh': join(programs, 'times.sh'), 'pax.tar': tarball },
    script: `
      for directory in /share/times /home/times /tmp/times /times; do
        sh ./times.sh "$directory" "$PWD/pax.tar" make || exit
      done
    `,
    timeLimitSeconds: 1200,
  });
  expect(output).toBe('good\n'.repeat(4));
});

/** Facilities that symbols of the generic set bring. */
const facilitiesOf: Readonly<Record<string, string>> = {
  TIME_NS: 'time-namespace',
  SECCOMP: 'seccomp',
  PERF_EVENTS: 'perf',
  RTC_INTF_DEV: 'rtc',
};

test('the kernel has what common programs expect, and what commands of the root filesystem need', async () => {
  const without = arch.kernel.withoutGeneric.flatMap((symbol) => facilitiesOf[symbol] ?? []);
  const { output } = await expectGuest({
    imageDirectory: image,
    files: { facilities: join(place, 'facilities'), 'commands.sh': join(programs, 'commands.sh') },
    script: `./facilities ${without.join(' ')} && sh ./commands.sh /tmp`,
    timeLimitSeconds: 1200,
  });
  expect(output).toBe('good\ngood\n');
});
