import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeArch } from '../../src/inputs/arch.ts';
import { emulatorArguments, imageFiles, kernelCommandLine, type RootDisk } from '../../src/image/emulator.ts';
import { renderRunScript } from '../../src/image/run-script.ts';
import { sampleArch } from '../inputs/sample-arch.ts';

const arch = describeArch(sampleArch);
const writable: RootDisk = { file: 'root.ext2', writable: true };
const readOnly: RootDisk = { file: 'root.sqf', writable: false, instead: 'an image of kind ext2 can' };
const disks: readonly RootDisk[] = [writable, readOnly];

let base: string;
let image: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'root disk-'));
  image = join(base, 'a, b');
  mkdirSync(image);
  mkdirSync(join(base, 'bin'));
  writeFileSync(join(base, 'bin', sampleArch.emulator.program), `#!/bin/sh\nprintf '%s\\n' "$@"\n`, {
    mode: 0o755,
  });
  for (const file of [...Object.values(imageFiles), ...disks.map((disk) => disk.file)])
    writeFileSync(join(image, file), '');
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

function start(disk: RootDisk, env: Record<string, string> = {}) {
  const script = join(image, imageFiles.script);
  writeFileSync(script, renderRunScript(arch, disk));
  chmodSync(script, 0o755);
  const { status, stdout, stderr } = spawnSync(script, [], {
    encoding: 'utf8',
    env: { PATH: `${join(base, 'bin')}:/usr/bin:/bin`, ...env },
  });
  return { status, stderr, words: stdout.split('\n').slice(0, -1) };
}

function expected(disk: RootDisk, rootMode?: string): readonly string[] {
  const settings = { directory: image, memory: '128', commandLine: kernelCommandLine(arch) };
  return emulatorArguments(
    arch,
    { ...settings, ...(rootMode === undefined ? {} : { rootMode }) },
    true,
    disk,
  );
}

describe('an image with a root disk', () => {
  it.each(disks)(
    '$file: attaches it by its serial number, read-only, and starts the same initramfs',
    (disk) => {
      const { words, stderr } = start(disk);
      expect(stderr).toBe('');
      expect(words).toEqual(expected(disk));
      const place = `${base}/a,, b/${disk.file}`;
      expect(words).toContain(`if=none,id=root,format=raw,readonly=on,file=${place}`);
      expect(words).toContain('virtio-blk-pci,drive=root,serial=root');
      expect(words).toContain(`${image}/initramfs.cpio.gz`);
      // Nothing about disks is in the kernel's command line: names of devices depend on their order.
      expect(words).toContain(kernelCommandLine(arch));
    },
  );

  it('lets the guest write to a writable disk if the user asks for it', () => {
    const { words } = start(writable, { GUEST_ROOT_WRITABLE: '1' });
    expect(words).toEqual(expected(writable, ''));
    expect(words).toContain(`if=none,id=root,format=raw,file=${base}/a,, b/root.ext2`);
    expect(start(writable, { GUEST_ROOT_WRITABLE: '0' }).words).toEqual(expected(writable));
    expect(start(writable, { GUEST_ROOT_WRITABLE: '' }).words).toEqual(expected(writable));
  });

  it('refuses what cannot be written', () => {
    expect(start(writable, { GUEST_ROOT_WRITABLE: 'yes' })).toEqual({
      status: 2,
      stderr: 'run-emulator.sh: GUEST_ROOT_WRITABLE=yes: must be 0 or 1\n',
      words: [],
    });
    expect(start(readOnly, { GUEST_ROOT_WRITABLE: '1' })).toEqual({
      status: 2,
      stderr:
        'run-emulator.sh: GUEST_ROOT_WRITABLE=1: root.sqf cannot be written; an image of kind ext2 can\n',
      words: [],
    });
  });

  it.each(disks)('$file: reports a missing disk', (disk) => {
    rmSync(join(image, disk.file));
    const { status, stderr } = start(disk);
    expect(status).toBe(1);
    expect(stderr).toContain(`${disk.file} is missing`);
  });

  it('is POSIX shell', () => {
    for (const disk of disks) {
      expect(spawnSync('sh', ['-n'], { input: renderRunScript(arch, disk) }).status).toBe(0);
      expect(renderRunScript(arch, disk)).not.toMatch(/\[\[|^\s*(?:function|local|source)\s/m);
    }
  });
});

describe('an image without one', () => {
  it('does not mention it', () => {
    expect(renderRunScript(arch)).not.toMatch(/root\.|GUEST_ROOT_WRITABLE/);
  });

  it("takes one of the user's, and no other image does", () => {
    const script = renderRunScript(arch);
    expect(script).toContain('-device virtio-blk-pci,drive=root,serial=root');
    for (const disk of disks) {
      const { status, stderr } = start(disk, { GUEST_ROOT: '/dev/null' });
      expect([status, stderr]).toEqual([
        2,
        `run-emulator.sh: GUEST_ROOT=/dev/null: this image has ${disk.file} as its root; use one whose root is an initramfs\n`,
      ]);
    }
  });
});
