import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { shells } from '../core/shells.ts';
import { isRunning, until } from '../executor/processes.ts';

// Many processes one after the other: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 600_000 });

const script = path.resolve(import.meta.dirname, '../../target/native-build.sh');

let base: string;
let image: string;

/** What stands in for the emulator: a shell script that finds the guest's disks and folders in its environment. */
function guest(text: string, name = 'run-emulator.sh'): void {
  writeFileSync(path.join(image, name), `#!/bin/sh\n${text}`, { mode: 0o755 });
}

/** A program that only these tests find. */
function program(name: string, text: string): void {
  writeFileSync(path.join(base, 'bin', name), `#!/bin/sh\n${text}`, { mode: 0o755 });
}

/** A control directory with these files; `init` is executable. */
function control(files: Readonly<Record<string, string>> = { init: 'the work' }, name = 'control'): string {
  const directory = path.join(base, name);
  mkdirSync(directory, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(directory, file), text);
  if ('init' in files) chmodSync(path.join(directory, 'init'), 0o755);
  return directory;
}

function environment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: `${path.join(base, 'bin')}:/usr/bin:/bin`, TMPDIR: path.join(base, 'tmp'), ...env };
}

function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  [shell, ...rest]: readonly [string, ...string[]] = ['sh'],
) {
  const { status, stdout, stderr } = spawnSync(
    shell,
    [...rest, path.join(image, 'native-build.sh'), ...argv],
    {
      cwd: base,
      encoding: 'utf8',
      env: environment(env),
    },
  );
  return { status, stdout, stderr };
}

const place = (...parts: string[]): string => path.join(base, ...parts);
const text = (...parts: string[]): string => readFileSync(place(...parts), 'utf8');

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), 'native build, test-'));
  image = place('an image');
  for (const name of ['an image', 'bin', 'tmp']) mkdirSync(place(name));
  writeFileSync(path.join(image, 'native-build.sh'), readFileSync(script), { mode: 0o755 });
  // Packs as tar, so that tests can look into it without the real one.
  program('mksquashfs', 'tar -cf "$2" -C "$1" .\n');
  // A second between two looks at the guest would make these tests slow.
  program('sleep', 'exec /usr/bin/sleep 0.1\n');
  guest(`tar -xOf "$GUEST_CONTROL" ./init >"$GUEST_UPLOAD/seen"
ls -l "$GUEST_HOME" >"$GUEST_UPLOAD/disk"
cat >"$GUEST_UPLOAD/input"
echo "booting"
echo 0 >"$GUEST_UPLOAD/.exit-status"
`);
});

afterEach(() => {
  // Nothing temporary is ever left, however it ended.
  expect(readdirSync(place('tmp'))).toEqual([]);
  rmSync(base, { recursive: true });
});

describe.each(shells)('native-build.sh under $name', ({ argv: shell }) => {
  test('gives the guest control image, upload folder and scratch disk, and no one to talk to', () => {
    const { status, stdout, stderr } = run([control(), 'results'], {}, shell);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`what it left is in ${place('results')}\n`);
    expect(text('results/seen')).toBe('the work');
    expect(text('results/disk')).toContain('4294967296');
    expect(text('results/input')).toBe('');
    expect(text('results.log')).toBe('booting\n');
  });

  test.each(['-', "-n ~ $(touch x)`touch x` it's *,b:c\n"])(
    'works wherever all of it is called %j',
    (name) => {
      const odd = place('odd', name);
      mkdirSync(path.join(odd, '-tmp'), { recursive: true });
      renameSync(image, path.join(odd, 'image'));
      control({ init: 'the work' }, path.join('odd', name, '-control'));
      const [program, ...rest] = shell;
      const { status, stderr } = spawnSync(
        program,
        [...rest, `../${name}/image/native-build.sh`, '-control', '-up'],
        {
          cwd: odd,
          encoding: 'utf8',
          env: environment({ TMPDIR: '-tmp' }),
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(text('odd', name, '-up/seen')).toBe('the work');
      expect(readdirSync(path.join(odd, '-tmp'))).toEqual([]);
      expect(readdirSync(odd).sort()).toEqual(['-control', '-tmp', '-up', '-up.log', 'image']);
      expect(readdirSync(place('odd'))).toEqual([name]);
    },
  );

  test('ends with the exit status of init, and shows the end of the console', () => {
    guest(`seq 100; printf '\\033[1mno rule\\r\\n'; echo 7 >"$GUEST_UPLOAD/.exit-status"\n`);
    const { status, stderr } = run([control()], {}, shell);
    expect(status).toBe(7);
    expect(stderr).toMatch(
      /^native-build.sh: init ended with status 7; the end of its console, which is in /,
    );
    expect(stderr).toMatch(/ {2}\| 100\n {2}\| \[1mno rule\n$/);
    expect(stderr).not.toContain('| 70\n');
  });

  test('does not take the status of an earlier guest for that of one that died', () => {
    mkdirSync(place('upload'));
    writeFileSync(place('upload/.exit-status'), '0\n');
    writeFileSync(place('upload/mine'), '');
    guest('echo "Kernel panic"\n');
    const { status, stderr } = run([control()], {}, shell);
    expect(status).toBe(125);
    expect(stderr).toContain('the guest ended before init did, the emulator with code 0; the end of its');
    expect(stderr).toContain('  | Kernel panic\n');
    expect(readdirSync(place('upload'))).toEqual(['mine']);
  });

  test('ends a guest that hangs, with all that it started', async () => {
    guest(`/usr/bin/sleep 1000 & echo $! >"$GUEST_UPLOAD/child"; echo "last words"; /usr/bin/sleep 1000\n`);
    const { status, stderr } = run([control()], { GUEST_TIME_LIMIT: '2' }, shell);
    expect(status).toBe(124);
    expect(stderr).toContain('the guest was ended after 2 seconds, the time limit (GUEST_TIME_LIMIT)');
    expect(stderr).toContain('  | last words\n');
    await until('the child is gone', () => !isRunning(text('upload/child')));
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends the guest, with all that it started', async (signal, code) => {
    guest(endless);
    const running = await start(shell);
    running.child.kill(signal);
    expect(await running.ended).toBe(code);
    await until('the child is gone', () => !isRunning(text('upload/child')));
    await until('the guest is gone', () => !isRunning(text('upload/guest')));
  });

  test('leaves no guest behind when it is killed', async () => {
    guest(endless);
    const running = await start(shell);
    running.child.kill('SIGKILL');
    await running.ended;
    await until('the guest is gone', () => !isRunning(text('upload/guest')));
    // This alone could not be put away, and what a stand-in for an emulator started does not end with it.
    spawnSync('kill', [text('upload/child').trim()]);
    for (const name of readdirSync(place('tmp'))) rmSync(place('tmp', name), { recursive: true });
  });
});

/** Says who it is and what it started, and stays. */
const endless = `/usr/bin/sleep 1000 & echo $! >"$GUEST_UPLOAD/child"
echo $$ >"$GUEST_UPLOAD/guest.new" && mv "$GUEST_UPLOAD/guest.new" "$GUEST_UPLOAD/guest"
wait
`;

async function start([shell, ...rest]: readonly [string, ...string[]]): Promise<{
  child: ChildProcess;
  ended: Promise<number | null>;
}> {
  const child = spawn(shell, [...rest, path.join(image, 'native-build.sh'), control()], {
    cwd: base,
    env: environment(),
    stdio: 'ignore',
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  while (!existsSync(place('upload/guest'))) {
    if (child.exitCode !== null) throw new Error(`ended with ${String(child.exitCode)} before the guest ran`);
    await sleep(50);
  }
  return { child, ended };
}

describe('native-build.sh', () => {
  test('starts the guest through dev-environment.sh where there is one', () => {
    guest('echo 3 >"$GUEST_UPLOAD/.exit-status"\n', 'dev-environment.sh');
    expect(run([control()]).status).toBe(3);
  });

  test('keeps the console where the user wants it', () => {
    expect(run([control()], { GUEST_CONSOLE: 'console' }).status).toBe(0);
    expect(text('console')).toBe('booting\n');
    expect(existsSync(place('upload.log'))).toBe(false);
  });

  test('uses a scratch disk that the user names, and keeps it', () => {
    writeFileSync(place('disk'), 'mine');
    guest('cat "$GUEST_HOME" >"$GUEST_UPLOAD/disk"; echo 0 >"$GUEST_UPLOAD/.exit-status"\n');
    expect(run([control()], { GUEST_HOME: place('disk') }).status).toBe(0);
    expect(text('upload/disk')).toBe('mine');
    expect(existsSync(place('disk'))).toBe(true);
  });

  test('is found through links, and takes relative names', () => {
    control({ init: 'the work' }, '-control');
    symlinkSync('../an image/native-build.sh', place('bin/nb'));
    const { status } = spawnSync(place('bin/nb'), ['-control', '-results/'], {
      cwd: base,
      env: environment(),
    });
    expect(status).toBe(0);
    expect(text('-results/seen')).toBe('the work');
  });

  test.each([
    ['its files at the top', ['-C', 'control', '.']],
    ['one directory at its top', ['control']],
    ['names without a directory', ['-C', 'control', 'init', 'more']],
  ])('takes an archive with %s', (_, what) => {
    control({ init: 'packed work', more: '' });
    spawnSync('tar', ['-czf', 'control.tar.gz', ...what], { cwd: base });
    expect(run(['control.tar.gz'])).toMatchObject({ status: 0, stderr: '' });
    expect(text('upload/seen')).toBe('packed work');
  });

  test('takes squashfs as it is, without a program to make it', () => {
    rmSync(place('bin/mksquashfs'));
    writeFileSync(place('control.sqf'), squashfs(1));
    guest('cmp "$GUEST_CONTROL" control.sqf; echo $? >"$GUEST_UPLOAD/.exit-status"\n');
    expect(run(['control.sqf']).status).toBe(0);
  });

  test('ends the guest when the machine has no room left for its scratch disk', () => {
    program(
      'df',
      `if [ -e '${place('upload/begun')}' ]; then left=1; else left=900000; fi
      echo "Filesystem Available"; echo "/dev/my disk 1000000 999999 $left 100% /some where"\n`,
    );
    guest('echo "the guest stands still"; : >"$GUEST_UPLOAD/begun"; /usr/bin/sleep 1000\n');
    const { status, stderr } = run([control()]);
    expect(status).toBe(125);
    expect(stderr).toMatch(
      /there is no room left on this machine for the guest's scratch disk, .*\/home; the guest/,
    );
    expect(stderr).toContain('  | the guest stands still\n');
  });

  test.each([
    [2, 'the control image has no init'],
    [2, 'cannot mount the control image'],
  ])('ends with %d when the guest says: %s', (code, what) => {
    guest(`echo "init: ${what}"\n`);
    expect(run([control()]).status).toBe(code);
  });

  test.each([
    [2, 'QEMU_MEMORY=1G: must be a number of MiB'],
    [127, 'qemu-system-sample is not installed'],
  ])('hands on %d of run-emulator.sh, with what it says', (code, what) => {
    guest(`echo "run-emulator.sh: ${what}" >&2; exit ${code}\n`);
    const { status, stderr } = run([control()]);
    expect(status).toBe(code);
    expect(stderr).toContain(`  | run-emulator.sh: ${what}\n`);
  });
});

/** The first bytes of a squashfs file with this compression. */
function squashfs(compression: number): Uint8Array {
  const bytes = new Uint8Array(96);
  bytes.set([0x68, 0x73, 0x71, 0x73]);
  bytes.set([compression, 0], 20);
  return bytes;
}

describe('native-build.sh boots nothing', () => {
  beforeEach(() => {
    guest('echo booted >"$GUEST_UPLOAD/booted"\n');
  });
  afterEach(() => {
    expect(existsSync(place('upload'))).toBe(false);
  });

  function refused(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
    const { status, stdout, stderr } = run(argv, env);
    expect(stdout).toBe('');
    return `${String(status)}: ${stderr.replace(/^( {2}\| .*\n)*/, '')}`;
  }

  test('without a control image, or with too much', () => {
    expect(refused([])).toBe('2: native-build.sh: usage: native-build.sh CONTROL [UPLOAD_DIR]\n');
    expect(refused(['a', 'b', 'c'])).toBe(
      '2: native-build.sh: usage: native-build.sh CONTROL [UPLOAD_DIR]\n',
    );
    expect(refused(['nowhere'])).toBe('2: native-build.sh: nowhere: no such file or directory\n');
  });

  test('without init', () => {
    control({ other: '' });
    expect(refused(['control'])).toBe(
      '2: native-build.sh: control: has no init, which is what the guest would run\n',
    );
    spawnSync('tar', ['-cf', 'control.tar', 'control'], { cwd: base });
    expect(refused(['control.tar'])).toMatch(/^2: .*control.tar: has no init/);
  });

  test('when init cannot be run', () => {
    control();
    chmodSync(place('control/init'), 0o644);
    const message = '2: native-build.sh: control: its init is no executable file (chmod +x init)\n';
    expect(refused(['control'])).toBe(message);
    rmSync(place('control/init'));
    mkdirSync(place('control/init'));
    expect(refused(['control'])).toBe(message);
  });

  test('of a file that is neither archive nor squashfs', () => {
    writeFileSync(place('text'), 'hello');
    expect(refused(['text'])).toBe(
      '2: native-build.sh: text: neither a directory, nor a tar archive that can be unpacked, nor squashfs\n',
    );
    writeFileSync(place('empty'), '');
    expect(refused(['empty'])).toMatch(/^2: native-build.sh: empty: /);
    writeFileSync(place('xz.sqf'), squashfs(4));
    expect(refused(['xz.sqf'])).toBe(
      '2: native-build.sh: xz.sqf: the guest reads squashfs with gzip compression only\n',
    );
  });

  test('without mksquashfs, and says where it comes from', () => {
    rmSync(place('bin/mksquashfs'));
    control();
    for (const name of ['sh', 'readlink', 'dirname', 'sed', 'tr', 'od', 'rm']) {
      symlinkSync(`/usr/bin/${name}`, place('bin', name));
    }
    expect(refused(['control'], { PATH: place('bin') })).toBe(
      '127: native-build.sh: mksquashfs is not installed; on Debian: apt install squashfs-tools\n',
    );
  });

  test('when mksquashfs fails', () => {
    program('mksquashfs', 'echo "FATAL ERROR: no space" >&2; exit 1\n');
    expect(refused([control()])).toBe(
      `125: native-build.sh: ${place('control')}: mksquashfs could not pack it\n`,
    );
  });

  test.each(['0', 'an hour', '-1', '1.5', '1000000000'])('with %s as time limit', (limit) => {
    expect(refused([control()], { GUEST_TIME_LIMIT: limit })).toBe(
      `2: native-build.sh: GUEST_TIME_LIMIT=${limit}: must be a number of seconds\n`,
    );
  });

  test('with a scratch disk of no size', () => {
    expect(refused([control()], { GUEST_HOME_SIZE: '4G' })).toBe(
      '2: native-build.sh: GUEST_HOME_SIZE=4G: must be a number of MiB\n',
    );
  });

  test('when something else would run instead of init', () => {
    expect(refused([control()], { KERNEL_EXTRA: 'quiet HANDOFF=/bin/sh' })).toMatch(
      /^2: .*HANDOFF= would run/,
    );
  });

  test('when there is no place for temporary files or results', () => {
    expect(refused([control()], { TMPDIR: place('nowhere') })).toMatch(
      /^125: .*nowhere: cannot make a directory/s,
    );
    writeFileSync(place('file'), '');
    expect(refused(['control', 'file/results'])).toBe(
      `2: native-build.sh: ${place('file/results')}: no directory that can be written\n`,
    );
  });
});

test('native-build.sh is POSIX shell', () => {
  expect(readFileSync(script, 'utf8')).not.toMatch(/\[\[|^\s*(?:function|local|source)\s/m);
});
