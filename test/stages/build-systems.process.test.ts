import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arch } from '../../arches/armv5l.ts';
import { buildSystemFiles } from '../../stages/build-systems.ts';
import { shells } from '../core/shells.ts';

const { triple } = arch;
/** Prints its name, the variables that a test looks at, and its arguments. */
const told = `#!/bin/sh
echo "\${0##*/}"
for name in PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR PKG_CONFIG_PATH LD_LIBRARY_PATH; do
  eval "value=\\\${$name-}"
  [ -z "$value" ] || echo "$name=$value"
done
for argument; do echo "argument $argument"; done
`;

let scratch: string;
/** Where the compiler lies: a folder that wants to be quoted. */
let compiler: string;
/** A folder with pkg-config and an emulator. */
let machine: string;

function place(file: string, text: string, mode: number): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'build-systems-'));
  compiler = join(scratch, `it's $(here)`, 'a "compiler" & more');
  for (const file of buildSystemFiles(arch)) {
    const path = join(compiler, file.path);
    if ('link' in file) symlinkSync(file.link, path);
    else place(path, file.text, file.executable === true ? 0o755 : 0o644);
  }
  place(join(compiler, `bin/${triple}-gcc`), '#!/bin/sh\necho "gcc $*"\n', 0o755);
  machine = join(scratch, 'machine');
  for (const name of ['pkgconf', 'qemu-arm']) place(join(machine, name), told, 0o755);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  /** Without the folder that has pkg-config and an emulator. */
  readonly bare?: boolean;
}

function run(argv: readonly string[], { env = {}, bare = false }: Options = {}) {
  const [program = '', ...rest] = argv;
  const { status, stdout, stderr } = spawnSync(program, rest, {
    cwd: scratch,
    // bash takes a socket for a remote shell, and reads files of the machine's first.
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: { PATH: bare ? barePath() : `${machine}:/usr/bin:/bin`, ...env },
  });
  return { status, lines: stdout.split('\n').filter((line) => line !== ''), stderr };
}

/** A folder with nothing but what the scripts themselves run. */
function barePath(): string {
  const bin = join(scratch, 'bare');
  mkdirSync(bin, { recursive: true });
  for (const name of ['sh', 'readlink', 'sed', 'cat']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    rmSync(join(bin, name), { force: true });
    symlinkSync(stdout.trim(), join(bin, name));
  }
  return bin;
}

function program(name: string): string {
  return join(compiler, `bin/${triple}-${name}`);
}

function sysrootOf(top: string): string {
  return join(top, triple, 'sysroot');
}

describe.each(shells.map((shell) => [shell.name, shell] as const))(
  'environment-setup in %s',
  (_, { argv }) => {
    const source = (file: string) => `. '${file.replaceAll("'", `'\\''`)}'`;
    const sourced = (text: string, env: Readonly<Record<string, string>> = {}) =>
      run([...argv, '-euc', text, 'sh', 'first'], { env });

    test('finds its compiler, in a subshell and through a link too, and leaves nothing behind', () => {
      const link = join(scratch, `link-${argv.at(-1) ?? ''}`);
      symlinkSync(join(compiler, 'environment-setup'), link);
      for (const text of [
        source(join(compiler, 'environment-setup')),
        source(link),
        `echo "$(${source(link)}; echo "$PATH")" >/dev/null; ${source(link)}`,
      ]) {
        const { status, lines, stderr } = sourced(
          `${text}; $CC -c; echo "$1 $CROSS_COMPILE $ARCH $PKG_CONFIG $CONFIGURE_FLAGS"; echo "$CMAKE_TOOLCHAIN_FILE"
        echo "$PKG_CONFIG_SYSROOT_DIR"; set | sed -n '/^_toolchain/p'; ${text}; echo "$PATH"`,
          { PKG_CONFIG_PATH: '/usr/lib/pkgconfig' },
        );
        expect({ status, lines, stderr }).toEqual({
          status: 0,
          stderr: '',
          lines: [
            'gcc -c',
            `first ${triple}- arm ${triple}-pkg-config --host=${triple}`,
            join(compiler, 'toolchain.cmake'),
            sysrootOf(compiler),
            // Once, however often it is read.
            `${compiler}/bin:${machine}:/usr/bin:/bin`,
          ],
        });
      }
    });

    test('a sysroot of the user reaches the compiler and pkg-config', () => {
      const sysroot = join(scratch, 'sysroot');
      const text = `${source(join(compiler, 'environment-setup'))}; echo "$CXX"; $PKG_CONFIG --libs z`;
      const { status, lines } = sourced(text, {
        CROSS_SYSROOT: sysroot,
        PKG_CONFIG_PATH: '/usr/lib/pkgconfig',
      });
      expect(status).toBe(0);
      expect(lines.slice(0, 3)).toEqual([
        `${triple}-g++ --sysroot=${sysroot}`,
        'pkgconf',
        `PKG_CONFIG_SYSROOT_DIR=${sysroot}`,
      ]);
      expect(lines[3]).toMatch(/^PKG_CONFIG_LIBDIR=/);
      expect(lines[3]?.split(':').every((directory) => directory.includes(sysroot))).toBe(true);
      expect(lines.slice(4)).toEqual(['argument --libs', 'argument z']);
    });

    test.each(['/has a space', "/it's", '/a;b', 'relative'])('the sysroot %s is refused', (sysroot) => {
      const text = `${source(join(compiler, 'environment-setup'))}; echo set up`;
      const { status, lines, stderr } = sourced(text, { CROSS_SYSROOT: sysroot });
      expect(status).not.toBe(0);
      expect(lines).toEqual([]);
      expect(stderr).toContain(sysroot);
    });
  },
);

describe('pkg-config', () => {
  const directories = (root: string) =>
    ['local/lib', 'local/share', 'lib', 'share'].map((part) => `${root}/usr/${part}/pkgconfig`).join(':');

  test("knows the compiler's sysroot, and nothing of the machine's", () => {
    const { lines } = run([program('pkg-config'), '--libs', 'z'], {
      env: {
        PKG_CONFIG_PATH: `/usr/lib/pkgconfig:${sysrootOf(compiler)}/opt/lib/pkgconfig:/usr/share/pkgconfig`,
      },
    });
    expect(lines.filter((line) => !line.startsWith('PKG_CONFIG_SYSROOT_DIR='))).toEqual([
      'pkgconf',
      `PKG_CONFIG_LIBDIR=${directories(sysrootOf(compiler))}`,
      `PKG_CONFIG_PATH=${sysrootOf(compiler)}/opt/lib/pkgconfig`,
      'argument --libs',
      'argument z',
    ]);
  });

  test.each([
    [{ CROSS_SYSROOT: '/mine' }, '/mine'],
    [{ PKG_CONFIG_SYSROOT_DIR: '/mine/' }, '/mine'],
    [{ PKG_CONFIG_SYSROOT_DIR: '/mine', CROSS_SYSROOT: '/other' }, '/mine'],
  ])('another sysroot: %j', (env, root) => {
    const { lines } = run([program('pkg-config'), 'z'], { env });
    expect(lines).toEqual([
      'pkgconf',
      `PKG_CONFIG_SYSROOT_DIR=${root}`,
      `PKG_CONFIG_LIBDIR=${directories(root)}`,
      'argument z',
    ]);
  });

  test('PKG_CONFIG_LIBDIR is kept', () => {
    const env = { CROSS_SYSROOT: '/mine', PKG_CONFIG_LIBDIR: '/mine/opt' };
    expect(run([program('pkg-config')], { env }).lines).toContain('PKG_CONFIG_LIBDIR=/mine/opt');
  });

  test.each([
    ['--cflags', String.raw`-I/a\ b/it\'s\&\|\\c/usr/include`],
    ['--variable=includedir', String.raw`-I/a b/it's&|\c/usr/include`],
  ])('%s with a sysroot that wants to be quoted', (option, expected) => {
    const answering = join(scratch, 'answering');
    // As pkg-config answers: the variable before what the package says.
    place(join(answering, 'pkgconf'), '#!/bin/sh\necho "-I$PKG_CONFIG_SYSROOT_DIR/usr/include"\n', 0o755);
    const env = { PATH: `${answering}:/usr/bin:/bin`, CROSS_SYSROOT: String.raw`/a b/it's&|\c` };
    expect(run([program('pkg-config'), option, 'z'], { env }).lines).toEqual([expected]);
    place(join(answering, 'pkgconf'), '#!/bin/sh\nexit 3\n', 0o755);
    expect(run([program('pkg-config'), option, 'z'], { env })).toEqual({ status: 3, lines: [], stderr: '' });
  });

  test('called by the name of what it calls, and without it', () => {
    const names = join(scratch, 'names');
    mkdirSync(names);
    for (const name of ['pkgconf', 'pkg-config']) symlinkSync(program('pkg-config'), join(names, name));
    const { status, stderr } = run([join(names, 'pkg-config'), 'z'], { bare: true, env: {} });
    expect({ status, stderr }).toEqual({
      status: 127,
      stderr: 'pkg-config: this machine has no pkg-config\n',
    });
    const env = { PATH: `${names}:${barePath()}` };
    expect(run([join(names, 'pkg-config'), 'z'], { env }).status).toBe(127);
  });
});

describe('run', () => {
  test("runs a program in the emulator, with the compiler's libraries", () => {
    expect(run([program('run'), './a b', 'c d']).lines).toEqual([
      'qemu-arm',
      'argument -L',
      `argument ${sysrootOf(compiler)}`,
      'argument -E',
      `argument LD_LIBRARY_PATH=${compiler}/${triple}/lib`,
      'argument ./a b',
      'argument c d',
    ]);
  });

  test("a sysroot of the user, and the user's libraries", () => {
    const env = { CROSS_SYSROOT: '/other', LD_LIBRARY_PATH: '/mine' };
    const { lines } = run([program('run'), '--sysroot=/a b', './program'], { env });
    expect(lines).toEqual([
      'qemu-arm',
      'LD_LIBRARY_PATH=/mine',
      'argument -L',
      'argument /a b',
      'argument -E',
      `argument LD_LIBRARY_PATH=${compiler}/${triple}/lib:/mine`,
      'argument ./program',
    ]);
  });

  test('says what is missing', () => {
    const { status, stderr } = run([program('run'), './program'], { bare: true });
    expect(status).toBe(127);
    expect(stderr).toBe(`${triple}-run: qemu-arm is not installed; on Debian: apt install qemu-user\n`);
  });
});

describe('meson-cross', () => {
  test('names everything where it lies now, with the emulator if there is one', () => {
    const { status, lines } = run([program('meson-cross')]);
    expect(status).toBe(0);
    // meson takes no escapes in these files, and three quotes hold anything.
    expect(lines).toContain(`bin = '''${compiler}/bin/${triple}-'''`);
    expect(lines).toContain(`root = '''${sysrootOf(compiler)}'''`);
    expect(lines).toContain("c = [bin + 'gcc']");
    expect(lines).toContain("exe_wrapper = [bin + 'run', '--sysroot=' + root]");
    expect(run([program('meson-cross')], { bare: true }).lines.join('\n')).not.toMatch(/^exe_wrapper/m);
  });

  test.each([
    [['--sysroot=/a b'], {}],
    [[], { CROSS_SYSROOT: '/a b' }],
    [['--sysroot=/a b'], { CROSS_SYSROOT: '/other' }],
  ])('%j %j', (argv, env) => {
    const { lines } = run([program('meson-cross'), ...argv], { env });
    expect(lines).toContain("root = '/a b'");
    expect(lines).toContain("cpp = [bin + 'g++', '--sysroot=/a b']");
  });

  test('a relative sysroot is refused', () => {
    const { status, lines, stderr } = run([program('meson-cross'), '--sysroot=here']);
    expect({ status, lines }).toEqual({ status: 1, lines: [] });
    expect(stderr).toContain('must be an absolute path, and is here');
  });

  test('is found through a link, and follows the compiler when it moves', () => {
    const link = join(scratch, 'cross');
    symlinkSync(program('meson-cross'), link);
    expect(run([link]).lines).toContain(`bin = '''${compiler}/bin/${triple}-'''`);
    const moved = join(scratch, 'moved');
    renameSync(compiler, moved);
    try {
      expect(run([join(moved, `bin/${arch.name}-meson-cross`)]).lines).toContain(
        `bin = '${moved}/bin/${triple}-'`,
      );
    } finally {
      renameSync(moved, compiler);
    }
  });
});
