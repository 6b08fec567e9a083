import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { target, unpackedCrossCompiler } from './unpacked.ts';

const place = mkdtempSync(join(tmpdir(), 'guest-ccwrap-'));
let compiler: string;

beforeAll(async () => {
  compiler = await unpackedCrossCompiler(join(place, 'here'));
  writeFileSync(join(place, 'main.c'), 'int main(void) { return 0; }\n');
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

function run(program: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(join(compiler, 'bin', `${target}-${program}`), argv, {
    cwd: place,
    encoding: 'utf8',
    env: { PATH: '/nowhere', LC_ALL: 'C', ...env },
  });
  return { status, stdout, stderr };
}

/** The loader that a program asks for; undefined when it asks for none. */
function loaderOf(file: string): string | undefined {
  return /interpreter: (.*)\]/.exec(run('readelf', ['-lW', file]).stdout)?.[1];
}

test.each([
  [['main.c', '-o', 'dynamic'], 'dynamic', '/lib/ld.so'],
  [['-flto', '-O2', 'main.c', '-o', 'lto'], 'lto', '/lib/ld.so'],
  [['-static', 'main.c', '-o', 'static'], 'static', undefined],
  [['-r', 'main.c', '-o', 'partial.o'], 'partial.o', undefined],
])('CCWRAP_DYNAMIC_LINKER and %j', (argv, output, expected) => {
  const made = run('gcc', argv, { CCWRAP_DYNAMIC_LINKER: '/lib/ld.so' });
  expect(made).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(loaderOf(output)).toBe(expected);
});

test('CCWRAP_TOPDIR: C and C++ headers, crt files and libraries of another C library', () => {
  const top = join(place, 'usr');
  const [version = ''] = readdirSync(
    join(compiler, 'lib/gcc', readdirSync(join(compiler, 'lib/gcc'))[0] ?? ''),
  );
  const cxx = join(top, 'include/c++', version);
  for (const directory of [cxx, join(top, 'lib')]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(top, 'include/other.h'), '#define OTHER 1\n');
  writeFileSync(join(cxx, 'cother'), '#include_next <other.h>\n');
  writeFileSync(join(place, 'use.c'), '#include <stddef.h>\n#include <other.h>\nsize_t n = OTHER;\n');
  writeFileSync(join(place, 'use.cc'), '#include <stddef.h>\n#include <cother>\nsize_t n = OTHER;\n');
  writeFileSync(join(place, 'start.c'), 'void _start(void) {}\nvoid theirs(void) {}\n');
  expect(run('gcc', ['-c', 'start.c', '-o', 'usr/lib/crt1.o']).status).toBe(0);
  symlinkSync('crt1.o', join(top, 'lib/Scrt1.o'));

  const env = { CCWRAP_TOPDIR: 'usr' };
  expect(run('gcc', ['-c', 'use.c'], env)).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(run('gcc', ['-c', 'use.c']).stderr).toContain('other.h: No such file');
  // musl's are out of sight, gcc's own are not.
  expect(run('gcc', ['-E', '-include', 'stdio.h', 'use.c'], env).stderr).toContain('stdio.h: No such file');
  const search = run('g++', ['-E', '-v', '-x', 'c++', '/dev/null'], env).stderr;
  const directories = (/search starts here:\n((?: .*\n)+)End/.exec(search)?.[1] ?? '').split('\n');
  const shown = directories.filter((line) => line !== '').map((line) => line.trim().replace(place, ''));
  // C++'s, then gcc's own headers, then C's; none of the compiler's own C or C++ library.
  expect([shown[0], shown.at(-1)]).toEqual([`/usr/include/c++/${version}/.`, '/usr/include']);
  expect(shown.slice(1, -1).filter((line) => !/^\/here\/.*\/lib\/gcc\//.test(line))).toEqual([]);
  expect(run('g++', ['-c', 'use.cc'], env)).toEqual({ status: 0, stdout: '', stderr: '' });

  expect(run('gcc', ['-print-file-name=crt1.o'], env).stdout).toBe(`${top}/lib/crt1.o\n`);
  expect(run('gcc', ['main.c', '-nodefaultlibs', '-o', 'linked'], env).stderr).toBe('');
  expect(run('nm', ['linked']).stdout).toContain(' T theirs');
});

test('CCWRAP_TOPDIR: another compiler of the same kind', async () => {
  const other = await unpackedCrossCompiler(join(place, 'elsewhere'));
  const { stdout } = run('gcc', ['-print-file-name=libc.a'], { CCWRAP_TOPDIR: other });
  expect(stdout.startsWith(`${other}/`)).toBe(true);
});
