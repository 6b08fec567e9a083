import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { arch as armv5l } from '../../arches/armv5l.ts';
import { checkCommand } from '../../src/cli/check-command.ts';
import type { ArchDescriptor } from '../../src/inputs/arch.ts';
import { wantedSymbols } from '../../src/inputs/kernel-config.ts';
import { fakeBoard, fakeEmulator, type FakeBoard } from '../porting/fake-emulator.ts';
import { armReport, fakedSources, type FakedKernel } from '../porting/faked-sources.ts';
import { run, temporaryDirectory, testSession } from './rig.ts';

const request = { json: false, sources: { offline: true, acceptVariants: [] } };

/** A kernel that has everything that armv5l wants. */
const soundKernel: FakedKernel = {
  symbols: wantedSymbols(armv5l).map(({ name }, index) => [name, `init/Kconfig:${String(index + 1)}`, '']),
  values: Object.fromEntries(
    wantedSymbols(armv5l).flatMap(({ name, value }) => (value === 'n' ? [] : [[name, value]])),
  ),
};

interface Situation {
  /** Fields that differ from armv5l's. */
  readonly descriptor?: Partial<ArchDescriptor>;
  readonly report?: string;
  readonly kernel?: FakedKernel;
  /** Undefined: `fakeBoard`. */
  readonly board?: FakeBoard;
  /** Puts no emulator into PATH. */
  readonly noEmulator?: boolean;
}

/** Checks a descriptor that lies outside the repository; gives what was said. */
async function check({ descriptor, report, kernel, board, noEmulator }: Situation, json = false) {
  const directory = temporaryDirectory();
  const arch = { ...armv5l, name: 'ours', aliases: [], ...descriptor };
  writeFileSync(path.join(directory, 'ours.ts'), `export const arch = ${JSON.stringify(arch)};\n`);
  const PATH = noEmulator === true ? '/nowhere' : fakeEmulator('qemu-system-arm', board ?? fakeBoard);
  const session = { ...testSession({ env: { PATH } }), archDirectories: [directory] };
  const open = fakedSources(report ?? armReport, kernel ?? soundKernel);
  const code = await checkCommand(session, { ...request, arch: 'ours', json }, open);
  return { code, ...session.said, lines: session.said.out.split('\n') };
}

const emulator = (changes: Partial<ArchDescriptor['emulator']>): Partial<ArchDescriptor> => ({
  emulator: { ...armv5l.emulator, ...changes },
});

test('a sound descriptor passes', async () => {
  const checked = await check({});
  expect(checked.out).toMatch(/\nNo fault was found in ours\.\n$/);
  expect(checked.out).toMatch(/^ok +emulator\.memory\.limit +256: the machine refuses one MiB more$/m);
  expect(checked.code).toBe(0);
});

test('says the same as JSON', async () => {
  const { code, out } = await check(
    { board: { ...fakeBoard, limit: 128 }, descriptor: emulator({ memory: { preset: 128, limit: 256 } }) },
    true,
  );
  expect(code).toBe(2);
  const said = JSON.parse(out) as { passed: boolean; findings: { state: string }[] };
  expect(said).toMatchObject({ arch: 'ours', passed: false });
  expect(said.findings.filter(({ state }) => state === 'fault')).toEqual([
    {
      state: 'fault',
      field: 'emulator.memory.limit',
      value: '256',
      message: 'the machine supports at most 128 MiB; write 128',
    },
  ]);
});

/** One fault and no other, in one line or a few: its field, its value, and what would be right. */
test.each<readonly [string, Situation, RegExp]>([
  [
    'a triple that config.sub does not know',
    { report: "config.sub=Invalid configuration 'frob-linux-musl': machine 'frob-unknown' not recognized\n" },
    /^fault +triple +armv5l-linux-musleabi: config\.sub of gcc [\d.]+ does not know it .*must be PROCESSOR-linux-musl/,
  ],
  [
    'a triple that config.gcc does not know',
    {
      report: armReport.replace(
        'gcc.processor=arm',
        'gcc.says=*** Configuration armv5l-unknown-linux-musl not supported',
      ),
    },
    /^fault +triple +armv5l-linux-musleabi: config\.gcc of gcc [\d.]+ has no entry for armv5l-unknown-linux-musleabi/,
  ],
  [
    'a switch that gcc does not know',
    { report: armReport.replace('gcc.processor=arm', 'gcc.says=Unknown CPU given in --with-arch=armv5te.') },
    /^fault +gcc\.configure\[0\] +--with-arch=armv5te: config\.gcc of gcc [\d.]+ for armv5l-linux-musleabi: Unknown CPU/,
  ],
  [
    'another byte order',
    { report: armReport.replace('byte-order=little', 'byte-order=big') },
    /^fault +byteOrder +little: binutils makes big endian code for armv5l-linux-musleabi; write 'big'/,
  ],
  [
    'a loader of another name',
    { report: armReport.replace('ld-musl-arm.so.1', 'ld-musl-armeb.so.1') },
    /^fault +musl\.loader +ld-musl-arm\.so\.1: musl [\d.]+ installs ld-musl-armeb\.so\.1 for .*; write 'ld-musl-armeb\.so\.1'/,
  ],
  [
    'an ARCH that the kernel does not have',
    { descriptor: { kernel: { ...armv5l.kernel, arch: 'armm' } } },
    /^fault +kernel\.arch +armm: linux [\d.]+ has no such ARCH; it has arm/,
  ],
  [
    'a goal that no makefile has',
    { descriptor: { kernel: { ...armv5l.kernel, goals: ['zImaeg', 'dtbs'] } } },
    /^fault +kernel\.goals\[0\] +zImaeg: no makefile of arm in linux \S+ makes it; there are zImage/,
  ],
  [
    'a device tree of another kernel version',
    {
      descriptor: {
        kernel: { ...armv5l.kernel, since: [], deviceTree: 'arch/arm/boot/dts/versatile-pb.dtb' },
      },
    },
    /^fault +kernel\.deviceTree +arch\/arm\/boot\/dts\/versatile-pb\.dtb: .*; there is arch\/arm\/boot\/dts\/arm\/versatile-pb\.dtb/,
  ],
  [
    'a symbol of another kernel version',
    {
      kernel: {
        ...soundKernel,
        symbols: soundKernel.symbols.map(([name, ...rest]) => [
          name === 'PCI_VERSATILE' ? 'PCI_VERSATILE_V2' : name,
          ...rest,
        ]),
      },
    },
    /^fault +kernel\.symbols\[\d+\] +PCI_VERSATILE: linux [\d.]+ has no such symbol for ARCH=arm; the nearest are .*PCI_VERSATILE_V2/,
  ],
  [
    'a symbol whose dependency is not met',
    {
      kernel: {
        symbols: soundKernel.symbols.map(([name, place]) => [
          name,
          place,
          name === 'SMC91X' ? 'GPIOLIB && FROB' : '',
        ]),
        values: Object.fromEntries(Object.entries(soundKernel.values).filter(([name]) => name !== 'SMC91X')),
      },
    },
    /^fault +kernel\.symbols\[\d+\] +SMC91X: is n in the final configuration of linux \S+: it depends on FROB, which is not set \(init\/Kconfig:\d+\)/,
  ],
  [
    'a machine that does not exist',
    { descriptor: emulator({ machine: 'versatilebp' }) },
    /^fault +emulator\.machine +versatilebp: qemu-system-arm 7\.2\.99 has no such machine; the nearest are versatilepb/,
  ],
  [
    'a processor that does not exist',
    { descriptor: emulator({ cpu: 'arm962' }) },
    /^fault +emulator\.cpu +arm962: unable to find CPU model 'arm962'; the nearest are arm926/,
  ],
  [
    'a network card that does not exist',
    { descriptor: emulator({ network: 'smc91c11' }) },
    /^fault +emulator\.network +smc91c11: .*Unsupported NIC model: smc91c11; the nearest are smc91c111/,
  ],
  [
    'a bus that the machine does not have',
    { descriptor: emulator({ virtio: 'ccw', network: 'smc91c111' }) },
    /^fault +emulator\.virtio +ccw: the machine does not accept virtio-rng-ccw: .*\n +pci or device may be right/,
  ],
  [
    'memory above the limit of the board',
    { descriptor: emulator({ memory: { preset: 256, limit: 1024 } }) },
    /^fault +emulator\.memory\.limit +1024: the machine supports at most 256 MiB; write 256/,
  ],
  [
    'a board with a limit that is not told',
    { descriptor: emulator({ memory: { preset: 128 } }) },
    /^fault +emulator\.memory\.limit +the machine supports at most 256 MiB; write limit: 256/,
  ],
  [
    'more memory to begin with than the board takes',
    { descriptor: emulator({ memory: { preset: 512 } }) },
    /^fault +emulator\.memory\.preset +512: the machine does not accept it: versatilepb: memory size must not exceed 256MB/,
  ],
  [
    'a console without a driver',
    { descriptor: emulator({ console: 'ttyS0' }) },
    /^fault +emulator\.console +ttyS0: the kernel has no driver for it: add SERIAL_8250_CONSOLE .*; the kernel's consoles are ttyAMA/,
  ],
  [
    'a command line that the kernel cuts off',
    { descriptor: emulator({ commandLineLimit: 4096 }) },
    /^fault +emulator\.commandLineLimit +4096: COMMAND_LINE_SIZE of linux \S+ is 1024 \(.*setup\.h:20\); write 1024/,
  ],
])('%s', async (_, situation, expected) => {
  const checked = await check(situation);
  // A bus or an ARCH that does not exist changes which symbols are wanted.
  const faults = checked.out.slice(checked.out.search(/^fault/m));
  expect(faults).toMatch(expected);
  expect(checked.lines.filter((line) => line.startsWith('fault')).length, checked.out).toBe(1);
  expect(checked.code).toBe(2);
});

test('a machine that creates no network card but starts anyway', async () => {
  const checked = await check({ board: { ...fakeBoard, noCard: true } });
  expect(checked.out).toMatch(
    /^fault +emulator\.network +virtio-net-pci: .*set emulator\.networkBy to "device"$/m,
  );
  expect(checked.code).toBe(2);
});

describe('what this machine lacks', () => {
  test('firmware is named with its package, and how to do without', async () => {
    const board = { ...fakeBoard, missingRom: 'efi-virtio.rom' };
    const checked = await check({ board, descriptor: emulator({ arguments: [] }) });
    expect(checked.out).toMatch(
      /^missing +emulator\.network +virtio-net-pci: needs the firmware efi-virtio\.rom; on Debian: apt-get install ipxe-qemu\n +or avoid it: '-global', 'virtio-net-pci\.romfile=' in emulator\.arguments$/m,
    );
    expect(checked.code).toBe(1);
  });

  test('an emulator is named with its package', async () => {
    const checked = await check({ noEmulator: true });
    expect(checked.out).toMatch(
      /^missing +emulator\.program +qemu-system-arm: is not installed, .*: apt-get install qemu-system-arm$/m,
    );
    expect(checked.out).toMatch(/\n1 thing of this machine is missing\.\n$/);
    expect(checked.code).toBe(1);
  });
});

test('the sources are asked at a terminal too', async () => {
  const session = { ...testSession({ env: { PATH: '/nowhere' } }), errIsTerminal: true };
  const code = await checkCommand(
    session,
    { ...request, arch: 'armv5l' },
    fakedSources(armReport, soundKernel),
  );
  expect(session.said.out).toMatch(/^ok +musl\.arch/m);
  expect(code).toBe(1);
});

test('an arch that nobody described is no arch', async () => {
  const { code, err } = await run(testSession(), 'check', 'armv5x');
  expect(err).toMatch(/^bootstrap: there is no arch named 'armv5x'\n {2}Did you mean armv5l/);
  expect(code).toBe(2);
});

describe('run and start', () => {
  test('refuse more memory than the board takes', async () => {
    const PATH = `${fakeEmulator('qemu-system-arm', fakeBoard)}:${process.env['PATH'] ?? ''}`;
    const session = testSession({ env: { PATH } });
    const image = path.join(session.home, 'out/armv5l/system-image-armv5l');
    mkdirSync(image, { recursive: true });
    writeFileSync(path.join(image, 'run-emulator.sh'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const { code, err } = await run(session, 'start', 'armv5l', '--memory', '512', '--out', 'out');
    expect(err).toContain('--memory 512: the machine for armv5l takes at most 256 MiB');
    expect(code).toBe(2);
    const asked = testSession({ env: { PATH, QEMU_MEMORY: '512' } });
    const again = await run(asked, 'start', 'armv5l', '--out', path.join(session.home, 'out'));
    expect(again.err).toContain('QEMU_MEMORY=512: the machine for armv5l takes at most 256 MiB');
    expect(again.code).toBe(2);
  });
});
