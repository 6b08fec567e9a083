/** What users of a finished cross compiler do with it, wherever it was unpacked. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { extract } from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arch as armv5l } from '../../arches/armv5l.ts';
import { arch as i686 } from '../../arches/i686.ts';
import { bootstrap, repository } from '../real/built.ts';

const host = 'i686';

/** All that is made here: a directory with a space. */
const place = mkdtempSync(join(tmpdir(), 'compiler usage-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Result {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const quiet: Partial<Result> = { status: 0, stdout: '', stderr: '' };

/** The first of these programs that a directory of PATH has. */
function findProgram(name: string): string {
  const directories = (process.env.PATH ?? '').split(delimiter);
  const found = directories.map((directory) => join(directory, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

const helloC = `#include <stdio.h>
int main(void) { puts("hello"); return 0; }
`;

const helloCxx = `#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

int main()
{
	int sum = 0;
	std::thread worker([&] { for (int i = 1; i <= 4; ++i) sum += i; });
	worker.join();
	try {
		throw std::runtime_error("caught " + std::to_string(sum));
	} catch (const std::exception &error) {
		std::cout << "hello, " << error.what() << std::endl;
	}
	return EXIT_SUCCESS;
}
`;

/** Writes past the end of an array when it has an argument. */
const overflow = `#include <stdio.h>
void fill(volatile char *at, int count) { while (count-- > 0) *at++ = 1; }
int work(int count) { volatile char local[16]; fill(local, count); return local[3]; }
`;
const overflowMain = `int work(int);
int main(int argc, char **argv) { (void)argv; return work(argc > 1 ? 256 : 16) - 1; }
`;

describe.each([armv5l, i686])('the cross compiler for $name', (arch) => {
  const here = join(place, arch.name);
  const compiler = join(here, 'unpacked here', `cross-compiler-${arch.name}-${host}`);
  const work = join(here, 'work');
  const temporary = join(here, 'temporary files');

  beforeAll(async () => {
    await bootstrap(arch.name, '--host', host, '--until', 'cross-compiler');
    for (const directory of [dirname(compiler), work, temporary]) mkdirSync(directory, { recursive: true });
    const archive = `${repository}/out/${arch.name}/cross-compiler-${arch.name}-${host}.tar.gz`;
    await extract({ file: archive, cwd: dirname(compiler), strict: true });
    writeFileSync(join(work, 'hello.c'), helloC);
    writeFileSync(join(work, 'hello.cc'), helloCxx);
    writeFileSync(join(work, 'overflow.c'), overflow);
    writeFileSync(join(work, 'main.c'), overflowMain);
  });

  /** A program of the compiler. */
  function program(name: string): string {
    return join(compiler, 'bin', `${arch.name}-${name}`);
  }

  function start(
    argv: readonly [string, ...string[]],
    { cwd = work, env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Result {
    const [name, ...rest] = argv;
    const { status, signal, stdout, stderr } = spawnSync(name, rest, {
      cwd,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env: { PATH: process.env.PATH, LC_ALL: 'C', TMPDIR: temporary, ...env },
    });
    return { status, signal, stdout, stderr };
  }

  /** Runs a program of the compiler. */
  function use(name: string, argv: readonly string[], options: Parameters<typeof start>[1] = {}): Result {
    return start([program(name), ...argv], options);
  }

  /** Runs a program of the target, by the target's own dynamic loader if it wants one. */
  function execute(file: string, argv: readonly string[] = []): Result {
    const wanted = /interpreter: /.test(use('readelf', ['-lW', file]).stdout);
    const loader = join(sysroot(), 'lib', arch.musl.loader);
    const command = wanted ? [loader, '--library-path', `${work}:${join(sysroot(), 'lib')}`] : [];
    const emulator = arch.runsOn?.includes('x86_64') === true ? [] : [arch.emulator.userProgram ?? ''];
    const [name = '', ...rest] = [...emulator.map(findProgram), ...command, file, ...argv];
    return start([name, ...rest]);
  }

  function sysroot(): string {
    return resolve(use('gcc', ['-print-sysroot']).stdout.trimEnd());
  }

  /** What kind of ELF file it is, by its header and its dynamic section. */
  function kindOf(file: string): {
    readonly type: string;
    readonly loader: boolean;
    readonly libraries: boolean;
  } {
    const { stdout } = use('readelf', ['-hldW', file]);
    return {
      type: /^ *Type: *(\w+)/m.exec(stdout)?.[1] ?? '',
      loader: stdout.includes('interpreter: '),
      libraries: stdout.includes('(NEEDED)'),
    };
  }

  describe.each([
    ['lib, with a link usr/lib', 'lib', 'usr/lib', '../lib'],
    ['usr/lib, with a link lib', 'usr/lib', 'lib', 'usr/lib'],
  ])('--sysroot=DIR, where libraries lie in %s', (_, real, link, to) => {
    const other = join(here, `system root ${real.length}`);
    const owned = /\/(?:crt[1in]|[RSr]crt1)\.o$|\/lib(?:c|m|pthread)\.(?:a|so)$|\/ld-musl/;

    beforeAll(() => {
      mkdirSync(join(other, 'usr'), { recursive: true });
      cpSync(join(sysroot(), 'usr/include'), join(other, 'usr/include'), { recursive: true });
      cpSync(realpathSync(join(sysroot(), 'lib')), join(other, real), {
        recursive: true,
        verbatimSymlinks: true,
      });
      symlinkSync(to, join(other, link));
      // Start files and a C library that can be told from ours.
      writeFileSync(
        join(other, 'usr/include/theirs.h'),
        '#ifdef __cplusplus\nextern "C"\n#endif\nint theirs(void);\n',
      );
      writeFileSync(join(work, 'theirs.c'), 'int theirs(void) { return 42; }\n');
      writeFileSync(join(work, 'start.c'), 'int their_start = 1;\n');
      for (const name of ['theirs', 'start'])
        expect(use('gcc', ['-fPIC', '-c', `${name}.c`])).toMatchObject(quiet);
      for (const name of ['crt1.o', 'Scrt1.o', 'rcrt1.o']) {
        const file = join(other, real, name);
        expect(use('ld', ['-r', '-o', 'merged.o', file, 'start.o'])).toMatchObject(quiet);
        cpSync(join(work, 'merged.o'), file);
      }
      expect(use('ar', ['rs', join(other, real, 'libc.a'), 'theirs.o']).status).toBe(0);
      for (const name of ['theirs-main.c', 'theirs-main.cc']) {
        writeFileSync(
          join(work, name),
          '#include <theirs.h>\n#include <stdlib.h>\nint main(void) { exit(theirs() - 42); }\n',
        );
      }
    });

    test.each([
      ['gcc', 'theirs-main.c', '-static'],
      ['g++', 'theirs-main.cc', '-static'],
      ['gcc', 'theirs-main.c', '-static-pie -fPIE'],
      ['g++', 'hello.cc', '-static'],
      ['g++', 'hello.cc', '-pie -fPIE'],
      ['g++', 'hello.cc', ''],
    ])('%s %s %s: its headers, start files and libraries, and no others', (driver, source, options) => {
      const flags = [`--sysroot=${other}`, ...options.split(' ').filter((option) => option !== '')];
      const made = use(driver, [...flags, source, '-o', 'with sysroot', '-Wl,--trace']);
      expect(made).toMatchObject({ status: 0, stderr: '' });
      // With --trace, ld says "(ARCHIVE)MEMBER" of what it takes from an archive, or just the archive.
      const linked = made.stdout.split('\n').map((line) => resolve(work, line.replace(/^\((.*)\).*/, '$1')));
      const ofLibc = linked.filter((file) => owned.test(file));
      expect(ofLibc).not.toEqual([]);
      expect(ofLibc.filter((file) => !file.startsWith(`${other}/`))).toEqual([]);
      expect(linked.filter((file) => file.startsWith(`${sysroot()}/`))).toEqual([]);
      expect(use('nm', ['with sysroot']).stdout).toContain(' their_start');
      const included = use(driver, [...flags, '-M', source])
        .stdout.split(/(?<!\\)\s+/)
        .map((word) => resolve(work, word.replaceAll('\\ ', ' ')));
      expect(included).toContain(join(other, 'usr/include/stdlib.h'));
      expect(included.filter((file) => file.startsWith(`${sysroot()}/`))).toEqual([]);
      if (kindOf('with sysroot').loader) return;
      expect(execute(join(work, 'with sysroot'))).toMatchObject({ status: 0, stderr: '' });
    });
  });

  test.each(['gcc', 'g++'])('%s finds the next <stdlib.h> after one of the user', (driver) => {
    const first = join(work, 'first headers');
    mkdirSync(first, { recursive: true });
    writeFileSync(join(first, 'stdlib.h'), '#include_next <stdlib.h>\n#define THEIRS EXIT_SUCCESS\n');
    const language = driver === 'gcc' ? 'c' : 'cc';
    writeFileSync(join(work, `next.${language}`), '#include <stdlib.h>\nint main(void) { exit(THEIRS); }\n');
    expect(use(driver, ['-I', first, '-c', `next.${language}`])).toMatchObject(quiet);
    expect(use(driver, ['-isystem', first, '-c', `next.${language}`])).toMatchObject(quiet);
  });

  test.each(['gcc', 'g++'])('%s: <limits.h> has the limits of the C library', (driver) => {
    const name = `limits.${driver === 'gcc' ? 'c' : 'cc'}`;
    writeFileSync(join(work, name), '#include <limits.h>\nint limits[] = { PATH_MAX, INT_MAX };\n');
    expect(use(driver, ['-c', name])).toMatchObject(quiet);
  });

  describe.each(['a directory', "it's $5 #1: 50%"])('link-time optimisation in %j', (name) => {
    const directory = join(here, name);
    const temporaryHere = join(directory, 'temporary files');

    beforeAll(() => {
      mkdirSync(temporaryHere, { recursive: true });
      writeFileSync(join(directory, 'first part.c'), 'int answer(void) { return 42; }\n');
      writeFileSync(
        join(directory, 'second part.c'),
        'int answer(void);\nint main(void) { return answer() - 42; }\n',
      );
    });

    test.each([
      [['-flto']],
      [['-flto', '-g']],
      [['-flto', '-flto-partition=none']],
      [['-flto=2', '-flto-partition=max']],
      [['-flto=auto', '-flto-partition=max']],
      [['-flto=2', '-flto-partition=max', '-save-temps']],
    ])('%j', (flags) => {
      const options = { cwd: directory, env: { TMPDIR: temporaryHere } };
      const optimise = flags.includes('-flto-partition=max') ? ['-O1'] : ['-O2', '-fwhole-program'];
      expect(use('gcc', [...flags, '-O2', '-c', 'first part.c', 'second part.c'], options)).toMatchObject(
        quiet,
      );
      const link = [...flags, ...optimise, '-static', 'first part.o', 'second part.o', '-o', 'whole program'];
      // With one process a link in several parts is worth a note.
      expect(use('gcc', link, options).stderr.replace(/^.*using serial compilation.*\n.*\n/gm, '')).toBe('');
      expect(execute(join(directory, 'whole program'))).toMatchObject(quiet);
      if (optimise.includes('-fwhole-program')) {
        expect(use('nm', ['whole program'], options).stdout).not.toContain(' answer');
      }
    });

    test('-flto=jobserver', () => {
      const options = { cwd: directory, env: { TMPDIR: temporaryHere, TOOL: program('gcc') } };
      const flags = '-flto=jobserver -flto-partition=max -O1 -static';
      writeFileSync(
        join(directory, 'Makefile'),
        `all:\n\t+"$$TOOL" ${flags} 'first part.c' 'second part.c' -o 'by make'\n`,
      );
      const made = start(['make', '--silent', '-j2'], options);
      expect(made).toMatchObject({ status: 0, stderr: '' });
      expect(execute(join(directory, 'by make'))).toMatchObject(quiet);
    });
  });

  describe('the stack protector', () => {
    beforeAll(() => {
      for (const [mode, object] of [
        ['-fPIE', 'protected-pie.o'],
        ['-fPIC', 'protected-pic.o'],
      ] as const) {
        const compile = [mode, '-O1', '-fstack-protector-all', '-c', 'overflow.c', '-o', object];
        expect(use('gcc', compile)).toMatchObject(quiet);
      }
      expect(use('gcc', ['-fPIE', '-O1', '-c', 'main.c'])).toMatchObject(quiet);
    });

    test.each(['-pie', '-static', '-static-pie', '-pie -flto', '-no-pie'])(
      '%s: only compiling had the option',
      (options) => {
        const link = [...options.split(' '), 'main.o', 'protected-pie.o', '-o', 'guarded'];
        expect(use('gcc', link)).toMatchObject(quiet);
        expect(use('nm', ['guarded']).stdout).toContain(' __stack_chk_fail\n');
        expect(execute(join(work, 'guarded'))).toMatchObject({ status: 0 });
        expect(execute(join(work, 'guarded'), ['much']).status).not.toBe(0);
      },
    );

    test('in a shared library, which keeps the function for itself', () => {
      const library = ['-shared', 'protected-pic.o', '-o', 'libguarded.so'];
      expect(use('gcc', library)).toMatchObject(quiet);
      const { stdout } = use('nm', ['--dynamic', 'libguarded.so']);
      expect(stdout).toContain(' U __stack_chk_fail\n');
      expect(stdout).not.toContain('__stack_chk_fail_local');
      expect(use('gcc', ['-fPIE', '-pie', 'main.c', '-L.', '-lguarded', '-o', 'guarded'])).toMatchObject(
        quiet,
      );
      expect(execute(join(work, 'guarded'))).toMatchObject({ status: 0 });
      expect(execute(join(work, 'guarded'), ['much']).status).not.toBe(0);
    });
  });

  describe('-static-pie', () => {
    test.each([
      ['gcc', 'hello.c', ''],
      ['g++', 'hello.cc', ''],
      ['gcc', 'hello.c', '-static'],
      ['g++', 'hello.cc', '-flto'],
      ['g++', 'hello.cc', '-latomic'],
      ['g++', 'hello.cc', '-fopenmp'],
    ])('%s -fPIE %s %s', (driver, source, option) => {
      const flags = ['-static-pie', '-fPIE', ...(option === '' ? [] : [option])];
      expect(use(driver, [...flags, source, '-o', 'static pie'])).toMatchObject(quiet);
      expect(kindOf('static pie')).toEqual({ type: 'DYN', loader: false, libraries: false });
      const { status, stdout } = execute(join(work, 'static pie'));
      expect({ status, stdout }).toEqual({
        status: 0,
        stdout: driver === 'gcc' ? 'hello\n' : 'hello, caught 10\n',
      });
    });

    test('is an error when objects depend on their position', () => {
      const made = use('gcc', ['-static-pie', '-fno-pie', 'hello.c', '-o', 'impossible']);
      expect(made.status).not.toBe(0);
      expect(made.stderr).toMatch(/relocation/);
      expect(existsSync(join(work, 'impossible'))).toBe(false);
    });
  });

  test.each(['-pg', '-p', '-profile', '-static -pg', '-static-pie -fPIE -pg', '-shared -fPIC -pg'])(
    '%s: musl has no profiling, and the error says so',
    (options) => {
      const made = use('gcc', [...options.split(' '), 'hello.c', '-o', 'profiled']);
      expect(made.status).toBe(1);
      expect(made.stderr).toContain('profiling');
      expect(made.stderr).toContain('musl');
      expect(existsSync(join(work, 'profiled'))).toBe(false);
    },
  );

  test('-pg alone compiles, for kernels that bring their own mcount', () => {
    expect(use('gcc', ['-pg', '-c', 'hello.c', '-o', 'traced.o'])).toMatchObject(quiet);
    expect(use('nm', ['traced.o']).stdout).toMatch(/ U .*mcount/);
    const kernel = ['-pg', '-nostdlib', '-r', 'traced.o', '-o', 'partial.o'];
    expect(use('gcc', kernel)).toMatchObject(quiet);
    expect(readFileSync(join(work, 'partial.o')).length).toBeGreaterThan(0);
  });
});
