import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { probeProcess } from '../../src/core/process-stamp.ts';
import { scriptArguments } from '../script.ts';
import { repository, run, testSession, type TestSession } from '../cli/rig.ts';

/** A session with an image whose emulator is a stand-in. */
function session(env: Readonly<Record<string, string>> = {}): TestSession {
  const made = testSession({ env: { ...env } });
  const [image, programs] = [join(made.home, 'out/armv5l/system-image-armv5l'), join(made.home, 'bin')];
  mkdirSync(image, { recursive: true });
  mkdirSync(programs);
  const guest = join(repository, 'test/channel/fake-guest.ts');
  program(
    join(image, 'run-emulator.sh'),
    `exec '${[process.execPath, ...scriptArguments(guest)].join("' '")}'`,
  );
  program(join(programs, 'qemu-system-arm'), 'exit 1');
  Object.assign(made.env, { PATH: `${programs}:${process.env['PATH'] ?? ''}` });
  onTestFinished(async () => {
    await run(made, 'stop', '--all');
  });
  return made;
}

function program(path: string, line: string): void {
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
}

function start(made: TestSession, ...options: string[]): ReturnType<typeof run> {
  return run(made, 'start', 'armv5l', '--out', 'out', ...options);
}

function guests(made: TestSession): string {
  return join(made.home, '.cache/bootstrap/guests');
}

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
  readonly port: number;
}

async function list(made: TestSession): Promise<readonly Listed[]> {
  return JSON.parse((await run(made, 'ps', '--json')).out) as readonly Listed[];
}

function stamp(made: TestSession, name: string): string {
  const text = readFileSync(join(guests(made), name, 'guest.json'), 'utf8');
  return (JSON.parse(text) as { process: string }).process;
}

/** `bootstrap exec` as a process of its own, since it is about that process's streams and signals. */
function exec(made: TestSession, argv: readonly string[]) {
  const child = spawn(process.execPath, [join(repository, 'src/start/start.cjs'), 'exec', ...argv], {
    cwd: made.home,
    env: { ...made.env },
    stdio: 'pipe',
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.on('error', () => undefined);
  const finished = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return { child, finished, out: () => out };
}

describe('a guest in the background', () => {
  test('is started, used, listed and stopped', async () => {
    const made = session();
    mkdirSync(join(made.home, 'shared'));
    const started = await start(made, '--share', 'shared', '--home', 'disk', '--memory', '64');
    expect(started.err).toBe('');
    expect(started.code).toBe(0);
    expect(started.out).toMatch(/^guest armv5l is up: process \d+, port \d+ of 127\.0\.0\.1\n/);
    expect(statSync(join(made.home, 'disk'))).toMatchObject({ size: 4 * 1024 ** 3, blocks: 0 });
    const log = readFileSync(join(guests(made), 'armv5l/console.log'), 'utf8');
    expect(log).toContain(`memory=64 share=${join(made.home, 'shared')}`);

    expect(await list(made)).toMatchObject([{ name: 'armv5l', state: 'running' }]);
    expect((await run(made, 'ps')).out).toMatch(
      /^NAME +ARCH +STATE +PID +PORT +SINCE +IMAGE\narmv5l +armv5l +run/,
    );

    const running = exec(made, ['armv5l', '--', 'sh', '-c', 'cat; echo "$1" >&2; exit 9', 'sh', '--', '-x']);
    running.child.stdin.end('some input');
    expect(await running.finished).toEqual({ code: 9, out: 'some input', err: '--\n' });

    const emulator = stamp(made, 'armv5l');
    expect((await run(made, 'stop', 'armv5l')).out).toBe('guest armv5l shut down\n');
    expect(probeProcess(emulator)).toBe('dead');
    expect(readdirSync(guests(made))).toEqual([]);
    expect((await run(made, 'ps')).out).toBe('no guest is running\n');
  });

  test('takes signals and options of `exec`', async () => {
    const made = session();
    await start(made);
    const running = exec(made, ['--cwd', '/', 'armv5l', '--', 'sh', '-c', 'pwd; exec sleep 1000']);
    while (!running.out().includes('\n')) await sleep(20);
    running.child.kill('SIGINT');
    expect(await running.finished).toEqual({ code: 130, out: '/\n', err: '' });
  });

  test('has ended if it was killed', async () => {
    const made = session();
    await start(made);
    const running = exec(made, ['armv5l', '--', 'sh', '-c', 'echo ready; exec sleep 1000']);
    while (!running.out().includes('ready')) await sleep(20);
    const [guest] = await list(made);
    process.kill(guest?.pid ?? 0, 'SIGKILL');
    const { code, err } = await running.finished;
    expect(code).toBe(255);
    expect(err).toBe(
      'bootstrap: guest armv5l has ended\n' +
        '  last lines of its console:\n' +
        '  | Booting with memory= share=\n' +
        '  Start it again with: bootstrap start armv5l\n',
    );
    expect((await list(made))[0]?.state).toBe('ended');
    // The name is free again.
    expect((await start(made)).code).toBe(0);
  });

  test('there can be several, with names of their own', async () => {
    const made = session();
    expect((await start(made)).code).toBe(0);
    expect((await start(made, '--name', 'second')).code).toBe(0);
    const again = await start(made);
    expect(again.code).toBe(2);
    expect(again.err).toContain('a guest named armv5l is already running');
    expect(new Set((await list(made)).map(({ port }) => port)).size).toBe(2);
    const stopped = await run(made, 'stop', '--all');
    expect(stopped.out).toBe('guest armv5l shut down\nguest second shut down\n');
  });

  test('two starts at once make one guest', async () => {
    const made = session();
    const other = { ...made, said: { out: '', err: '' } };
    const silent = { ...other, out: () => undefined, err: () => undefined };
    const codes = await Promise.all([start(made), start(silent)]).then((both) =>
      both.map(({ code }) => code),
    );
    expect([...codes].sort()).toEqual([0, 2]);
    expect(await list(made)).toHaveLength(1);
  });
});

describe('what goes wrong', () => {
  function nothingIsLeft(made: TestSession): void {
    expect(existsSync(guests(made)) ? readdirSync(guests(made)) : []).toEqual([]);
  }

  test('a guest that dies while it boots', async () => {
    const made = session({ FAKE_GUEST: 'dies' });
    const { code, err } = await start(made);
    expect(code).toBe(1);
    expect(err).toBe(
      'bootstrap: guest armv5l ended while it booted (exit code 3)\n' +
        '  last lines of its console:\n' +
        '  | Booting with memory= share=\n' +
        '  | Kernel panic - not syncing: nothing to do\n' +
        '  Nothing of it remains.\n',
    );
    nothingIsLeft(made);
  });

  test('a guest that hangs', async () => {
    const made = session({ FAKE_GUEST: 'hangs' });
    const { code, err } = await start(made, '--time-limit', '3');
    expect(code).toBe(1);
    expect(err).toContain('guest armv5l did not respond within 3 seconds\n');
    nothingIsLeft(made);
  });

  test('a port that is taken', async () => {
    const made = session();
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const port = String((server.address() as AddressInfo).port);
    const { code, err } = await start(made, '--port', port);
    expect(code).toBe(2);
    expect(err).toBe(
      `bootstrap: --port ${port}: it is in use on 127.0.0.1, or not permitted\n` +
        '  Choose another one, or omit --port to use any free port.\n',
    );
    nothingIsLeft(made);
  });

  test('no emulator', async () => {
    const made = session();
    Object.assign(made.env, { PATH: '/nowhere' });
    const { code, err } = await start(made);
    expect(code).toBe(1);
    expect(err).toContain('qemu-system-arm is missing; it is needed for booting armv5l');
  });

  test.each([
    [['--share', 'nothing'], '--share nothing: there is no such directory'],
    [['--share', 'bin/qemu-system-arm'], '--share bin/qemu-system-arm: it is not a directory'],
    [['--home', 'bin'], '--home bin: it is not a regular file'],
    [['--home', 'no/disk'], '--home no/disk: cannot create it (ENOENT)'],
    [['--memory', '9999'], '--memory 9999: the machine for armv5l takes at most 256 MiB'],
    [['--memory', 'much'], 'It must be a whole number'],
    [['--port', '70000'], 'It must be a whole number from 1 to 65535.'],
    [['--name', 'a/b'], "'a/b' cannot be the name of a guest"],
    [['--out', 'nowhere'], 'Make one with: bootstrap image armv5l --with-native --out nowhere'],
  ])('start with %j', async (options, message) => {
    const made = session();
    const { code, err } = await start(made, ...options);
    expect(err).toContain(message);
    expect(code).toBe(2);
    nothingIsLeft(made);
  });

  test.each([
    [
      ['exec', 'armv5l', '--', 'true'],
      'no guest named armv5l is running\n  Start one with: bootstrap start armv5l',
    ],
    [
      ['exec', 'armv6', '--', 'true'],
      'no guest named armv6 is running\n  Start one with: bootstrap start ARCH',
    ],
    [['exec', 'armv5l', '--cwd', 'src', '--', 'true'], '--cwd src: it names a directory in the guest'],
    [['stop'], 'no guest is named'],
    [['stop', 'armv5l', '--all'], 'guest names and --all cannot be combined'],
    [['stop', 'armv5l'], 'no guest named armv5l is running'],
  ])('%j', async (argv, message) => {
    const made = testSession();
    const { code, err } = await run(made, ...argv);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  test('a name that is nearly right', async () => {
    const made = session();
    await start(made, '--name', 'builder');
    const { err, code } = await run(made, 'exec', 'bilder', '--', 'true');
    expect(err).toContain("there is no guest named 'bilder'\n  Did you mean builder?");
    expect(code).toBe(2);
  });

  test('someone else on the port of a guest does not get the command', async () => {
    const made = session();
    await start(made);
    await start(made, '--name', 'other');
    const place = join(guests(made), 'armv5l/guest.json');
    const written = JSON.parse(readFileSync(place, 'utf8')) as { port: number };
    const port = (await list(made)).find(({ name }) => name === 'other')?.port;
    writeFileSync(place, JSON.stringify({ ...written, port }));
    const { code, err } = await exec(made, ['armv5l', '--', 'true']).finished;
    expect(code).toBe(255);
    expect(err).toContain(`what responds on port ${String(port)} does not have its key`);
    writeFileSync(place, JSON.stringify(written));
  });
});
