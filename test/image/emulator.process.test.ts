import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeArch } from '../../src/inputs/arch.ts';
import { emulatorArguments, imageFiles, kernelCommandLine } from '../../src/image/emulator.ts';
import { renderRunScript } from '../../src/image/run-script.ts';
import { virtioDevices } from '../../src/inputs/virtio-devices.ts';
import { sampleArch, without } from '../inputs/sample-arch.ts';

const arch = describeArch(sampleArch);

/** Writes its arguments, one a line, and ends with 7. */
const fakeEmulator = `#!/bin/sh
printf '%s\\n' "$@"
exit 7
`;

let base: string;
let image: string;
let script: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'emulator test-'));
  image = join(base, "an image, it's 100% $HOME");
  script = join(image, imageFiles.script);
  mkdirSync(image);
  mkdirSync(join(base, 'bin'));
  writeFileSync(join(base, 'bin', sampleArch.emulator.program), fakeEmulator, { mode: 0o755 });
  for (const file of [imageFiles.kernel, imageFiles.deviceTree, imageFiles.initramfs, imageFiles.toolchain]) {
    writeFileSync(join(image, file), '');
  }
  writeFileSync(script, renderRunScript(arch));
  chmodSync(script, 0o755);
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

function start(env: Record<string, string> = {}, command = [script], cwd = base) {
  const [program = '', ...rest] = command;
  const { status, stdout, stderr } = spawnSync(program, rest, {
    cwd,
    encoding: 'utf8',
    env: { PATH: `${join(base, 'bin')}:/usr/bin:/bin`, ...env },
  });
  return { status, stderr, words: stdout.split('\n').slice(0, -1) };
}

function expected(change: { memory?: string; extra?: string; toolchain?: boolean } = {}): readonly string[] {
  const { memory = '128', extra = '', toolchain = true } = change;
  const commandLine = `${kernelCommandLine(arch)}${extra}`;
  return emulatorArguments(arch, { directory: image, memory, commandLine }, toolchain);
}

describe('emulatorArguments', () => {
  it('follows the descriptor', () => {
    const words = emulatorArguments(
      arch,
      { directory: '/a,b', memory: '64', commandLine: 'console=x' },
      true,
    );
    expect(words).toEqual([
      ...['-M', 'board', '-cpu', 'fast', '-m', '64', '-nographic', '-no-reboot'],
      ...['-kernel', '/a,b/kernel', '-dtb', '/a,b/device-tree.dtb', '-initrd', '/a,b/initramfs.cpio.gz'],
      ...['-append', 'console=x', '-nic', 'user,model=smc91c111', '-device', 'virtio-rng-pci'],
      ...['-global', "chip.label=it's one"],
      ...['-drive', 'if=none,id=toolchain,format=raw,readonly=on,file=/a,,b/toolchain.sqf'],
      ...['-device', 'virtio-blk-pci,drive=toolchain,serial=toolchain'],
    ]);
  });

  it('attaches the network like any other device if the machine attaches none', () => {
    const board = describeArch({
      ...sampleArch,
      emulator: { ...sampleArch.emulator, network: 'virtio-net-device', networkBy: 'device' },
    });
    const words = emulatorArguments(
      board,
      { directory: '/d', memory: '1', commandLine: '', networkOptions: ',hostfwd=x' },
      false,
    );
    expect(words).not.toContain('-nic');
    expect(words.join(' ')).toContain(
      '-netdev user,id=network,hostfwd=x -device virtio-net-device,netdev=network',
    );
  });

  it('puts each virtio device into its slot on the board', () => {
    const virtioPlaces = virtioDevices.map((_, index) => `addr=1.${index}`);
    const board = describeArch({ ...sampleArch, emulator: { ...sampleArch.emulator, virtioPlaces } });
    const words = emulatorArguments(board, { directory: '/d', memory: '1', commandLine: '' }, true, {
      file: 'root.ext2',
      writable: true,
    });
    expect(words.filter((_, index) => words[index - 1] === '-device')).toEqual([
      'virtio-rng-pci,addr=1.0',
      'virtio-blk-pci,drive=root,serial=root,addr=1.1',
      'virtio-blk-pci,drive=toolchain,serial=toolchain,addr=1.2',
    ]);
    const script = renderRunScript(board);
    for (const [index, name] of virtioDevices.entries()) {
      if (name === 'rng' || name === 'root' || name === 'toolchain') continue;
      expect(script).toMatch(new RegExp(`=${name},addr=1\\.${index}$`, 'm'));
    }
  });

  it('passes no processor and no device tree if the descriptor has none', () => {
    const bare = describeArch({
      ...sampleArch,
      kernel: without(sampleArch.kernel, 'deviceTree'),
      emulator: without(sampleArch.emulator, 'cpu'),
    });
    const words = emulatorArguments(bare, { directory: '/d', memory: '1', commandLine: '' }, false);
    expect(words).not.toContain('-cpu');
    expect(words).not.toContain('-dtb');
    expect(words).not.toContain('-drive');
  });
});

describe('kernelCommandLine', () => {
  it('names console and arch, with the words that the board needs between', () => {
    expect(kernelCommandLine(arch)).toBe('console=ttyAMA0 panic=1 HOST=sample');
    const board = describeArch({
      ...sampleArch,
      emulator: { ...sampleArch.emulator, kernelWords: ['noiotrap', 'x=1'] },
    });
    expect(kernelCommandLine(board)).toBe('console=ttyAMA0 noiotrap x=1 panic=1 HOST=sample');
  });
});

describe('run-emulator.sh', () => {
  it('starts the emulator from a directory with any name, and ends with its exit code', () => {
    expect(start()).toEqual({ status: 7, stderr: '', words: expected() });
  });

  it('finds its image from within, through the shell, and through links to links', () => {
    expect(start({}, [`./${imageFiles.script}`], image).words).toEqual(expected());
    expect(start({}, ['sh', imageFiles.script], image).words).toEqual(expected());
    mkdirSync(join(base, 'links'));
    symlinkSync(script, join(base, 'bin', 'absolute'));
    symlinkSync('../bin/absolute', join(base, 'links', '-relative'));
    expect(start({}, [join(base, 'links', '-relative')], '/').words).toEqual(expected());
    expect(start({ CDPATH: base }, ['absolute'], '/').words).toEqual(expected());
  });

  it('attaches no disk when there is no native compiler', () => {
    rmSync(join(image, imageFiles.toolchain));
    expect(start().words).toEqual(expected({ toolchain: false }));
  });

  it('accepts memory up to the limit of the board', () => {
    expect(start({ QEMU_MEMORY: '256' }).words).toEqual(expected({ memory: '256' }));
    expect(start({ QEMU_MEMORY: '' }).words).toEqual(expected());
    expect(start({ QEMU_MEMORY: '257' })).toEqual({
      status: 2,
      stderr: 'run-emulator.sh: QEMU_MEMORY=257: the board machine takes at most 256 MiB\n',
      words: [],
    });
  });

  it.each(['1G', '-5', '0', '099999', '99999999999999999999', 'a b', '*'])(
    'refuses %s as memory',
    (memory) => {
      expect(start({ QEMU_MEMORY: memory })).toEqual({
        status: 2,
        stderr: `run-emulator.sh: QEMU_MEMORY=${memory}: must be a number of MiB\n`,
        words: [],
      });
    },
  );

  it('adds further arguments, split at spaces and not taken for patterns', () => {
    expect(start({ QEMU_EXTRA: ' -device x,y=1  -S *' }).words).toEqual([
      ...expected(),
      '-device',
      'x,y=1',
      '-S',
      '*',
    ]);
  });

  it('tells a board without a clock the time', () => {
    const board = describeArch({
      ...sampleArch,
      emulator: { ...sampleArch.emulator, clockBy: 'command-line' },
    });
    writeFileSync(script, renderRunScript(board));
    const before = Math.floor(Date.now() / 1000);
    const { words } = start({ KERNEL_EXTRA: 'quiet' });
    const [, seconds = ''] =
      /^console=.* CLOCK=(\d+) quiet$/.exec(words[words.indexOf('-append') + 1] ?? '') ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(before);
    expect(Number(seconds)).toBeLessThanOrEqual(Date.now() / 1000);
    expect(renderRunScript(arch)).not.toContain('CLOCK');
  });

  it('adds words to the kernel command line as they are', () => {
    const extra = 'HANDOFF=/mnt/run.sh quiet $(id) "x';
    expect(start({ KERNEL_EXTRA: extra }).words).toEqual(expected({ extra: ` ${extra}` }));
  });

  it('refuses a kernel command line that the kernel would cut', () => {
    const room = sampleArch.emulator.commandLineLimit - 1 - kernelCommandLine(arch).length - 1;
    expect(start({ KERNEL_EXTRA: 'x'.repeat(room) }).status).toBe(7);
    const refused = start({ KERNEL_EXTRA: 'x'.repeat(room + 1) });
    expect(refused.status).toBe(2);
    expect(refused.stderr).toBe(
      'run-emulator.sh: KERNEL_EXTRA: the kernel command line would have 256 characters; it takes 255\n',
    );
  });

  it('attaches disks and folders that variables name, from a directory with any name', () => {
    writeFileSync(join(base, 'a,b:c'), '');
    mkdirSync(join(base, 'a folder'));
    const { words, stderr } = start({
      GUEST_HOME: 'a,b:c',
      GUEST_CONTROL: join(base, 'a,b:c'),
      GUEST_KEYS: './a,b:c',
      GUEST_SHARE: 'a folder',
      GUEST_UPLOAD: join(base, 'a folder'),
      QEMU_EXTRA: '-S',
    });
    const disk = (name: string, how: string, file: string) => [
      ...['-drive', `if=none,id=${name},format=raw,${how}file=${file}`],
      ...['-device', `virtio-blk-pci,drive=${name},serial=${name}`],
    ];
    const folder = (name: string) => [
      ...['-fsdev', `local,id=${name},security_model=mapped-file,path=${base}/a folder`],
      ...['-device', `virtio-9p-pci,fsdev=${name},mount_tag=${name}`],
    ];
    expect(stderr).toBe('');
    expect(words.slice(expected().length)).toEqual([
      ...disk('home', '', `${base}/a,,b:c`),
      ...disk('control', 'readonly=on,', `${base}/a,,b:c`),
      ...disk('keys', 'readonly=on,', `${base}/./a,,b:c`),
      ...folder('share'),
      ...folder('upload'),
      '-S',
    ]);
  });

  it.each([
    [{ GUEST_HOME: 'nothing' }, 'GUEST_HOME=nothing: no such file'],
    [{ GUEST_CONTROL: '.' }, 'GUEST_CONTROL=.: no such file'],
    [{ GUEST_SHARE: 'nothing' }, 'GUEST_SHARE=nothing: no such directory'],
    [{ GUEST_SSH_PORT: '2x' }, 'GUEST_SSH_PORT=2x: must be a port number'],
    [{ GUEST_SSH_PORT: '0' }, 'GUEST_SSH_PORT=0: must be a port number'],
  ])('refuses %o', (env, message) => {
    expect(start(env)).toEqual({ status: 2, stderr: `run-emulator.sh: ${message}\n`, words: [] });
  });

  it('forwards a port of loopback, and no other, to the command channel', () => {
    expect(start({ GUEST_SSH_PORT: '2222' }).words).toContain(
      'user,model=smc91c111,hostfwd=tcp:127.0.0.1:2222-:22',
    );
  });

  it('names the package to install if the emulator is missing', () => {
    rmSync(join(base, 'bin', sampleArch.emulator.program));
    expect(start()).toEqual({
      status: 127,
      stderr:
        'run-emulator.sh: qemu-system-sample is not installed; on Debian: apt install qemu-system-misc\n',
      words: [],
    });
  });

  it('names a file that the image lacks', () => {
    rmSync(join(image, imageFiles.deviceTree));
    const { status, stderr } = start();
    expect(status).toBe(1);
    expect(stderr).toContain('device-tree.dtb is missing');
  });

  it('is POSIX shell', () => {
    expect(spawnSync('sh', ['-n', script]).status).toBe(0);
    expect(renderRunScript(arch)).not.toMatch(/\[\[|^\s*(?:function|local|source)\s/m);
  });
});
