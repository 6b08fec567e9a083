import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChannelAddress } from '../../src/guest/connect.ts';
import { probePort } from '../../src/guest/ports.ts';
import { guestFile, readGuest, type Guest } from '../../src/guest/state.ts';
import { probeProcess } from '../../src/core/process-stamp.ts';
import { channelContract } from '../channel/contract.ts';
import { connected, runOn, watch } from '../channel/rig.ts';
import { bootstrap, repository } from '../real/built.ts';

const place = mkdtempSync(join(tmpdir(), 'guest-channel-'));
/** Records of guests that are no one else's. */
const state = { directory: join(place, 'store', 'guests') };
const [share, home] = [join(place, 'share'), join(place, 'home.ext2')];
let guest: Guest;

interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { child: ChildProcess; finished: Promise<Finished>; stdout: () => string } {
  const child = spawn(`${repository}/bootstrap`, argv, {
    cwd: place,
    env: { ...process.env, BOOTSTRAP_STORE: join(place, 'store'), ...env },
    stdio: 'pipe',
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined);
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
  });
  return { child, finished, stdout: () => Buffer.concat(stdout).toString() };
}

function run(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished> {
  const { child, finished } = start(argv, env);
  child.stdin?.end();
  return finished;
}

function pid(of: Guest): number {
  return Number(of.process.split('.')[0]);
}

async function known(name: string): Promise<Guest> {
  const found = await readGuest(state, name);
  if (found === undefined) throw new Error(`no record of ${name}`);
  return found;
}

function address(): ChannelAddress {
  return { ...guest, clientKey: readFileSync(guestFile(state, guest.name, 'clientKey'), 'utf8') };
}

/** Local addresses that a process listens on, as `/proc/net` writes them. */
function listening(process: number): readonly string[] {
  const descriptors = readdirSync(`/proc/${String(process)}/fd`).map((name) => {
    try {
      return readlinkSync(`/proc/${String(process)}/fd/${name}`);
    } catch {
      return '';
    }
  });
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((protocol) =>
    readFileSync(`/proc/net/${protocol}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      // 0A: a TCP socket that listens; 07: a UDP socket that is not connected.
      .filter(([, , , status, , , , , , inode]) => {
        const open = status === '0A' || (status === '07' && protocol.startsWith('udp'));
        return open && descriptors.includes(`socket:[${String(inode)}]`);
      })
      .map(([, local]) => `${protocol} ${String(local)}`),
  );
}

beforeAll(async () => {
  await bootstrap('image', 'armv5l', '--with-native', '--host', 'i686');
  mkdirSync(share);
  const started = await run(['start', 'armv5l', '--share', share, '--home', home, '--memory', '128']);
  expect(started.stderr).toBe('');
  expect(started.code).toBe(0);
  guest = await known('armv5l');
});

afterAll(async () => {
  await run(['stop', '--all']);
  rmSync(place, { recursive: true, force: true });
});

channelContract('the command channel of a guest', address);

describe('in the guest', () => {
  let client: Client;

  beforeAll(async () => {
    client = await connected(address());
  });

  afterAll(() => {
    client.end();
  });

  test('a command has the environment of init, and begins on the scratch disk', async () => {
    const { stdout } = await runOn(client, ['sh', '-c', 'echo "$PATH $HOST $HOME"; pwd']);
    expect(stdout.toString()).toBe('/toolchain/bin:/usr/bin:/bin:/usr/sbin:/sbin armv5l /root\n/home\n');
  });

  test('memory and share are what was asked for', async () => {
    writeFileSync(join(share, 'here'), 'from outside');
    expect((await runOn(client, ['cat', '/share/here'])).stdout.toString()).toBe('from outside');
    const { stdout } = await runOn(client, [
      'sed',
      '-n',
      's/^MemTotal: *\\([0-9]*\\) kB/\\1/p',
      '/proc/meminfo',
    ]);
    expect(Number(stdout)).toBeGreaterThan(100_000);
    expect(Number(stdout)).toBeLessThan(131_072);
  });

  test('a signal that SSH has no name for', async () => {
    const { end } = await runOn(client, ['sh', '-c', 'kill -XCPU $$']);
    expect(end).toEqual({ kind: 'exited', status: 128 + 24 });
  });

  test('a command as long as an argument can be', async () => {
    const word = 'x'.repeat(130_900);
    const { stdout, end } = await runOn(client, ['printf', '%s', word]);
    expect(end).toEqual({ kind: 'exited', status: 0 });
    expect(stdout.toString()).toBe(word);
  });

  test('a terminal has the size of ours, also when that changes', async () => {
    const terminal = { type: 'xterm', columns: 77, rows: 33 };
    const script = 'trap "stty size; exit 0" WINCH; echo $TERM; stty size; while :; do sleep 0.1; done';
    const command = watch(client, ['sh', '-c', script], { terminal });
    await command.until('33 77');
    command.resize(101, 42);
    expect(await command.ended).toEqual({ kind: 'exited', status: 0 });
    expect(command.stdout().toString()).toBe('xterm\r\n33 77\r\n42 101\r\n');
  });

  test('Ctrl-C typed on a terminal interrupts', async () => {
    const input = new PassThrough();
    const terminal = { type: 'xterm', columns: 80, rows: 24 };
    const command = watch(client, ['sh', '-c', 'echo ready; exec sleep 1000'], { input, terminal });
    await command.until('ready');
    input.write('\x03');
    expect(await command.ended).toEqual({ kind: 'killed', signal: 'INT' });
  });

  test('the end of the input is the end of what is typed on a terminal', async () => {
    const terminal = { type: 'xterm', columns: 80, rows: 24 };
    const { end, stdout } = await runOn(client, ['sh', '-c', 'stty -echo; cat; exit 5'], {
      input: 'a line\n',
      terminal,
    });
    expect(end).toEqual({ kind: 'exited', status: 5 });
    expect(stdout.toString()).toContain('a line\r\n');
  });

  test('who goes away takes along what they were running', async () => {
    const other = await connected(address());
    const command = watch(other, ['sh', '-c', 'echo $$; sleep 1000']);
    await command.until('\n');
    const shell = command.stdout().toString().trim();
    other.destroy();
    const gone = `while [ -e /proc/${shell} ]; do sleep 0.1; done`;
    expect((await runOn(client, ['sh', '-c', gone])).end).toEqual({ kind: 'exited', status: 0 });
  });

  test('nothing is forwarded', async () => {
    await expect(
      new Promise((resolve, reject) => {
        client.forwardOut('127.0.0.1', 0, '10.0.2.2', 22, (error) => {
          if (error === undefined) resolve('forwarded');
          else reject(error);
        });
      }),
    ).rejects.toThrow();
    await expect(
      new Promise((resolve, reject) => {
        client.forwardIn('127.0.0.1', 0, (error) => {
          if (error === undefined) resolve('forwarded');
          else reject(error);
        });
      }),
    ).rejects.toThrow();
  });
});

describe('on this machine', () => {
  test('nothing listens but one port of 127.0.0.1', () => {
    const port = guest.port.toString(16).toUpperCase().padStart(4, '0');
    expect(listening(pid(guest))).toEqual([`tcp 0100007F:${port}`]);
  });

  test('keys are for their owner alone', () => {
    for (const file of ['clientKey', 'keysDisk', 'record', 'console'] as const) {
      const { mode } = statSync(guestFile(state, guest.name, file));
      expect(mode & 0o777, file).toBe(0o600);
    }
    expect(statSync(state.directory).mode & 0o777).toBe(0o700);
  });

  test('ps tells of it', async () => {
    const { stdout } = await run(['ps', '--json']);
    expect(JSON.parse(stdout.toString())).toEqual([
      {
        name: 'armv5l',
        arch: 'armv5l',
        state: 'running',
        pid: pid(guest),
        port: guest.port,
        since: guest.since,
        image: `${repository}/out/armv5l/system-image-armv5l`,
      },
    ]);
  });

  test('`exec` hands on streams and exit code', async () => {
    const bytes = randomBytes(10 * 1024 * 1024);
    const { child, finished } = start(['exec', 'armv5l', '--', 'sh', '-c', 'cat; echo "it\'s" >&2; exit 7']);
    child.stdin?.end(bytes);
    const done = await finished;
    expect(done.code).toBe(7);
    expect(done.stderr).toBe("it's\n");
    expect(done.stdout.equals(bytes)).toBe(true);
  });

  test('`exec` hands on what follows the two dashes, options and dashes too', async () => {
    const argv = ['exec', 'armv5l', '--cwd', '/tmp', '--', 'printf', '%s|', '--cwd', '-t', '--', 'a b'];
    const { stdout, code } = await run(argv);
    expect(stdout.toString()).toBe('--cwd|-t|--|a b|');
    expect(code).toBe(0);
    expect((await run(['exec', 'armv5l', '--cwd', '/tmp', '--', 'pwd'])).stdout.toString()).toBe('/tmp\n');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('`exec` hands on %s', async (signal, code) => {
    const { child, finished, stdout } = start([
      ...['exec', 'armv5l', '--', 'sh', '-c'],
      'sh -c "echo \\$\\$; exec sleep 1000"; exit 9',
    ]);
    while (!stdout().includes('\n')) await sleep(50);
    child.kill(signal);
    expect((await finished).code).toBe(code);
    const left = await run(['exec', 'armv5l', '--', 'test', '-e', `/proc/${stdout().trim()}`]);
    expect(left.code).toBe(1);
  });

  test('eight `exec` at a time', async () => {
    const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
    const done = await Promise.all(
      numbers.map((number) =>
        run(['exec', 'armv5l', '--', 'sh', '-c', `echo ${String(number)}; exit ${String(number)}`]),
      ),
    );
    expect(done.map(({ code }) => code)).toEqual(numbers);
    expect(done.map(({ stdout }) => stdout.toString())).toEqual(
      numbers.map((number) => `${String(number)}\n`),
    );
  });

  test('a second guest of the arch has a name of its own, and the first goes on', async () => {
    const clash = await run(['start', 'armv5l']);
    expect(clash.code).toBe(2);
    expect(clash.stderr).toContain('a guest named armv5l is already running');
    const second = await run(['start', 'armv5l', '--name', 'second']);
    expect(second.stderr).toBe('');
    expect((await run(['exec', 'second', '--', 'hostname'])).stdout.toString()).toBe('armv5l\n');
    expect((await run(['exec', 'armv5l', '--', 'true'])).code).toBe(0);
    const record = await known('second');
    const stopped = await run(['stop', 'second']);
    expect(stopped.stdout.toString()).toBe('guest second shut down\n');
    expect(probeProcess(record.process)).toBe('dead');
    expect(existsSync(join(state.directory, 'second'))).toBe(false);
    expect(await probePort(record.port)).toBe(record.port);
  });

  test('what was written to the scratch disk is there after stop and start', async () => {
    await run(['exec', 'armv5l', '--', 'sh', '-c', 'echo kept >/home/file']);
    const first = guest;
    expect((await run(['stop', 'armv5l'])).stdout.toString()).toBe('guest armv5l shut down\n');
    expect(probeProcess(first.process)).toBe('dead');
    expect(readdirSync(state.directory)).toEqual([]);
    expect((await run(['start', 'armv5l', '--home', home])).code).toBe(0);
    guest = await known('armv5l');
    expect((await run(['exec', 'armv5l', '--', 'cat', '/home/file'])).stdout.toString()).toBe('kept\n');
    // Clean: the kernel complains about a file system that was not unmounted.
    const log = await run(['exec', 'armv5l', '--', 'dmesg']);
    const complaints = log.stdout
      .toString()
      .split('\n')
      .filter((line) => /unchecked|recover/i.test(line));
    expect(complaints).toEqual([]);
  });
});

describe('what goes wrong', () => {
  function nothingIsLeft(name: string): void {
    expect(existsSync(join(state.directory, name))).toBe(false);
    for (const process of readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry))) {
      let line = '';
      try {
        line = readFileSync(`/proc/${process}/cmdline`, 'latin1');
      } catch {
        // It has just ended.
      }
      expect(line).not.toContain(join(state.directory, name));
    }
  }

  test('a port that is taken', async () => {
    const { code, stderr } = await run(['start', 'armv5l', '--name', 'other', '--port', String(guest.port)]);
    expect(code).toBe(2);
    expect(stderr).toContain(`--port ${String(guest.port)}: it is in use on 127.0.0.1`);
    nothingIsLeft('other');
  });

  test('a guest that dies', async () => {
    const env = { QEMU_EXTRA: '-no-such-option' };
    const { code, stderr } = await run(['start', 'armv5l', '--name', 'other'], env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^bootstrap: guest other ended while it booted \(exit code 1\)$/m);
    expect(stderr).toContain('-no-such-option: invalid option');
    nothingIsLeft('other');
  });

  test('a guest that hangs', async () => {
    const argv = ['start', 'armv5l', '--name', 'other', '--time-limit', '20'];
    const { code, stderr } = await run(argv, {
      KERNEL_EXTRA: 'HANDOFF=/bin/true init=/nowhere rdinit=/bin/cat',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^bootstrap: guest other did not respond within 20 seconds$/m);
    expect(stderr).toContain('last lines of its console');
    nothingIsLeft('other');
  });

  test('Ctrl-C while a guest boots', async () => {
    const { child, finished } = start(['start', 'armv5l', '--name', 'other'], { QEMU_EXTRA: '-S' });
    while (!existsSync(guestFile(state, 'other', 'record'))) await sleep(50);
    child.kill('SIGINT');
    const { code, stderr } = await finished;
    expect(code).toBe(130);
    expect(stderr).toContain('stopped by SIGINT');
    nothingIsLeft('other');
  });

  test('a guest that was stopped from outside does not keep `stop` waiting for ever', async () => {
    expect((await run(['start', 'armv5l', '--name', 'other'])).code).toBe(0);
    const record = await known('other');
    process.kill(pid(record), 'SIGSTOP');
    const { stdout } = await run(['stop', 'other']);
    expect(stdout.toString()).toBe('guest other did not shut down in time and was ended\n');
    expect(probeProcess(record.process)).toBe('dead');
    nothingIsLeft('other');
  });

  test('an emulator that is killed', async () => {
    const { finished, stdout } = start(['exec', 'armv5l', '--', 'sh', '-c', 'echo ready; exec sleep 1000']);
    while (!stdout().includes('ready')) await sleep(50);
    process.kill(pid(guest), 'SIGKILL');
    while (probeProcess(guest.process) === 'alive') await sleep(100);
    const { code, stderr } = await finished;
    expect(code).toBe(255);
    expect(stderr).toMatch(/^bootstrap: guest armv5l has ended$/m);
    expect(stderr).toContain('Start it again with: bootstrap start armv5l');
    const later = await run(['exec', 'armv5l', '--', 'true']);
    expect(later.code).toBe(255);
    expect(later.stderr).toMatch(/^bootstrap: guest armv5l has ended$/m);
    expect((await run(['ps'])).stdout.toString()).toMatch(/^armv5l +armv5l +ended /m);
    expect((await run(['stop', 'armv5l'])).stdout.toString()).toBe('guest armv5l had ended before\n');
    expect((await run(['ps'])).stdout.toString()).toBe('no guest is running\n');
    expect(readdirSync(state.directory)).toEqual([]);
  });
});
