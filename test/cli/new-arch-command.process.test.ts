import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { check as checkFormat } from 'prettier';
import type { Session } from '../../src/cli/session.ts';
import { newArchCommand, type NewArchRequest } from '../../src/cli/new-arch-command.ts';
import { openArches } from '../../src/repository/load-arches.ts';
import { fakeBoard, fakeEmulator, type FakeBoard } from '../porting/fake-emulator.ts';
import { armReport, fakedSources } from '../porting/faked-sources.ts';
import { repository, run, temporaryDirectory, testSession, type TestSession } from './rig.ts';

const kernel = { symbols: [], values: {} };
const told = {
  name: 'newarm',
  triple: 'armv5l-linux-musleabi',
  kernelArch: 'arm',
  emulator: 'qemu-system-arm',
  machine: 'vexpress-a9',
  sources: { offline: true, acceptVariants: [] },
} satisfies NewArchRequest;

interface Room {
  readonly session: TestSession;
  /** Where descriptors go. */
  readonly directory: string;
  readonly file: string;
}

function room(board: FakeBoard | undefined = fakeBoard, more: Partial<Session> = {}): Room {
  const directory = path.join(temporaryDirectory(), 'ours');
  const PATH = board === undefined ? '/nowhere' : fakeEmulator('qemu-system-arm', board);
  const session = { ...testSession({ env: { PATH } }), archDirectories: [directory], ...more };
  return { session, directory, file: path.join(directory, 'newarm.ts') };
}

async function make(
  { session, directory }: Room,
  request: NewArchRequest,
  report = armReport,
): Promise<number> {
  const { mkdirSync } = await import('node:fs');
  mkdirSync(directory, { recursive: true });
  return newArchCommand(session, request, fakedSources(report, kernel));
}

test('writes a descriptor that validates, in our format, with what is left to do', async () => {
  const place = room();
  const code = await make(place, told);
  const text = readFileSync(place.file, 'utf8');
  // Nothing but what the kernel lacks here, and each is named.
  expect(code).toBe(2);
  expect(place.session.said.out).toMatch(
    /newarm\.ts was written; what remains to be determined is marked in it with `\/\/ TODO`\./,
  );
  expect(place.session.said.out).toMatch(
    /^fault +kernel\.symbols\[0\] +SERIAL_AMBA_PL011: linux \S+ has no such symbol/m,
  );
  expect(text).toContain(
    '// TODO: these match devices of the machine; add what selects processor and board\n',
  );
  const settings = JSON.parse(readFileSync(path.join(repository, '.prettierrc'), 'utf8')) as object;
  expect(await checkFormat(text, { ...settings, parser: 'typescript' })).toBe(true);
  const arches = await openArches(repository, [place.directory]);
  const loaded = await arches.load('newarm');
  expect(loaded).toMatchObject({
    ok: true,
    value: {
      bits: 32,
      byteOrder: 'little',
      gcc: { configure: ['--with-float=soft'] },
      musl: { arch: 'arm', loader: 'ld-musl-arm.so.1' },
      kernel: { goals: ['zImage'], image: 'arch/arm/boot/zImage' },
      emulator: {
        console: 'ttyAMA0',
        debianPackage: 'qemu-system-arm',
        memory: { preset: 256, limit: 256 },
        virtio: 'pci',
        network: 'virtio-net-pci',
        commandLineLimit: 1024,
      },
    },
  });
});

test('takes the kernel of an arch with the same board', async () => {
  const place = room();
  await make(place, { ...told, machine: 'versatilepb' });
  const text = readFileSync(place.file, 'utf8');
  expect(text).toContain(
    '// TODO: taken from armv5l, which has the same board: adjust what selects the processor\n',
  );
  expect(text).toContain("deviceTree: 'arch/arm/boot/dts/arm/versatile-pb.dtb'");
});

test('takes the version of the shared libgcc from an arch with the same C library', async () => {
  const report = armReport
    .replace('gcc.processor=arm', 'gcc.processor=m68k')
    .replace('byte-order=little', 'byte-order=big')
    .replace('musl.arch=arm', 'musl.arch=m68k')
    .replace('ld-musl-arm', 'ld-musl-m68k');
  const place = room();
  await make(place, { ...told, triple: 'm68k-linux-musl', kernelArch: 'm68k' }, report);
  expect(readFileSync(place.file, 'utf8')).toMatch(/libgccVersion: 2\b/);
});

test('writes one without an emulator too, and says so', async () => {
  const place = room({ ...fakeBoard }, {});
  const without = { ...place, session: { ...place.session, env: { PATH: '/nowhere' } } };
  await make(without, told);
  expect(readFileSync(place.file, 'utf8')).toContain('// TODO: the machine was not tried\n');
  expect(place.session.said.out).toMatch(/^missing +emulator\.program +qemu-system-arm: is not installed/m);
});

test('asks at a terminal for what is missing', async () => {
  const asked: string[] = [];
  const answers = ['armv5l-linux-musleabi', 'arm', 'qemu-system-arm', 'vexpress-a9', 'arm926'];
  const ask = (question: string): Promise<string> => {
    asked.push(question);
    return Promise.resolve(answers[asked.length - 1] ?? '');
  };
  const place = room(fakeBoard, { ask });
  await make(place, { name: 'newarm', sources: told.sources });
  expect(asked).toHaveLength(5);
  expect(readFileSync(place.file, 'utf8')).toContain("cpu: 'arm926'");
});

test('without a terminal a missing option is wrong use', async () => {
  const place = room();
  const { machine, ...rest } = told;
  expect(machine).not.toBe('');
  expect(await make(place, rest)).toBe(2);
  expect(place.session.said.err).toBe(
    "bootstrap: new-arch newarm: --machine is missing\n  There is no terminal to ask at: give the emulator's machine (-M) with --machine.\n",
  );
  expect(readdirSync(place.directory)).toEqual([]);
});

test.each<readonly [string, Partial<NewArchRequest>, string, string]>([
  [
    'a machine that does not exist',
    { machine: 'vexpres-a9' },
    armReport,
    '--machine vexpres-a9: qemu-system-arm has no such machine\n  The nearest are vexpress-a9;',
  ],
  ['a processor that does not exist', { cpu: 'arm000' }, armReport, "unable to find CPU model 'arm000'"],
  [
    'a triple of no form',
    { triple: 'arm-linux-gnu' },
    armReport,
    '--triple arm-linux-gnu: must be PROCESSOR-linux-musl[ABI]',
  ],
  [
    'a triple that gcc does not know',
    { triple: 'frob-linux-musl' },
    "config.sub=machine 'frob' not recognized\n",
    "--triple frob-linux-musl: gcc's config.sub does not know it (machine 'frob' not recognized)",
  ],
  [
    'an ARCH that the kernel does not have',
    { kernelArch: 'armm' },
    armReport,
    "there is no kernel ARCH (--kernel-arch) named 'armm'\n  Did you mean arm",
  ],
  [
    'a name that is taken',
    { name: 'armv5' },
    armReport,
    'there is a descriptor of armv5 already: arches/armv5l.ts',
  ],
  ['a name that is none', { name: 'New-Arm' }, armReport, 'NAME New-Arm: cannot be the name of an arch'],
])('%s leaves no file', async (_, changes, report, expected) => {
  const place = room();
  expect(await make(place, { ...told, ...changes }, report)).toBe(2);
  expect(place.session.said.err).toContain(expected);
  expect(readdirSync(place.directory)).toEqual([]);
});

test('overwrites nothing', async () => {
  const place = room();
  const { mkdirSync } = await import('node:fs');
  mkdirSync(place.directory, { recursive: true });
  writeFileSync(place.file, 'mine\n');
  expect(await make(place, told)).toBe(2);
  expect(place.session.said.err).toContain('there is a descriptor of newarm already: ');
  expect(readFileSync(place.file, 'utf8')).toBe('mine\n');
  expect(readdirSync(place.directory)).toEqual(['newarm.ts']);
});

test('the command line knows it', async () => {
  const { code, err } = await run(testSession(), 'new-arch', 'newarm');
  expect(err).toContain('new-arch newarm: --triple is missing');
  expect(code).toBe(2);
  expect(existsSync(path.join(repository, 'arches/newarm.ts'))).toBe(false);
});
