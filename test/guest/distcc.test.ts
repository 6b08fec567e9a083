import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectGuest } from '../real/guest.ts';
import { image, unpackedCrossCompiler } from './unpacked.ts';

const starter = 'dev-environment.sh';
const place = mkdtempSync(join(tmpdir(), 'guest-distcc-'));
const alone = 'the guest compiles alone';
/** Variables of dev-environment.sh: a scratch disk and a log of the server for each test, temporary files in sight. */
let env: { GUEST_HOME: string; DISTCCD_LOG: string; TMPDIR: string; CROSS_COMPILER: string };
let compiler: string;

beforeAll(async () => {
  compiler = await unpackedCrossCompiler(join(place, 'a place'));
  // The server of a root is nobody, who has to get there.
  spawnSync('chmod', ['755', place]);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));
beforeEach(() => {
  const own = mkdtempSync(join(place, 'case-'));
  spawnSync('chmod', ['755', own]);
  mkdirSync(join(own, 'tmp'), { mode: 0o755 });
  env = {
    GUEST_HOME: join(own, 'home.img'),
    DISTCCD_LOG: join(own, 'distccd.log'),
    TMPDIR: join(own, 'tmp'),
    CROSS_COMPILER: compiler,
  };
});

const log = () => readFileSync(env.DISTCCD_LOG, 'utf8');

/** Compilers that the server ran, with their sources, in order. */
function served(): readonly string[] {
  return [...log().matchAll(/COMPILE_(?:OK|ERROR) .* time:\d+ms (\S.*)$/gm)].map(([, text = '']) =>
    text.replace(`${compiler}/distcc/`, ''),
  );
}

/** Processes that run the cross compiler's programs, zombies aside: process ids of those whose command holds `text`. */
function running(text: string): readonly number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid,stat,args'], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => /^ *(\d+) (\S+) +(.*)$/.exec(line) ?? [])
    .filter(
      ([, , status = 'Z', args = '']) =>
        !status.startsWith('Z') && args.includes(`${compiler}/`) && args.includes(text),
    )
    .map(([, id]) => Number(id));
}
const serverProcesses = () => running('bin/distccd --daemon');

async function until(what: string, happened: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000 && !happened(); tries += 1) await sleep(100);
  expect(happened(), what).toBe(true);
}

const nothingIsLeft = () => serverProcesses().length === 0 && readdirSync(env.TMPDIR).length === 0;

test('gcc and g++ of the guest go by way of the cross compiler, and answer as ever', async () => {
  const run = await expectGuest({
    imageDirectory: image,
    starter,
    env,
    script: `set -e
      cd /home
      printf '#include <stdio.h>\\nint main(void) { puts("hello from C"); return 0; }\\n' >hello.c
      printf '#include <iostream>\\nint main() { std::cout << "hello from C++\\\\n"; }\\n' >hello.cc
      for name in gcc armv5l-linux-musleabi-gcc; do $name -O2 -MMD -c hello.c; done
      cat hello.d
      cc -c hello.c -o cc.o
      g++ -c hello.cc -o cxx.o
      c++ -std=c++17 -march=armv5te -c hello.cc -o c++.o
      gcc hello.o -o hello && ./hello
      g++ cxx.o -o hello && ./hello
      /toolchain/distcc/gcc -c hello.c -o absolute.o
      # What distcc leaves to the compiler here, and what fails, is the compiler's own word for word.
      echo 'int f(void) { return undeclared; }' >bad.c
      echo '#include <nowhere.h>' >missing.c
      echo '-c hello.c' >file
      echo 'int f(int n) { switch (n) { case 1: n = 5; /* fall through */ case 2: n++; } return n; }' >fall.c
      sed 's,/.*/,,' fall.c >falls.c
      printf 'int a, b;\\nvoid f(int n)\\n{\\n\\tif (n)\\n\\t\\ta++;\\n\\t\\tb++;\\n}\\n' >indented.c
      printf '#include <stddef.h>\\nint f(void) { int i = NULL; return i; }\\n' >null.c
      for arguments in '-c bad.c' '-c missing.c' '-c nofile.c' '-E hello.c' '--version' '-print-prog-name=cc1' '' \\
        '-S hello.c -o -' '@file' '-wrapper /bin/true -c hello.c' '-dumpmachine' '-fno-such-option -c hello.c' \\
        '-Wextra -c fall.c' '-Wextra -c falls.c' '-Wall -c indented.c' '-c null.c' \\
        '-fdiagnostics-color=always -Wextra -c falls.c'; do
        status=0; gcc $arguments >with 2>&1 || status=$?
        expected=0; /toolchain/bin/gcc $arguments >without 2>&1 || expected=$?
        if [ $status != $expected ] || ! cmp with without; then echo "gcc $arguments: $status"; cat with without; fi
      done
      gcc -flto -O2 hello.c -o hello && ./hello
      # A module, and an object that stays.
      echo 'export module m; export int f() { return 0; }' >m.cc
      echo 'import m; int main() { return f(); }' >use.cc
      g++ -std=c++20 -fmodules-ts -c m.cc && g++ -std=c++20 -fmodules-ts -c use.cc && ls gcm.cache
      g++ m.o use.o -o use && ./use
      gcc -c hello.c && gcc -### -c hello.c 2>/dev/null && gcc hello.o -o hello && ./hello
      grep -c /home/.swap /proc/swaps
      sed -n 's/^MemTotal: *\\([0-9]*\\)....kB/\\1/p' /proc/meminfo`,
  });
  expect(run.console).toContain(`go by way of ${compiler}`);
  expect(run.output).toMatch(
    /^hello\.o: hello\.c\nhello from C\nhello from C\+\+\nhello from C\nm\.gcm\nhello from C\n1\n2[0-9]\d\n$/,
  );
  expect(served().slice(0, 6), log()).toEqual([
    'gcc hello.c',
    'armv5l-linux-musleabi-gcc hello.c',
    'cc hello.c',
    'g++ hello.cc',
    'c++ hello.cc',
    'gcc hello.c',
  ]);
  expect(served()).toEqual(expect.arrayContaining(['gcc bad.c', 'gcc fall.c', 'gcc falls.c', 'gcc null.c']));
  for (const local of ['g++ m.cc', 'g++ use.cc', 'gcc indented.c']) expect(served()).not.toContain(local);
  await until('nothing is left', nothingIsLeft);
});

test('the scratch disk is formatted once, and keeps what is on it', async () => {
  const first = await expectGuest({
    imageDirectory: image,
    starter,
    env,
    script: 'echo work >/home/work; grep -c /home/.swap /proc/swaps\n',
  });
  expect(first.console).toContain('the scratch disk is blank: formatting it');
  expect(first.output).toBe('1\n');
  const second = await expectGuest({
    imageDirectory: image,
    starter,
    env,
    script: 'cat /home/work; grep -c /home/.swap /proc/swaps\n',
  });
  expect(second.console).not.toContain('formatting');
  expect(second.output).toBe('work\n1\n');
});

test('without a cross compiler the guest compiles alone', async () => {
  const run = await expectGuest({
    imageDirectory: image,
    starter,
    env: { ...env, CROSS_COMPILER: '' },
    script: `cd /home && echo 'int main(void) { return 0; }' >null.c && gcc null.c -o null && ./null && which gcc\n`,
  });
  expect(run.console).toContain(alone);
  expect(run.output).toBe('/toolchain/bin/gcc\n');
  expect(existsSync(env.DISTCCD_LOG)).toBe(false);
});

describe('with a guest that stays', () => {
  let child: ChildProcess;
  let console: string;
  let share: string;
  let port: number;

  /** What the guest does, step by step: each step is a script, and done when its output is there. */
  async function step(name: string, script: string): Promise<string> {
    writeFileSync(join(share, `${name}.sh`), script);
    writeFileSync(join(share, `${name}.ready`), '');
    await until(`${name} is done`, () => existsSync(join(share, `${name}.done`)));
    return readFileSync(join(share, `${name}.out`), 'utf8');
  }

  beforeEach(async () => {
    share = join(env.TMPDIR, '../share');
    mkdirSync(share);
    const handoff = `#!/bin/sh
      cd /home
      while :; do
        for ready in /share/*.ready; do
          name=\${ready%.ready}
          if [ -e "$ready" ] && [ ! -e "$name.done" ]; then
            sh "$name.sh" >"$name.out" 2>&1
            : >"$name.done"
          fi
        done
        sleep 1
      done\n`;
    writeFileSync(join(share, 'handoff'), handoff, { mode: 0o755 });
    child = spawn(join(image, starter), [], {
      env: { PATH: process.env.PATH, ...env, GUEST_SHARE: share, KERNEL_EXTRA: 'HANDOFF=/share/handoff' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    console = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => (console += chunk));
    }
    await until('the server runs', () => console.includes('distccd on port'));
    port = Number(/distccd on port (\d+) of 127\.0\.0\.1/.exec(console)?.[1]);
  });
  afterEach(() => child.kill('SIGKILL'));

  test('gcc goes on by itself when the server is gone', async () => {
    const compile = `echo 'int main(void) { return 0; }' >null.c && gcc -c null.c && gcc null.o -o null && ./null && echo made`;
    expect(await step('before', compile)).toBe('made\n');
    expect(served()).toEqual(['gcc null.c']);
    const leader = /^distccd\[(\d+)\].*daemon started/m.exec(log())?.[1];
    process.kill(Number(leader), 'SIGTERM');
    await until('the server is gone', () => serverProcesses().length === 0);
    // Not a word of distcc's.
    expect(await step('after', compile)).toBe('made\n');
    expect(served()).toHaveLength(1);
    expect(await step('log', 'cat "$DISTCC_LOG"')).toContain('running locally instead');
  });

  test('the server ends with the emulator that is killed, and so does what it compiles', async () => {
    expect(serverProcesses().length).toBeGreaterThan(1);
    // Doubles what the compiler has to do with every line: it will not be done before the emulator ends.
    const endless = Array.from({ length: 60 }, (_, n) => `#define X${n + 1} X${n} + X${n}`).join('\n');
    const source = `${endless}\n#define X0 x\nextern int x; int f(void) { return X24; }\n`;
    void request(port, ['gcc', '-O2', '-c', 'long.i', '-o', 'long.o'], preprocessed(source));
    const busy = () => running('/cc1 ').length > 0;
    await until('it compiles', busy);
    child.kill('SIGKILL');
    await until('nothing is left', nothingIsLeft);
    expect(busy()).toBe(false);
  });

  test('the server runs the compiler, and nothing else', async () => {
    const object = ['-c', 'x.i', '-o', 'x.o'];
    expect(await request(port, ['gcc', ...object], 'int x;\n')).toMatch(/^DONE.*STAT00000000/);
    expect(await request(port, ['/toolchain/bin/g++', ...object], 'int x;\n')).toMatch(/^DONE.*STAT00000000/);
    const flag = join(env.TMPDIR, '../flag');
    const program = join(env.TMPDIR, '../program');
    writeFileSync(program, `#!/bin/sh\ntouch '${flag}'\n`, { mode: 0o755 });
    for (const [name, ...further] of [
      ['sh'],
      ['/bin/sh'],
      ['../bin/armv5l-linux-musleabi-ld'],
      ['..'],
      [program],
      ['gcc', '-wrapper', program],
      ['gcc', `-B${join(program, '..')}/`],
      ['gcc', `-specs=${program}`],
      ['gcc', '--specs', program],
      ['gcc', `--spec=${program}`],
      ['gcc', `-fplugin=${program}`],
      ['gcc', `@${program}`],
    ]) {
      const answer = await request(port, [name ?? '', ...further, ...object], 'int x;\n');
      expect(answer, [name, ...further].join(' ')).toBe('');
    }
    expect(existsSync(flag)).toBe(false);
    expect(log()).toContain('sh is not among the programs in');
  });

  test('the server reads and writes no file of this machine', async () => {
    // Where the kernel cannot, the server says so.
    if (log().includes('this kernel has no Landlock')) return;
    const secret = join(env.TMPDIR, '../secret');
    writeFileSync(secret, 'a secret');
    const include = `__asm__(".incbin \\"${secret}\\"");\n`;
    const object = ['-c', 'x.i', '-o', 'x.o'];
    const answer = await request(port, ['gcc', ...object], include);
    expect(answer).toMatch(/^DONE.*STAT(?!00000000)/);
    expect(answer).not.toContain('a secret');
    await request(port, ['gcc', '-x', 'c', ...object], `#include "${secret}"\n`).then((text) =>
      expect(text).not.toContain('a secret'),
    );
    const written = join(env.TMPDIR, 'written');
    await request(port, ['gcc', '-MD', '-MF', written, '-x', 'c', ...object], 'int x;\n');
    expect(existsSync(written)).toBe(false);
  });

  test.runIf(process.getuid?.() === 0)('the server serves no other user of this machine', async () => {
    const program = `const s = require('net').connect(${port}, '127.0.0.1', () => s.write('DIST00000001'));
      s.on('data', (d) => process.stdout.write(d)); s.on('error', () => {}); s.on('close', () => console.log('closed'));`;
    const other = spawnSync(
      'setpriv',
      ['--reuid=1', '--regid=1', '--clear-groups', process.execPath, '-e', program],
      {
        encoding: 'utf8',
      },
    );
    expect(other.stdout).toBe('closed\n');
    expect(log()).toMatch(/connection from client .* is not from user 0 of this machine/);
  });
});

/** A macro's text, expanded by the machine's own preprocessor: what a client sends. */
function preprocessed(source: string): string {
  return spawnSync('gcc', ['-E', '-P', '-'], { encoding: 'utf8', input: source, maxBuffer: 1 << 30 }).stdout;
}

/** Asks a server in distcc's first protocol to compile; gives what it answers until it closes the connection. */
async function request(port: number, argv: readonly string[], source: string): Promise<string> {
  const token = (name: string, value: number) => name + value.toString(16).padStart(8, '0');
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.write(
    token('DIST', 1) +
      token('ARGC', argv.length) +
      argv.map((argument) => token('ARGV', argument.length) + argument).join('') +
      token('DOTI', source.length) +
      source,
  );
  await closed;
  return answer.replaceAll('\n', ' ');
}
