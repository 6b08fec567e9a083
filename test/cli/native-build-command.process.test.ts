import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { nativeBuildCommand, type NativeBuildRequest } from '../../src/cli/native-build-command.ts';
import type { ExecuteRequest } from '../../src/executor/executor.ts';
import type { FakeExecutor } from '../executor/fake-executor.ts';
import { isRunning, until } from '../executor/processes.ts';
import { scriptArguments } from '../script.ts';
import type { TreeSketch } from '../store/sketch.ts';
import { fakedImage, imagePlan } from './faked-image.ts';
import { run, testSession, type TestSession } from './rig.ts';

// Whole plans, though faked, and many processes: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 600_000 });

/** A session on a machine that has the emulator's name in its PATH. */
function machine(env: Readonly<Record<string, string>> = {}): TestSession {
  const session = testSession();
  for (const name of ['bin', 'tmp']) mkdirSync(path.join(session.home, name));
  writeFileSync(path.join(session.home, 'bin/qemu-system-arm'), '#!/bin/sh\n', { mode: 0o755 });
  // A second between two looks at the guest would make these tests slow.
  writeFileSync(path.join(session.home, 'bin/sleep'), '#!/bin/sh\nexec /usr/bin/sleep 0.1\n', {
    mode: 0o755,
  });
  const PATH = `${path.join(session.home, 'bin')}:/usr/bin:/bin`;
  return { ...session, env: { HOME: session.home, PATH, TMPDIR: path.join(session.home, 'tmp'), ...env } };
}

/** A control directory below the session's home. */
function control(
  session: TestSession,
  files: Readonly<Record<string, string>> = { init: '#!/bin/sh\n' },
  name = 'zlib',
): string {
  const directory = path.join(session.home, name);
  mkdirSync(directory, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
    writeFileSync(path.join(directory, file), text);
  }
  if ('init' in files) chmodSync(path.join(directory, 'init'), 0o755);
  return name;
}

const place = (session: TestSession, ...parts: string[]): string => path.join(session.home, ...parts);
const results = (session: TestSession, ...parts: string[]): string =>
  place(session, 'out/armv5l/native-build/zlib', ...parts);
const text = (file: string): string => readFileSync(file, 'utf8');

/** Leaves its environment and a tarball. */
const diligent = `env | sort >"$GUEST_UPLOAD/environment"
echo packed >"$GUEST_UPLOAD/zlib-armv5l.tar.gz"
mkdir "$GUEST_UPLOAD/.virtfs_metadata" && echo virtfs.uid=0 >"$GUEST_UPLOAD/.virtfs_metadata/zlib-armv5l.tar.gz"
echo "all built"
echo 0 >"$GUEST_UPLOAD/.exit-status"
`;

/** Runs the command with everything faked but scripts. */
async function nativeBuild(
  session: TestSession,
  guest: string,
  request: Partial<NativeBuildRequest> = {},
  packed?: TreeSketch,
): Promise<{ code: number; out: string; err: string; calls: readonly ExecuteRequest[] }> {
  const executors: FakeExecutor[] = [];
  const open = await fakedImage(
    () => guest,
    (executor) => executors.push(executor),
    packed,
  );
  session.said.out = '';
  session.said.err = '';
  const image = { plan: imagePlan, sources: { offline: true, acceptVariants: [] }, jobs: 2, out: 'out' };
  const code = await nativeBuildCommand(session, { image, control: 'zlib', distcc: true, ...request }, open);
  // However it ended, nothing temporary is left.
  expect(readdirSync(place(session, 'tmp'))).toEqual([]);
  expect(session.said.err).not.toMatch(/\n +at /);
  return { code, ...session.said, calls: executors.flatMap(({ calls }) => calls) };
}

describe('a native build', () => {
  test('makes image and control image, and brings back what init left', async () => {
    const session = machine();
    control(session, { init: '#!/bin/sh\n', 'control.json': '{ "sources": ["zlib"] }' });
    const built = await nativeBuild(session, diligent);
    expect(built.err).toContain('system-image-armv5l\n');
    expect(built.code).toBe(0);
    expect(built.out).toMatch(/^zlib on armv5l: done in .+\nResults in out\/armv5l\/native-build\/zlib:\n/);
    expect(built.out).toMatch(/\n {2}zlib-armv5l\.tar\.gz +7 bytes\n$/);
    expect(text(results(session, 'zlib-armv5l.tar.gz'))).toBe('packed\n');
    expect(text(`${results(session)}.log`)).toBe('all built\n');
    const packing = built.calls.find(({ name }) => name === 'control-image/zlib');
    expect(packing?.recipe.inputs.map((input) => input.path)).toEqual(['/control', '/control/sources/zlib']);
    expect(readdirSync(place(session, 'out/armv5l/native-build')).sort()).toEqual(['zlib', 'zlib.log']);
  });

  test('runs no action the second time, and replaces old results with new ones', async () => {
    const session = machine();
    control(session);
    await nativeBuild(session, diligent);
    writeFileSync(results(session, 'stale'), '');
    const again = await nativeBuild(session, diligent);
    expect(again.code).toBe(0);
    expect(again.calls).toEqual([]);
    expect(existsSync(results(session, 'stale'))).toBe(false);
  });

  test('packs again what the user changed, and nothing else', async () => {
    const session = machine();
    control(session);
    await nativeBuild(session, diligent);
    control(session, { init: '#!/bin/bash\n' });
    const again = await nativeBuild(session, diligent);
    expect(again.calls.map(({ name }) => name)).toEqual(['control-image/zlib']);
  });

  test('takes an archive, and names its results after it', async () => {
    const session = machine();
    control(session, { init: '#!/bin/sh\n', more: 'text' });
    spawnSync('tar', ['-cJf', 'My work.tar.xz', 'zlib'], { cwd: session.home });
    const built = await nativeBuild(session, diligent, { control: 'My work.tar.xz' });
    expect(built.out).toContain('Results in out/armv5l/native-build/y-work:\n');
    expect(built.code).toBe(0);
  });

  test('leaves results where the user wants them, beside what is there', async () => {
    const session = machine();
    control(session);
    mkdirSync(place(session, 'mine'));
    writeFileSync(place(session, 'mine/other'), '');
    const built = await nativeBuild(session, diligent, { upload: 'mine' });
    expect(built.out).toMatch(/Results in mine:\n {2}environment +\d+ bytes\n {2}other +0 bytes\n {2}zlib-/);
    expect(text(place(session, 'mine.log'))).toBe('all built\n');
    expect(existsSync(results(session))).toBe(false);
  });

  test.each([
    ['nobody', '{}', undefined, undefined],
    ['the control image', '{ "timeLimitMinutes": 7 }', undefined, '420'],
    ['the user', '{ "timeLimitMinutes": 7 }', 5, '300'],
  ])('has the time limit of %s', async (_, settings, option, seconds) => {
    const session = machine();
    control(session, { init: '', 'control.json': settings });
    await nativeBuild(session, diligent, option === undefined ? {} : { timeLimitMinutes: option });
    const environment = text(results(session, 'environment'));
    expect(/^GUEST_TIME_LIMIT=(.*)$/m.exec(environment)?.[1]).toBe(seconds);
  });
});

describe('a native build that fails', () => {
  test('gives the status of init and the end of the console, and brings back what there is', async () => {
    const session = machine();
    control(session);
    const guest =
      'seq 100; echo no rule; echo log >"$GUEST_UPLOAD/log"; echo 3 >"$GUEST_UPLOAD/.exit-status"\n';
    const built = await nativeBuild(session, guest);
    expect(built.code).toBe(1);
    const message = built.err.slice(built.err.indexOf('bootstrap: guest'));
    expect(message).toMatch(
      /^bootstrap: guest zlib failed: init ended with status 3\n {2}last lines of its console:\n/,
    );
    expect(message).toContain('\n  | 100\n  | no rule\n');
    expect(message).toContain(`\n  The whole console output is in ${results(session)}.log.\n`);
    expect(built.out).toBe('Results in out/armv5l/native-build/zlib:\n  log   4 bytes\n');
  });

  test('because the guest died says so, and keeps what an earlier run brought', async () => {
    const session = machine();
    control(session);
    await nativeBuild(session, diligent);
    const image = place(session, 'out/armv5l/system-image-armv5l');
    rmSync(image, { recursive: true });
    rmSync(place(session, '.cache'), { recursive: true });
    const built = await nativeBuild(session, 'echo "Kernel panic"; exit 0\n');
    expect(built.code).toBe(1);
    expect(built.err).toContain('failed: the guest ended before init did, the emulator with code 0\n');
    expect(built.err).toContain('  | Kernel panic\n');
    expect(built.out).toBe('');
    expect(existsSync(results(session, 'zlib-armv5l.tar.gz'))).toBe(true);
  });

  test('because the guest hangs says so, with what it left until then', async () => {
    const session = machine({ GUEST_TIME_LIMIT: '2' });
    control(session);
    const guest = `echo half >"$GUEST_UPLOAD/half"; echo $$ >"${session.home}/guest"; /usr/bin/sleep 1000\n`;
    const built = await nativeBuild(session, guest);
    expect(built.code).toBe(1);
    expect(built.err).toContain('the guest was ended after 2 seconds, the time limit');
    expect(built.out).toContain('  half   5 bytes\n');
    await until('the guest is gone', () => !isRunning(text(place(session, 'guest'))));
  });

  test('because of a setting of the emulator is wrong use', async () => {
    const session = machine();
    control(session);
    const built = await nativeBuild(
      session,
      'echo "run-emulator.sh: QEMU_MEMORY=1G: must be a number" >&2; exit 2\n',
    );
    expect(built.code).toBe(2);
    expect(built.err).toContain('run-emulator.sh: QEMU_MEMORY=1G: must be a number');
  });

  test('because the action that packs the control image made a link is reported, and boots nothing', async () => {
    const session = machine();
    control(session);
    writeFileSync(place(session, 'secret'), 'secret');
    const linked = { 'control.sqf': { link: place(session, 'secret') } };
    const built = await nativeBuild(session, diligent, {}, linked);
    expect(built.code).toBe(1);
    expect(built.err).toMatch(/\/control\.sqf, made by an action, is a symbolic link\n/);
    expect(existsSync(`${results(session)}.log`)).toBe(false);
  });

  test('because of a setting that boots nothing shows no console of an earlier run', async () => {
    const session = machine({ GUEST_TIME_LIMIT: 'long' });
    control(session);
    mkdirSync(place(session, 'out/armv5l/native-build'), { recursive: true });
    writeFileSync(place(session, 'out/armv5l/native-build/zlib.log'), 'said by an earlier guest\n');
    const built = await nativeBuild(session, 'exit 0\n');
    expect(built.code).toBe(2);
    expect(built.err).toContain(
      'bootstrap: zlib: GUEST_TIME_LIMIT=long: must be a number of seconds\n  Nothing was booted.\n',
    );
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('by %s ends the guest and leaves nothing', async (signal) => {
    const session = machine();
    rmSync(place(session, 'bin/sleep'));
    control(session);
    const { child, ended } = await startHanging(session);
    child.kill(signal);
    const { code, err } = await ended;
    expect(err).toContain(`bootstrap: stopped by ${signal};`);
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    await until('the guest is gone', () => !isRunning(text(place(session, 'guest'))));
    await until('the child is gone', () => !isRunning(text(place(session, 'child'))));
    expect(readdirSync(place(session, 'tmp'))).toEqual([]);
    expect(readdirSync(place(session, 'out/armv5l/native-build'))).toEqual(['zlib.log']);
  });

  test('by a kill leaves no guest', async () => {
    const session = machine();
    rmSync(place(session, 'bin/sleep'));
    control(session);
    const { child, ended } = await startHanging(session);
    child.kill('SIGKILL');
    await ended;
    await until(
      'guest and child are gone',
      () => !isRunning(text(place(session, 'guest'))) && !isRunning(text(place(session, 'child'))),
    );
    await until('nothing temporary is left', () => readdirSync(place(session, 'tmp')).length === 0);
  });
});

/** Starts a native build whose guest hangs, and waits until that guest runs. */
async function startHanging(session: TestSession) {
  const script = path.join(import.meta.dirname, 'hanging-guest.ts');
  const child = spawn(process.execPath, scriptArguments(script, session.home, 'zlib'), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (said: string) => {
    err += said;
  });
  const ended = new Promise<{ code: number | null; err: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, err }));
  });
  const guest = place(session, 'guest');
  await until('the guest runs', () => existsSync(guest) && text(guest) !== '');
  return { child, ended };
}

describe('a cross compiler', () => {
  const guest = `echo "$CROSS_COMPILER" >"$GUEST_UPLOAD/helper"; echo 0 >"$GUEST_UPLOAD/.exit-status"\n`;

  /** A tarball among the products whose compile server ends with this code. */
  function product(session: TestSession, host: string, code: number): string {
    const name = `cross-compiler-armv5l-${host}`;
    const directory = place(session, 'out/armv5l');
    mkdirSync(place(session, name, 'bin'), { recursive: true });
    writeFileSync(place(session, name, 'bin/distccd'), `#!/bin/sh\nexit ${String(code)}\n`, {
      mode: 0o755,
    });
    mkdirSync(directory, { recursive: true });
    const file = path.join(directory, `${name}.tar.gz`);
    spawnSync('tar', ['-czf', file, name], { cwd: session.home });
    return file;
  }

  const helper = (session: TestSession): string => text(results(session, 'helper')).trim();

  test('among the products is unpacked beside its tarball, once, and helps', async () => {
    const session = machine();
    control(session);
    const file = product(session, 'i686', 0);
    const unpacked = place(session, 'out/armv5l/cross-compiler-armv5l-i686');
    const first = await nativeBuild(session, guest);
    expect(first.err).toContain(`unpacking ${file}, whose compiler will compile for the guest\n`);
    expect(helper(session)).toBe(unpacked);
    const again = await nativeBuild(session, guest);
    expect(again.err).not.toContain('unpacking');
    expect(helper(session)).toBe(unpacked);
    utimesSync(file, 1_000_000_000, 1_000_000_000);
    expect((await nativeBuild(session, guest)).err).toContain('unpacking');
  });

  test('that runs here is preferred to those that do not, whatever its host is called', async () => {
    const session = machine();
    control(session);
    product(session, 'i686', 1);
    product(session, 'other', 0);
    await nativeBuild(session, guest);
    expect(helper(session)).toBe(place(session, 'out/armv5l/cross-compiler-armv5l-other'));
  });

  test('that cannot be unpacked is told of, and another one helps', async () => {
    const session = machine();
    control(session);
    const file = product(session, 'i686', 0);
    // A link to a link, which node's tar leaves out.
    const name = 'cross-compiler-armv5l-i686';
    symlinkSync('distccd', place(session, name, 'bin/a'));
    mkdirSync(place(session, name, 'distcc'));
    symlinkSync('../bin/a', place(session, name, 'distcc/b'));
    spawnSync('tar', ['-czf', file, `${name}/bin`, `${name}/distcc`], { cwd: session.home });
    product(session, 'other', 0);
    const built = await nativeBuild(session, guest);
    expect(built.err).toContain(`cannot unpack ${file}: `);
    expect(helper(session)).toBe(place(session, 'out/armv5l/cross-compiler-armv5l-other'));
    expect(readdirSync(place(session, 'out/armv5l')).filter((entry) => entry.startsWith('.'))).toEqual([]);
  });

  test('is not missed, but the lack of it is told', async () => {
    const session = machine();
    control(session);
    product(session, 'i686', 1);
    const built = await nativeBuild(session, guest);
    expect(built.code).toBe(0);
    expect(built.err).toContain(
      'bootstrap: the guest compiles on its own: there is no cross compiler for armv5l',
    );
    expect(helper(session)).toBe('');
  });

  test('is the one that the user names', async () => {
    const session = machine({ CROSS_COMPILER: '/some/where' });
    control(session);
    product(session, 'i686', 0);
    expect((await nativeBuild(session, guest)).err).not.toContain('unpacking');
    expect(helper(session)).toBe('/some/where');
  });

  test('stays away where the user wants that', async () => {
    const session = machine({ CROSS_COMPILER: '/some/where' });
    control(session);
    product(session, 'i686', 0);
    const built = await nativeBuild(session, guest, { distcc: false });
    expect(built.err).not.toContain('unpacking');
    expect(helper(session)).toBe('');
  });
});

describe('bad input is refused before anything is built', () => {
  /** The message of a command line that fails with this code. */
  async function refused(session: TestSession, code: number, ...argv: string[]): Promise<string> {
    const result = await run(session, 'native-build', ...argv, '--out', 'out', '--offline');
    expect(result.err).not.toMatch(/\n +at /);
    expect(result.err).not.toContain('start   ');
    expect(result.out).toBe('');
    expect(result.code).toBe(code);
    expect(existsSync(place(session, 'out'))).toBe(false);
    return result.err;
  }

  const notOne = (why: string): string =>
    `bootstrap: the control image: zlib ${why}\n` +
    "  A control image is a directory or tar archive with an executable file 'init' at its top.\n";

  test('no init', async () => {
    const session = machine();
    control(session, { other: '' });
    expect(await refused(session, 2, 'armv5l', 'zlib')).toBe(notOne('has no init'));
  });

  test('an init that cannot be run', async () => {
    const session = machine();
    control(session);
    chmodSync(place(session, 'zlib/init'), 0o644);
    expect(await refused(session, 2, 'armv5l', 'zlib')).toBe(
      'bootstrap: the control image: zlib has an init that is not executable\n' +
        '  Make it so with: chmod +x init\n',
    );
    rmSync(place(session, 'zlib/init'));
    symlinkSync('/bin/sh', place(session, 'zlib/init'));
    expect(await refused(session, 2, 'armv5l', 'zlib')).toBe(notOne('has an init that is not a file'));
  });

  test('no directory and no archive', async () => {
    const session = machine();
    expect(await refused(session, 2, 'armv5l', 'zlib')).toBe(
      `bootstrap: the control image ${place(session, 'zlib')} does not exist\n` +
        "  A control image is a directory or tar archive with an executable file 'init' at its top.\n",
    );
    writeFileSync(place(session, 'zlib'), 'some text\n');
    expect(await refused(session, 2, 'armv5l', 'zlib')).toBe(
      notOne('cannot be unpacked: it is not a tar archive compressed with gzip, xz or bzip2'),
    );
    rmSync(place(session, 'zlib'));
    spawnSync('mkfifo', [place(session, 'zlib')]);
    expect(await refused(session, 2, 'armv5l', 'zlib')).toBe(notOne('is neither a directory nor a file'));
  });

  test('an archive that leaves its tree', async () => {
    const session = machine();
    control(session);
    symlinkSync('/etc/passwd', place(session, 'zlib/leak'));
    spawnSync('tar', ['-czf', 'zlib.tgz', 'zlib'], { cwd: session.home });
    expect(await refused(session, 2, 'armv5l', 'zlib.tgz')).toContain(
      'has an entry leak that is refused: a link that leaves',
    );
  });

  test('a pipe inside', async () => {
    const session = machine();
    control(session);
    spawnSync('mkfifo', [place(session, 'zlib/pipe')]);
    expect(await refused(session, 2, 'armv5l', 'zlib')).toContain('zlib/pipe is a socket, pipe or device\n');
  });

  test('a malformed control.json', async () => {
    const session = machine();
    control(session, { init: '', 'control.json': '{\n  "sources": ["zlib"\n' });
    expect(await refused(session, 2, 'armv5l', 'zlib')).toContain(
      'zlib/control.json:3: is not JSON: expected a comma or ], found the end of the file or line\n',
    );
  });

  test('unknown sources, with the nearest names', async () => {
    const session = machine();
    control(session, { init: '', 'control.json': '{\n  "sources": ["zlibb", "bahs"]\n}' });
    const message = await refused(session, 2, 'armv5l', 'zlib');
    expect(message).toContain(
      'zlib/control.json:2: sources[0]: there is no source zlibb; did you mean zlib?\n',
    );
    expect(message).toContain(
      'zlib/control.json:2: sources[1]: there is no source bahs; did you mean bash?\n',
    );
  });

  test('a place for sources that is taken', async () => {
    const session = machine();
    const settings = { init: '', 'control.json': '{ "sources": ["zlib"] }' };
    control(session, { ...settings, 'sources/zlib/file': '' });
    expect(await refused(session, 2, 'armv5l', 'zlib')).toContain('has sources/zlib of its own\n');
    rmSync(place(session, 'zlib'), { recursive: true });
    control(session, { ...settings, sources: '' });
    expect(await refused(session, 2, 'armv5l', 'zlib')).toContain('has a file sources of its own\n');
  });

  test('an unknown arch, a wrong time limit, too few words', async () => {
    const session = machine();
    control(session);
    expect(await refused(session, 2, 'armv5x', 'zlib')).toContain('Did you mean armv5l');
    expect(await refused(session, 2, 'armv5l', 'zlib', '--time-limit', '0')).toContain(
      'a whole number from 1 to',
    );
    expect(await refused(session, 2, 'armv5l')).toContain("missing required argument 'DIR'");
  });

  test('no emulator', async () => {
    const session = machine({ PATH: '/usr/bin/nowhere' });
    control(session);
    expect(await refused(session, 1, 'armv5l', 'zlib')).toBe(
      'bootstrap: qemu-system-arm is missing; it is needed for booting armv5l\n' +
        '  Install it; on Debian: apt-get install qemu-system-arm\n',
    );
  });

  test('a place for results that cannot be', async () => {
    const session = machine();
    control(session);
    writeFileSync(place(session, 'file'), '');
    const result = await run(session, 'native-build', 'armv5l', 'zlib', '--out', 'out', '--upload', 'file/x');
    expect(result.code).toBe(2);
    expect(result.err).toContain(`cannot write to ${session.home}/file/x`);
  });
});
