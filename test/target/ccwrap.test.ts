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

let work: string;
let prefix: string;

function compile(source: string, output: string): void {
  execFileSync('gcc', ['-std=gnu11', '-Wall', '-Wextra', '-Werror', '-Os', '-o', output, source]);
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

const expectedArguments = (name: string) => [
  `argument ${join(prefix, 'bin', name)}`,
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

  test('CCWRAP_DEBUG shows what is executed', () => {
    const { errors } = call(join(prefix, `bin/${triple}-gcc`), { env: { CCWRAP_DEBUG: '1' } });
    expect(errors).toBe(
      `${triple}-gcc: ${join(prefix, `driver/${triple}-gcc`)} '${join(prefix, `bin/${triple}-gcc`)}' '-c' 'a b.c'\n`,
    );
  });
});
