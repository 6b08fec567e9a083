import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, copyFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const triple = 'armv5l-linux-musleabi';
/** Prints how it was called and what is left of the environment. A program, since a script would not see its argv[0]. */
const driverSource = `#include <stdio.h>
extern char **environ;
int main(int argc, char **argv)
{
  for (int n = 0; n < argc; n++) printf("argument %s\\n", argv[n]);
  for (char **e = environ; *e; e++) printf("variable %s\\n", *e);
  return 7;
}
`;

/** Of the machine's gcc, which is the driver in some tests. */
const version = execFileSync('gcc', ['-dumpversion'], { encoding: 'utf8' }).trim();

let work: string;
let prefix: string;

function compile(source: string, output: string): void {
  const warnings = ['-Wall', '-Wextra', '-Werror'];
  execFileSync('gcc', ['-std=gnu11', ...warnings, `-DGCC_VERSION="${version}"`, '-Os', '-o', output, source]);
}

/** Lays a compiler with the front end and driver of these names below `prefix`. */
function install(names: readonly string[]): void {
  for (const directory of ['bin', 'driver']) mkdirSync(join(prefix, directory), { recursive: true });
  for (const name of names) {
    copyFileSync(join(work, 'ccwrap'), join(prefix, 'bin', name));
    copyFileSync(join(work, 'driver'), join(prefix, 'driver', name));
  }
}

function call(
  program: string,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly argv0?: string;
    readonly cwd?: string;
  } = {},
): { readonly code: number | null; readonly lines: readonly string[]; readonly errors: string } {
  const { status, stdout, stderr } = spawnSync(program, ['-c', 'a b.c'], {
    encoding: 'utf8',
    env: options.env ?? {},
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  return { code: status, lines: (stdout ?? '').split('\n').filter((line) => line !== ''), errors: stderr };
}

const expectedArguments = (name: string, ...further: readonly string[]) => [
  `argument ${join(prefix, 'bin', name)}`,
  ...further.map((argument) => `argument ${argument}`),
  'argument -c',
  'argument a b.c',
];

describe('ccwrap', () => {
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'ccwrap-'));
    writeFileSync(join(work, 'driver.c'), driverSource);
    compile(join(work, 'driver.c'), join(work, 'driver'));
    compile(join(import.meta.dirname, '../../target/ccwrap.c'), join(work, 'ccwrap'));
  });
  afterAll(() => rmSync(work, { recursive: true }));
  beforeEach(() => {
    prefix = join(mkdtempSync(join(work, 'case-')), 'with a space');
    install([`${triple}-gcc`, `${triple}-g++`]);
  });

  test('runs the driver of its name, hands on arguments and exit code', () => {
    const { code, lines } = call(join(prefix, `bin/${triple}-gcc`));
    expect(code).toBe(7);
    expect(lines).toEqual(expectedArguments(`${triple}-gcc`));
  });

  test('finds its compiler through a chain of links', () => {
    symlinkSync(`${triple}-g++`, join(prefix, 'bin/armv5l-g++'));
    const link = join(prefix, '../my-compiler');
    symlinkSync('with a space/bin/armv5l-g++', link);
    expect(call(link).lines).toEqual(expectedArguments(`${triple}-g++`));
  });

  test('finds its compiler through PATH and through a relative name', () => {
    const env = { PATH: `/nowhere:${join(prefix, 'bin')}` };
    const viaPath = spawnSync('/bin/sh', ['-c', `${triple}-gcc -c 'a b.c'`], { encoding: 'utf8', env });
    expect(viaPath.stdout.split('\n').slice(0, 3)).toEqual(expectedArguments(`${triple}-gcc`));
    expect(call(`./${triple}-gcc`, { cwd: join(prefix, 'bin') }).lines).toEqual(
      expectedArguments(`${triple}-gcc`),
    );
  });

  test('takes away what leads to the machine, and nothing else', () => {
    const leaks = [
      ...['CPATH', 'C_INCLUDE_PATH', 'CPLUS_INCLUDE_PATH', 'OBJC_INCLUDE_PATH', 'LIBRARY_PATH'],
      ...['COMPILER_PATH', 'GCC_EXEC_PREFIX', 'LD_RUN_PATH'],
    ];
    const env = { ...Object.fromEntries(leaks.map((name) => [name, '/usr/lib'])), TMPDIR: '/t', LANG: 'C' };
    const { lines } = call(join(prefix, `bin/${triple}-gcc`), { env });
    expect(lines.slice(3).sort()).toEqual(['variable LANG=C', 'variable TMPDIR=/t']);
  });

  test.each([
    ['cc', `${triple}-gcc`],
    ['armv5l-c++', `${triple}-g++`],
    ['armv5l-gcc', `${triple}-gcc`],
    // No driver of that kind: the program's own name decides.
    ['armv5l-cpp', `${triple}-gcc`],
    ['whatever', `${triple}-gcc`],
  ])('called %s it means %s', (name, meant) => {
    symlinkSync(`${triple}-gcc`, join(prefix, 'bin', name));
    expect(call(join(prefix, 'bin', name)).lines).toEqual(expectedArguments(meant));
  });

  test('a native compiler has names without a triple', () => {
    install(['gcc', 'g++']);
    symlinkSync('g++', join(prefix, 'bin/c++'));
    expect(call(join(prefix, 'bin/c++')).lines).toEqual(expectedArguments('g++'));
    expect(call(join(prefix, 'bin/gcc')).lines).toEqual(expectedArguments('gcc'));
  });

  test('says which driver it cannot run, and exits with 127', () => {
    rmSync(join(prefix, 'driver'), { recursive: true });
    const { code, errors } = call(join(prefix, `bin/${triple}-gcc`));
    expect(code).toBe(127);
    expect(errors).toBe(
      `${triple}-gcc: cannot run ${join(prefix, `driver/${triple}-gcc`)}: No such file or directory\n`,
    );
    mkdirSync(join(prefix, 'driver'));
    writeFileSync(join(prefix, `driver/${triple}-gcc`), 'no program');
    chmodSync(join(prefix, `driver/${triple}-gcc`), 0o755);
    expect(call(join(prefix, `bin/${triple}-gcc`))).toMatchObject({ code: 127 });
  });

  test('CCWRAP_TOPDIR takes the whole compiler from there where it has one', () => {
    const here = prefix;
    prefix = join(here, '../another');
    install(['gcc', 'g++']);
    symlinkSync('another', join(here, '../link'));
    // Called by the name that the other compiler has.
    symlinkSync(`${triple}-gcc`, join(here, 'bin/gcc'));
    const { lines } = call(join(here, 'bin/gcc'), { env: { CCWRAP_TOPDIR: join(here, '../link') } });
    expect(lines.slice(0, 3)).toEqual(expectedArguments('gcc'));
  });

  test('CCWRAP_TOPDIR without a compiler reaches the driver as a spec file and a prefix, whole', () => {
    const top = join(prefix, '../a top');
    mkdirSync(top);
    const { lines } = call(join(prefix, `bin/${triple}-gcc`), {
      env: { CCWRAP_TOPDIR: '../a top' },
      cwd: prefix,
    });
    expect(lines).toEqual([
      ...expectedArguments(`${triple}-gcc`, `-specs=${prefix}/driver/topdir.specs`, `-B${top}/lib/`),
      `variable CCWRAP_TOPDIR=${top}`,
    ]);
  });

  test("CCWRAP_TOPDIR with C++ headers of the compiler's version brings those too", () => {
    const top = join(prefix, '../cxx top');
    const headers = join(top, 'include/c++', version);
    // What differs between targets is in a directory of the target's name, and not in the first directory there is.
    for (const part of ['backward', 'x-linux/bits']) mkdirSync(join(headers, part), { recursive: true });
    writeFileSync(join(headers, 'x-linux/bits/c++config.h'), '');
    const { lines } = call(join(prefix, `bin/${triple}-gcc`), { env: { CCWRAP_TOPDIR: top } });
    expect(lines).toEqual([
      ...expectedArguments(
        `${triple}-gcc`,
        `-specs=${prefix}/driver/topdir.specs`,
        `-specs=${prefix}/driver/topdir-c++.specs`,
        `-B${top}/lib/`,
      ),
      `variable CCWRAP_TOPDIR=${top}`,
      `variable CCWRAP_CXX=${headers}`,
      `variable CCWRAP_CXX_TARGET=${headers}/x-linux`,
    ]);
  });

  test('CCWRAP_TOPDIR that leads nowhere is an error', () => {
    const { code, errors } = call(join(prefix, `bin/${triple}-gcc`), { env: { CCWRAP_TOPDIR: '/no/where' } });
    expect(code).toBe(127);
    expect(errors).toBe(`${triple}-gcc: CCWRAP_TOPDIR=/no/where: No such file or directory\n`);
  });

  test('empty variables count as none', () => {
    const env = { CCWRAP_TOPDIR: '', CCWRAP_DYNAMIC_LINKER: '', CCWRAP_DEBUG: '' };
    const { lines, errors } = call(join(prefix, `bin/${triple}-gcc`), { env });
    expect(lines.slice(0, 3)).toEqual(expectedArguments(`${triple}-gcc`));
    expect(errors).toBe('');
  });

  test('CCWRAP_DEBUG shows what is executed', () => {
    const { errors } = call(join(prefix, `bin/${triple}-gcc`), { env: { CCWRAP_DEBUG: '1' } });
    expect(errors).toBe(
      `${triple}-gcc: ${join(prefix, `driver/${triple}-gcc`)} '${join(prefix, `bin/${triple}-gcc`)}' '-c' 'a b.c'\n`,
    );
  });
});

/** The machine's own gcc as the driver: what it makes of the spec files. */
describe('ccwrap before a real gcc', () => {
  let cwd: string;

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'ccwrap-gcc-'));
    compile(join(import.meta.dirname, '../../target/ccwrap.c'), join(work, 'ccwrap'));
    prefix = join(work, 'with a space');
    for (const directory of ['bin', 'driver']) mkdirSync(join(prefix, directory), { recursive: true });
    for (const name of ['gcc', 'g++']) {
      copyFileSync(join(work, 'ccwrap'), join(prefix, 'bin', name));
      symlinkSync(join('/usr/bin', name), join(prefix, 'driver', name));
    }
    for (const name of ['dynamic-linker.specs', 'topdir.specs', 'topdir-c++.specs']) {
      copyFileSync(join(import.meta.dirname, '../../target/ccwrap', name), join(prefix, 'driver', name));
    }
    // Where the machine's gcc looks for its parts, relative to itself.
    symlinkSync('/usr/lib', join(prefix, 'lib'));
    symlinkSync('/usr/libexec', join(prefix, 'libexec'));
    cwd = join(work, 'sources');
    mkdirSync(cwd);
    writeFileSync(
      join(cwd, 'main.c'),
      'int twice(int);\nint main(int n, char **a) { return a[0] && twice(n) != 2; }\n',
    );
    writeFileSync(join(cwd, 'twice.c'), 'int twice(int n) { return n + n; }\n');
    writeFileSync(join(cwd, 'arguments'), 'main.c twice.c -o from-file\n');
  });
  afterAll(() => rmSync(work, { recursive: true }));

  const loader = "/a place/it's,the.loader";

  const gcc = (env: Readonly<Record<string, string>>, ...argv: readonly string[]) => driver('gcc', env, argv);

  function driver(name: string, env: Readonly<Record<string, string>>, argv: readonly string[]) {
    const { status, stdout, stderr } = spawnSync(join(prefix, 'bin', name), argv, {
      cwd,
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', ...env },
    });
    return { status, stdout, stderr };
  }

  /** The loader that a program asks for; undefined when it asks for none. */
  function loaderOf(file: string): string | undefined {
    const headers = execFileSync('readelf', ['-lW', file], {
      cwd,
      encoding: 'utf8',
      env: { LC_ALL: 'C', PATH: '/usr/bin' },
    });
    return /interpreter: (.*)\]/.exec(headers)?.[1];
  }

  test.each([
    [['main.c', 'twice.c', '-o', 'plain'], 'plain', loader],
    [['-pie', 'main.c', 'twice.c', '-o', 'pie'], 'pie', loader],
    [['@arguments'], 'from-file', loader],
    [['-flto', '-O2', 'main.c', 'twice.c', '-o', 'lto'], 'lto', loader],
    [['-static', 'main.c', 'twice.c', '-o', 'static'], 'static', undefined],
    [['-static-pie', 'main.c', 'twice.c', '-o', 'static-pie'], 'static-pie', undefined],
    [['-shared', '-fPIC', 'twice.c', '-o', 'library.so'], 'library.so', undefined],
    [['-r', 'main.c', 'twice.c', '-o', 'both.o'], 'both.o', undefined],
    [['-c', 'main.c', '-o', 'main.o'], 'main.o', undefined],
  ])('CCWRAP_DYNAMIC_LINKER and %j', (argv, output, expected) => {
    expect(gcc({ CCWRAP_DYNAMIC_LINKER: loader }, ...argv)).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(loaderOf(output)).toBe(expected);
  });

  test.each([
    ['-E', 'main.c'],
    ['-S', 'main.c', '-o', '-'],
    ['-print-file-name=libc.so'],
    ['-print-prog-name=cc1'],
    ['-dumpmachine'],
    ['--version'],
    [],
  ])('CCWRAP_DYNAMIC_LINKER changes nothing of %s %s %s', (...argv) => {
    const words = argv.filter((word) => word !== undefined);
    expect(gcc({ CCWRAP_DYNAMIC_LINKER: loader }, ...words)).toEqual(gcc({}, ...words));
  });

  describe('with CCWRAP_TOPDIR', () => {
    let top: string;
    const env = () => ({ CCWRAP_TOPDIR: top });

    beforeAll(() => {
      top = join(work, "another top, it's");
      mkdirSync(join(top, 'include'), { recursive: true });
      mkdirSync(join(top, 'lib'));
      writeFileSync(join(top, 'include/stdlib.h'), '#define FROM_TOP 1\n');
      writeFileSync(
        join(cwd, 'headers.c'),
        '#include <stddef.h>\n#include <stdlib.h>\nsize_t n = FROM_TOP;\n',
      );
      writeFileSync(join(cwd, 'start.c'), 'int twice(int);\nvoid _start(void) { twice(1); }\n');
      execFileSync('gcc', ['-c', 'start.c', '-o', join(top, 'lib/crt1.o')], { cwd });
      copyFileSync(join(top, 'lib/crt1.o'), join(top, 'lib/Scrt1.o'));
      execFileSync('gcc', ['-c', 'twice.c'], { cwd });
      execFileSync('ar', ['rc', join(top, 'lib/libonlyhere.a'), 'twice.o'], { cwd });
    });

    test('libc headers come from there and gcc has its own besides', () => {
      expect(gcc(env(), '-c', 'headers.c')).toEqual({ status: 0, stdout: '', stderr: '' });
      const stdio = gcc(env(), '-E', '-include', 'stdio.h', 'headers.c');
      expect(stdio.stderr).toContain('stdio.h: No such file');
    });

    test('C++ headers come from there too, where there are some of this version', () => {
      const search = (...argv: readonly string[]) => {
        const shown = driver('g++', env(), [...argv, '-E', '-v', '-x', 'c++', '/dev/null']).stderr;
        const lines = (/<\.\.\.> search starts here:\n((?: .*\n)+)End/.exec(shown)?.[1] ?? '').split('\n');
        return lines.map((line) => line.trim()).filter((line) => line.startsWith(top));
      };
      expect(search()).toEqual([`${top}/include`]);
      const headers = join(top, 'include/c++', version);
      mkdirSync(join(headers, 'any-target/bits'), { recursive: true });
      mkdirSync(join(headers, 'backward'));
      writeFileSync(join(headers, 'any-target/bits/c++config.h'), '#define CONFIGURED 1\n');
      writeFileSync(join(headers, 'cstdlib'), '#include <bits/c++config.h>\n#include <stdlib.h>\n');
      writeFileSync(join(headers, 'stdlib.h'), '#include_next <stdlib.h>\n');
      writeFileSync(join(cwd, 'headers.cc'), '#include <cstdlib>\nint n = FROM_TOP + CONFIGURED;\n');
      try {
        expect(search()).toEqual([
          `${headers}/.`,
          `${headers}/any-target/.`,
          `${headers}/backward`,
          `${top}/include`,
        ]);
        // Whoever wants none gets none.
        expect(search('-nostdinc++')).toEqual([`${top}/include`]);
        expect(driver('g++', env(), ['-c', 'headers.cc'])).toEqual({ status: 0, stdout: '', stderr: '' });
        // None of the compiler's own are behind them.
        expect(driver('g++', env(), ['-E', '-include', 'vector', 'headers.cc']).stderr).toContain(
          'vector: No such',
        );
        // C knows nothing of it, not even a warning.
        expect(gcc(env(), '-c', 'headers.c')).toEqual({ status: 0, stdout: '', stderr: '' });
      } finally {
        rmSync(join(top, 'include/c++'), { recursive: true });
      }
    });

    test('crt files and libraries are looked for there first', () => {
      for (const name of ['crt1.o', 'libonlyhere.a']) {
        expect(gcc(env(), `-print-file-name=${name}`).stdout).toBe(`${top}/lib/${name}\n`);
      }
      writeFileSync(join(cwd, 'empty.c'), 'int main(void) { return 0; }\n');
      // With crt1.o of there and nothing of the machine's.
      expect(gcc(env(), 'empty.c', '-nodefaultlibs', '-lonlyhere', '-o', 'linked')).toMatchObject({
        status: 0,
      });
    });

    test('what the command line says of headers wins', () => {
      expect(gcc(env(), '-nostdinc', '-c', 'headers.c').stderr).toContain(
        'no include path in which to search for stddef.h',
      );
      expect(gcc(env(), '--sysroot=/', '-E', '-include', 'stdio.h', 'headers.c').status).toBe(0);
    });
  });
});
