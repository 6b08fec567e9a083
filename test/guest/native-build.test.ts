import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countProcesses } from '../executor/processes.ts';
import { bootstrap, repository, storedOutput } from '../real/built.ts';

const arch = 'armv5l';
const image = path.join(repository, 'out', arch, `system-image-${arch}`);
const base = mkdtempSync(path.join(tmpdir(), 'native-build-'));
/** Directory of mksquashfs: the machine need not have one. */
let squashfsTools = '';

beforeAll(async () => {
  await bootstrap('image', arch, '--with-native', '--host', 'i686');
  const request = { arch, goal: { kind: 'image', withNative: true } } as const;
  squashfsTools = path.join(await storedOutput(request, 'host-tools/squashfs-tools', 'out'), 'bin');
});

beforeEach(() => {
  for (const name of readdirSync(base)) rmSync(path.join(base, name), { recursive: true });
  mkdirSync(path.join(base, 'tmp'));
});

afterAll(() => {
  rmSync(base, { recursive: true });
});

/** A control directory with this init. */
function control(init: string): string {
  const directory = path.join(base, 'control');
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'init'), `#!/bin/sh\n${init}`);
  chmodSync(path.join(directory, 'init'), 0o755);
  return directory;
}

const uploaded = (...parts: string[]): string => readFileSync(path.join(base, 'upload', ...parts), 'utf8');

function environment(env: Readonly<Record<string, string>>): Record<string, string> {
  const PATH = `${squashfsTools}:${process.env['PATH'] ?? ''}`;
  return { PATH, HOME: base, TMPDIR: path.join(base, 'tmp'), ...env };
}

/** Runs the image's native-build.sh to its end; nothing of the run is left then, whatever it was. */
async function nativeBuild(directory: string, env: Readonly<Record<string, string>> = {}) {
  const { status, stderr } = spawnSync(path.join(image, 'native-build.sh'), [directory], {
    cwd: base,
    encoding: 'utf8',
    env: environment(env),
  });
  await expectNothingLeft();
  return { status, stderr };
}

/** No temporary file, no emulator, no compile server. */
async function expectNothingLeft(): Promise<void> {
  await expect.poll(() => countProcesses(base), { timeout: 120_000, interval: 500 }).toBe(0);
  expect(readdirSync(path.join(base, 'tmp'))).toEqual([]);
}

describe('native-build.sh, with a guest', () => {
  it('runs init as root, with the native compiler and a place to work, and brings back what it left', async () => {
    const { status, stderr } = await nativeBuild(
      control(`set -eu
cat /mnt/init >/dev/null
[ "$(pwd)" = /home ] && [ "$(id -u)" = 0 ]
if read -r line; then echo "someone said: $line"; exit 1; fi
echo 'int main(void) { return 42; }' >answer.c
gcc -o answer answer.c
status=0
./answer || status=$?
mkdir -p /upload/results/deep
echo "$HOST $status" >/upload/results/deep/answer
cp answer /upload/results
chown 1000:1000 /upload/results/answer
mknod /upload/results/null c 1 3
`),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(uploaded('results/deep/answer')).toBe('armv5l 42\n');
    expect(uploaded('results/.virtfs_metadata/answer')).toContain('virtfs.uid=1000\n');
    expect(uploaded('results/.virtfs_metadata/null')).toContain('virtfs.rdev=259\n');
    expect(uploaded('.exit-status')).toBe('0\n');
  });

  it('ends with the status of init, and shows why', async () => {
    const { status, stderr } = await nativeBuild(
      control('echo half >/upload/half; echo "no rule" >&2; exit 7\n'),
    );
    expect(status).toBe(7);
    expect(stderr).toContain('init ended with status 7; the end of its console');
    expect(stderr).toContain('  | no rule\n');
    expect(uploaded('half')).toBe('half\n');
  });

  it('says that the scratch disk is full', async () => {
    const init = 'dd if=/dev/zero of=/home/all bs=1M\n';
    const { status, stderr } = await nativeBuild(control(init), { GUEST_HOME_SIZE: '64' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/no space left on device/i);
  });

  it('ends a guest that stands still because this machine has no room for its disk', () => {
    const small = 'mount -t tmpfs -o size=40m none "$TMPDIR" && exec "$0" "$@"';
    const wrapper = ['--user', '--map-root-user', '--mount', 'sh', '-c', small];
    const script = path.join(image, 'native-build.sh');
    const { status, stderr } = spawnSync('unshare', [...wrapper, script, control('true\n')], {
      cwd: base,
      encoding: 'utf8',
      // distccd would have to become another user, who does not exist there.
      env: environment({ CROSS_COMPILER: '' }),
    });
    expect(status).toBe(125);
    expect(stderr).toContain("there is no room left on this machine for the guest's scratch disk, ");
  });

  it('ends a guest that hangs at its time limit', async () => {
    const { status, stderr } = await nativeBuild(control('echo "last words"; sleep 100000\n'), {
      GUEST_TIME_LIMIT: '60',
    });
    expect(status).toBe(124);
    expect(stderr).toContain('the guest was ended after 60 seconds, the time limit');
    expect(stderr).toContain('  | last words\n');
  });

  it('notices a guest that dies', async () => {
    const { status, stderr } = await nativeBuild(control('echo "last words"; reboot -f\n'));
    expect(status).toBe(125);
    expect(stderr).toContain('the guest ended before init did, the emulator with code 0');
    expect(stderr).toContain('  | last words\n');
  });

  it('notices an emulator that is killed', async () => {
    const script = path.join(image, 'native-build.sh');
    const init = 'echo working >/upload/working; sleep 100000\n';
    const child = spawn(script, [control(init)], { cwd: base, env: environment({}), stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await untilItWorks();
    for (const pid of emulators()) process.kill(pid, 'SIGKILL');
    expect(await ended).toBe(125);
    await expectNothingLeft();
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends the guest on %s', async (signal, code) => {
    const script = path.join(image, 'native-build.sh');
    const init = 'echo working >/upload/working; sleep 100000\n';
    const child = spawn(script, [control(init)], { cwd: base, env: environment({}), stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await untilItWorks();
    child.kill(signal);
    expect(await ended).toBe(code);
    await expectNothingLeft();
  });

  it('boots nothing for a directory without init', async () => {
    mkdirSync(path.join(base, 'empty'));
    const { status, stderr } = await nativeBuild(path.join(base, 'empty'));
    expect(status).toBe(2);
    expect(stderr).toContain('has no init');
    expect(existsSync(path.join(base, 'upload'))).toBe(false);
  });

  it('tells of a squashfs file without init, which only the guest can see', async () => {
    mkdirSync(path.join(base, 'empty'));
    const file = path.join(base, 'empty.sqf');
    spawnSync(path.join(squashfsTools, 'mksquashfs'), [path.join(base, 'empty'), file]);
    const { status, stderr } = await nativeBuild(file);
    expect(status).toBe(2);
    expect(stderr).toContain('the control image has no init');
  });
});

async function untilItWorks(): Promise<void> {
  while (!existsSync(path.join(base, 'upload/working'))) await sleep(200);
}

/** Process ids of emulators whose command line names a file of these tests. */
function emulators(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      if (!existsSync(`/proc/${name}/cmdline`)) return false;
      const [program = '', ...rest] = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      return path.basename(program).startsWith('qemu-system-') && rest.some((word) => word.includes(base));
    })
    .map(Number);
}
