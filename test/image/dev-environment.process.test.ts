import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeArch } from '../../src/inputs/arch.ts';
import { renderDevEnvironment } from '../../src/image/dev-environment.ts';
import { imageFiles, kernelCommandLine } from '../../src/image/emulator.ts';
import { renderRunScript } from '../../src/image/run-script.ts';
import { shells } from '../core/shells.ts';
import { sampleArch, without } from '../inputs/sample-arch.ts';
import { isRunning, until } from '../executor/processes.ts';

const arch = describeArch(sampleArch);
const alone = 'dev-environment.sh: the guest compiles alone\n';

/** Writes its arguments, one a line, and ends with 7; or, if told so, stays. */
const fakeEmulator = `#!/bin/sh
printf '%s\\n' "$@"
[ -z "\${STAY-}" ] || exec /usr/bin/sleep 1000
exit 7
`;

/**
 * Behaves as distccd does: goes into the background when it listens, as leader of its process group, and is known by
 * its pid file. Beside its directory: `arguments` of the last call, `ports` that were tried, `server`'s process id; and
 * what a test has put there: ports that are `taken`, how it is `broken`, how many seconds it is `slow`.
 */
const fakeServer = `#!/bin/sh
notes=$(dirname "$0")/../..
[ "$1" != --version ] || exec cat "$notes/version"
printf '%s\\n' "$@" >"$notes/arguments"
echo "$TMPDIR" >"$notes/temporary"
while [ $# -gt 0 ]; do
  case $1 in
    --port) port=$2 ;;
    --pid-file) pid=$2 ;;
    --log-file) log=$2 ;;
  esac
  shift
done
echo "$port" >>"$notes/ports"
if [ -e "$notes/slow" ]; then /usr/bin/sleep "$(cat "$notes/slow")"; fi
if [ -e "$notes/broken" ]; then
  cat "$notes/broken" >"$log"
  exit 101
fi
if [ -e "$notes/taken" ] && [ "$(wc -l <"$notes/ports")" -le "$(cat "$notes/taken")" ]; then exit 102; fi
setsid /usr/bin/sleep 1000 </dev/null >/dev/null 2>&1 &
echo $! >"$pid"
echo $! >"$notes/server"
echo "listening on $port" >>"$log"
`;

let base: string;
let image: string;
let script: string;
let started: ChildProcess[];

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "environment test, it's-")));
  // What the server's user has to reach, when a test runs as root.
  spawnSync('chmod', ['755', base]);
  image = join(base, 'release', "an image, it's 100% $HOME");
  script = join(image, imageFiles.environment);
  started = [];
  for (const directory of [image, join(base, 'bin'), join(base, 'tmp')]) {
    mkdirSync(directory, { recursive: true });
  }
  program(join(base, 'bin', sampleArch.emulator.program), fakeEmulator);
  // A server that has ended stays a zombie where process 1 is slow to notice, and the script waits five times for it.
  program(join(base, 'bin/sleep'), '#!/bin/sh\nexec /usr/bin/sleep 0.05\n');
  for (const file of [imageFiles.kernel, imageFiles.deviceTree, imageFiles.initramfs, imageFiles.toolchain]) {
    writeFileSync(join(image, file), '');
  }
  program(join(image, imageFiles.script), renderRunScript(arch));
  program(script, renderDevEnvironment(arch));
});

afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  for (const server of noted('server')) {
    if (isRunning(server)) process.kill(Number(server), 'SIGKILL');
  }
  rmSync(base, { recursive: true });
});

function program(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o755 });
}

/** Lays a cross compiler into this directory; its server's notes are in `base`, or beside it. */
function compiler(directory: string, options: { readonly foreign?: boolean } = {}): string {
  program(join(directory, 'bin', `${arch.triple}-gcc`), '#!/bin/sh\n');
  program(join(directory, 'bin/distccd'), options.foreign === true ? '#!/bin/sh\nexit 126\n' : fakeServer);
  mkdirSync(join(directory, 'distcc'));
  writeFileSync(join(directory, '../version'), 'distccd, of a test\n');
  return directory;
}

/** Lines that the fake server of a compiler in `directory` has left. */
function noted(name: string, directory = join(base, 'compilers')): readonly string[] {
  const file = join(directory, name);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
}

const environment = (env: Readonly<Record<string, string>>) => ({
  PATH: `${join(base, 'bin')}:/usr/bin:/bin`,
  TMPDIR: join(base, 'tmp'),
  ...env,
});

function start(env: Readonly<Record<string, string>> = {}, command = script) {
  const { status, stdout, stderr } = spawnSync(command, {
    cwd: base,
    encoding: 'utf8',
    env: environment(env),
  });
  return { status, stderr, words: stdout.split('\n').slice(0, -1) };
}

/** The kernel command line in an emulator's arguments, less what it is in any case. */
function kernelExtra(words: readonly string[]): string {
  return (words[words.indexOf('-append') + 1] ?? '').slice(kernelCommandLine(arch).length);
}

const serverIsGone = () => !noted('server').some((pid) => isRunning(pid));
const nothingIsLeft = () => serverIsGone() && readdirSync(join(base, 'tmp')).length === 0;

describe('dev-environment.sh', () => {
  it('starts the image beside it, with the memory that the board supports', () => {
    const { status, words } = start();
    expect(status).toBe(7);
    expect(words[words.indexOf('-m') + 1]).toBe('256');
    const less = start({ QEMU_MEMORY: '100' }).words;
    expect(less[less.indexOf('-m') + 1]).toBe('100');
  });

  it('uses ample memory if the board has no limit', () => {
    const roomy = describeArch({
      ...sampleArch,
      emulator: { ...sampleArch.emulator, memory: without(sampleArch.emulator.memory, 'limit') },
    });
    program(join(image, imageFiles.script), renderRunScript(roomy));
    program(script, renderDevEnvironment(roomy));
    const { words } = start();
    expect(words[words.indexOf('-m') + 1]).toBe('2048');
  });

  it('is found through links', () => {
    symlinkSync(script, join(base, 'bin/environment'));
    symlinkSync('../bin/environment', join(base, 'tmp/-link'));
    expect(start({ CDPATH: base }, join(base, 'tmp/-link')).status).toBe(7);
    expect(existsSync(join(image, imageFiles.home))).toBe(true);
  });

  it('reports an incomplete image', () => {
    rmSync(join(image, imageFiles.script));
    expect(start()).toEqual({
      status: 1,
      stderr: `dev-environment.sh: ${image}/run-emulator.sh is missing; unpack the system image again\n`,
      words: [],
    });
  });

  describe('the scratch disk', () => {
    const size = (file: string) => statSync(file).size / 1048576;

    it('is created once, beside the script, and takes no space', () => {
      const file = join(image, imageFiles.home);
      expect(start().words).toContain(`if=none,id=home,format=raw,file=${file.replaceAll(',', ',,')}`);
      expect(size(file)).toBe(4096);
      expect(statSync(file).blocks).toBeLessThan(100);
      writeFileSync(file, 'work');
      start({ GUEST_HOME_SIZE: '7' });
      expect(readFileSync(file, 'utf8')).toBe('work');
    });

    it('is created where and as large as the user says', () => {
      const { words } = start({ GUEST_HOME: '-my disk', GUEST_HOME_SIZE: '100' });
      expect(size(join(base, '-my disk'))).toBe(100);
      expect(words).toContain(`if=none,id=home,format=raw,file=${base.replaceAll(',', ',,')}/-my disk`);
      expect(existsSync(join(image, imageFiles.home))).toBe(false);
    });

    it.each(['4G', '0', '-1', '99999999', ' '])('is not of %j MiB', (wrong) => {
      expect(start({ GUEST_HOME_SIZE: wrong })).toEqual({
        status: 2,
        stderr: `dev-environment.sh: GUEST_HOME_SIZE=${wrong}: must be a number of MiB\n`,
        words: [],
      });
    });

    it('reports that none can be created', () => {
      expect(start({ GUEST_HOME: 'no/where' })).toEqual({
        status: 1,
        stderr: 'dev-environment.sh: GUEST_HOME=no/where: cannot make a scratch disk of 4096 MiB there\n',
        words: [],
      });
    });
  });

  describe('without a cross compiler', () => {
    it('reports that and continues', () => {
      const { status, stderr, words } = start();
      expect(status).toBe(7);
      expect(kernelExtra(words)).toBe('');
      expect(stderr).toBe(
        'dev-environment.sh: there is no cross compiler for sample beside this script, one directory up, or in PATH ' +
          `(CROSS_COMPILER names one)\n${alone}`,
      );
    });

    it('names a tarball that contains one', () => {
      const packed = join(image, '../cross-compiler-sample-i686.tar.gz');
      writeFileSync(packed, '');
      expect(start().stderr).toContain(
        `dev-environment.sh: ${image}/../cross-compiler-sample-i686.tar.gz is one; unpack it there\n`,
      );
    });

    it('reports a CROSS_COMPILER that is none, and searches nowhere else', () => {
      compiler(join(image, 'cross-compiler-sample-i686'));
      const { status, stderr, words } = start({ CROSS_COMPILER: 'no/where' });
      expect(status).toBe(7);
      expect(kernelExtra(words)).toBe('');
      expect(stderr).toBe(
        'dev-environment.sh: CROSS_COMPILER=no/where: there is no cross compiler for sample that runs on this ' +
          `machine\n${alone}`,
      );
    });

    it('uses none if CROSS_COMPILER is empty, or the guest has no compiler', () => {
      compiler(join(image, 'cross-compiler-sample-i686'));
      expect(start({ CROSS_COMPILER: '' })).toMatchObject({ status: 7, stderr: alone });
      rmSync(join(image, imageFiles.toolchain));
      expect(start()).toMatchObject({ status: 7, stderr: '' });
      expect(existsSync(join(image, 'arguments'))).toBe(false);
    });

    it('uses none for another host', () => {
      compiler(join(image, 'cross-compiler-sample-other'), { foreign: true });
      expect(start().stderr).toContain('there is no cross compiler for sample beside this script');
    });
  });

  describe('with a cross compiler', () => {
    let directory: string;
    const env = () => ({ CROSS_COMPILER: directory });

    beforeEach(() => {
      directory = compiler(join(base, "compilers/one, it's mine"));
    });

    it.each([
      ['CROSS_COMPILER', (found: string) => ({ CROSS_COMPILER: found })],
      ['CROSS_COMPILER as its bin', (found: string) => ({ CROSS_COMPILER: join(found, 'bin') })],
      [
        'CROSS_COMPILER as a directory of some',
        (found: string) => {
          renameSync(found, join(found, '../cross-compiler-sample-i686'));
          return { CROSS_COMPILER: join(found, '..') };
        },
      ],
      ['PATH', (found: string) => ({ PATH: `${join(base, 'bin')}:${found}/bin:/usr/bin:/bin` })],
      [
        'PATH by links',
        (found: string) => {
          symlinkSync(join(found, 'bin', `${arch.triple}-gcc`), join(base, 'tmp/link'));
          symlinkSync('../tmp/link', join(base, 'bin', `${arch.triple}-gcc`));
          return {};
        },
      ],
    ])('finds it by %s', (_, lay) => {
      const { status, words } = start(lay(directory));
      expect(status).toBe(7);
      expect(kernelExtra(words)).toMatch(/^ DISTCC_HOSTS=10\.0\.2\.2:/);
      expect(noted('arguments')).not.toEqual([]);
    });

    it.each([
      ['beside itself', 'cross-compiler-sample-i686'],
      ['beside itself', 'cross-compiler-sample'],
      ['one directory up', '../cross-compiler-sample-x86_64'],
      ['one directory up', '..'],
    ])('finds it %s as %s, and before one in PATH', (_, place) => {
      const found = compiler(join(image, place));
      expect(start({ PATH: `${join(base, 'bin')}:${directory}/bin:/usr/bin:/bin` }).stderr).toContain(
        `go by way of ${realpathSync(found)} (distccd`,
      );
      expect(noted('arguments')).toEqual([]);
    });

    it.each([
      ['that everybody may write to', (found: string) => chmodSync(found, 0o777)],
      [
        'with a server that everybody may write to',
        (found: string) => chmodSync(join(found, 'bin/distccd'), 0o777),
      ],
      // Only root can give a directory away.
      ...(process.getuid?.() === 0
        ? ([["of another user's", (found: string) => chownSync(found, 65534, 65534)]] as const)
        : []),
    ] as const)('passes over one directory up %s, unless it is named', (_, change) => {
      const found = compiler(join(image, '../cross-compiler-sample-x86_64'));
      program(
        join(found, 'bin/distccd'),
        `#!/bin/sh\necho ran >>'${base.replaceAll("'", "'\\''")}/ran'\nexit 1\n`,
      );
      change(found);
      const refusal = `dev-environment.sh: ${found} is passed over, because another user can write there (CROSS_COMPILER takes it all the same)\n`;
      const { status, stderr } = start();
      expect(status).toBe(7);
      expect(stderr).toContain(refusal);
      expect(existsSync(join(base, 'ran'))).toBe(false);
      start({ CROSS_COMPILER: found });
      expect(existsSync(join(base, 'ran'))).toBe(true);
    });

    it('has the server listen on loopback, for this user, and run this compiler only', () => {
      const { stderr, words } = start({ ...env(), KERNEL_EXTRA: 'quiet x' });
      const argv = noted('arguments');
      const value = (option: string) => argv[argv.indexOf(option) + 1];
      const port = value('--port') ?? '';
      expect(value('--listen')).toBe('127.0.0.1');
      expect(value('--allow')).toBe('127.0.0.1');
      expect(argv).toContain('--own-user');
      expect(value('--programs')).toBe(join(directory, 'distcc'));
      expect(value('--confine')).toBe(directory);
      expect(argv.join(' ')).not.toContain('insecure');
      expect(kernelExtra(words)).toMatch(new RegExp(`^ quiet x DISTCC_HOSTS=10\\.0\\.2\\.2:${port}/[1-9]`));
      expect(stderr).toBe(
        `dev-environment.sh: gcc and g++ in the guest go by way of ${directory} (distccd on port ${port} of 127.0.0.1)\n`,
      );
      expect(noted('temporary')[0]).toMatch(new RegExp(`^${base}/tmp/`));
    });

    it('tries another port when one is taken', () => {
      writeFileSync(join(base, 'compilers/taken'), '3');
      const { words } = start(env());
      const ports = noted('ports').map(Number);
      expect(ports).toHaveLength(4);
      expect(new Set(ports).size).toBe(4);
      expect(kernelExtra(words)).toContain(`10.0.2.2:${ports[3]}/`);
    });

    it('continues without it when no port is free', async () => {
      writeFileSync(join(base, 'compilers/taken'), '1000');
      const { status, stderr, words } = start(env());
      expect(status).toBe(7);
      expect(kernelExtra(words)).toBe('');
      expect(stderr).toBe(
        `dev-environment.sh: ${directory}/bin/distccd does not start (exit code 102):\n${alone}`,
      );
      await until('nothing is left', nothingIsLeft);
    });

    it('reports what is wrong with it, and continues', async () => {
      writeFileSync(join(base, 'compilers/broken'), 'the end is near\n');
      const { status, stderr } = start(env());
      expect(status).toBe(7);
      expect(stderr).toBe(
        `dev-environment.sh: ${directory}/bin/distccd does not start (exit code 101):\nthe end is near\n${alone}`,
      );
      await until('nothing is left', nothingIsLeft);
    });

    it('starts none when the user names other helpers', () => {
      const { stderr, words } = start({ ...env(), KERNEL_EXTRA: 'DISTCC_HOSTS=10.0.2.2:1' });
      expect(stderr).toBe('');
      expect(kernelExtra(words)).toBe(' DISTCC_HOSTS=10.0.2.2:1');
      expect(noted('arguments')).toEqual([]);
    });

    it('keeps the log of the server where the user wants it', () => {
      writeFileSync(join(base, 'my log'), 'before\n');
      start({ ...env(), DISTCCD_LOG: 'my log' });
      expect(readFileSync(join(base, 'my log'), 'utf8')).toMatch(/^before\nlistening on \d+\n$/);
      expect(start({ ...env(), DISTCCD_LOG: 'no/where' })).toMatchObject({ status: 2, words: [] });
    });

    it('ends the server when the emulator has ended', async () => {
      expect(start(env()).status).toBe(7);
      expect(noted('server')).toHaveLength(1);
      await until('nothing is left', nothingIsLeft);
    });

    it('cleans up after a server that has ended by itself', async () => {
      program(
        join(directory, 'bin/distccd'),
        fakeServer.replace('setsid /usr/bin/sleep 1000', 'true').concat('wait\n'),
      );
      expect(start(env()).status).toBe(7);
      await until('nothing is left', nothingIsLeft);
    });

    it('ends the server when the emulator is killed, and not before', async () => {
      const child = spawn(script, { cwd: base, env: environment({ ...env(), STAY: '1' }), stdio: 'ignore' });
      started.push(child);
      const runs = () => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith('/usr/bin/sleep');
      await until('the emulator runs', runs);
      await sleep(500);
      expect(serverIsGone()).toBe(false);
      child.kill('SIGKILL');
      await until('nothing is left', nothingIsLeft);
    });

    it('ends the server when killed itself while the server starts', async () => {
      writeFileSync(join(base, 'compilers/slow'), '1');
      const child = spawn(script, { cwd: base, env: environment({ ...env(), STAY: '1' }), stdio: 'ignore' });
      started.push(child);
      await until('the server starts', () => noted('ports').length > 0);
      child.kill('SIGKILL');
      await until('the server has started', () => noted('server').length > 0);
      await until('nothing is left', nothingIsLeft);
    });

    it('ends the server when the terminal is closed', async () => {
      // All of a process group are told.
      const child = spawn(script, {
        cwd: base,
        env: environment({ ...env(), STAY: '1' }),
        stdio: 'ignore',
        detached: true,
      });
      started.push(child);
      const runs = () => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith('/usr/bin/sleep');
      await until('the emulator runs', runs);
      process.kill(-(child.pid ?? 0), 'SIGHUP');
      await until('nothing is left', nothingIsLeft);
    });
  });

  it('leaves no directory behind when it cannot go on', () => {
    const directory = compiler(join(base, 'compilers', 'a compiler'));
    program(join(base, 'bin/mkfifo'), '#!/bin/sh\nexit 3\n');
    expect(start({ CROSS_COMPILER: directory }).status).toBe(3);
    expect(readdirSync(join(base, 'tmp'))).toEqual([]);
  });

  describe.each(shells)('in $name', ({ argv }) => {
    it.each(['-', "-n ~ $(touch x)`touch x` it's *,b:c\n"])(
      'works in a directory called %j, with all that it uses beside it',
      async (name) => {
        const place = join(base, 'odd', name);
        const images = join(place, 'image');
        mkdirSync(place, { recursive: true });
        renameSync(image, images);
        const found = compiler(join(place, `cross-compiler-sample-${name.trim()}`));
        mkdirSync(join(base, 'odd', '-tmp'));
        const [first, ...rest] = argv;
        const { status, stdout, stderr } = spawnSync(
          first,
          [...rest, `./${name}/image/${imageFiles.environment}`],
          {
            cwd: join(base, 'odd'),
            encoding: 'utf8',
            env: environment({ TMPDIR: '-tmp' }),
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        );
        expect(stderr).toContain(`go by way of ${found} (distccd`);
        expect(status).toBe(7);
        const words = stdout.split('\n').join('\0');
        const home = join(images, imageFiles.home).replaceAll(',', ',,').split('\n').join('\0');
        expect(words).toContain(`\0if=none,id=home,format=raw,file=${home}\0`);
        expect(kernelExtra(stdout.split('\n'))).toMatch(/^ DISTCC_HOSTS=10\.0\.2\.2:/);
        const server = (): readonly string[] => noted('server', place);
        await until('the server is gone', () => !server().some((pid) => isRunning(pid)));
        await until('nothing is left', () => readdirSync(join(base, 'odd', '-tmp')).length === 0);
        expect(readdirSync(join(base, 'odd')).sort()).toEqual(['-tmp', name].sort());
      },
    );
  });

  it('is POSIX shell', () => {
    expect(spawnSync('sh', ['-n', script]).status).toBe(0);
    expect(renderDevEnvironment(arch)).not.toMatch(/\[\[|^\s*(?:function|local|source)\s/m);
  });
});
