/** Programs of others, with the build systems of others, by a cross compiler as a user has it. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arch } from '../../arches/armv5l.ts';
import { target, unpackedCrossCompiler } from '../guest/unpacked.ts';
import { debianArchives } from './debian-archive.ts';

const { triple } = arch;

const archives = {
  zlib: {
    package: 'zlib',
    file: 'zlib_1.2.13.dfsg.orig.tar.bz2',
    sha256: '71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1',
  },
  libpng: {
    package: 'libpng1.6',
    file: 'libpng1.6_1.6.39.orig.tar.gz',
    sha256: 'a00e9d2f2f664186e4202db9299397f851aea71b36a35e74910b8820e380d441',
  },
  libspng: {
    package: 'libspng',
    file: 'libspng_0.7.3.orig.tar.gz',
    sha256: 'a50cadbe808ffda1a7fab17d145f52a23b163f34b3eb3696c7ecb5a52340fc1d',
  },
  muparser: {
    package: 'muparser',
    file: 'muparser_2.3.3.orig.tar.gz',
    sha256: '91d26d8274ae9cd9c776ee58250aeddc6b574f369eafd03b25045b858a2b8177',
  },
} as const;
type Name = keyof typeof archives;

const scratch = mkdtempSync(join(tmpdir(), 'build-systems-'));
let compiler: string;
/** The compiler's sysroot, copied, with libraries that the tests add. */
const sysroot = join(scratch, 'my sysroot');
/** The same by a path that CC can hold. */
const linkedSysroot = join(scratch, 'sysroot');
/** Directory of each source. */
const sources = {} as Record<Name, string>;

beforeAll(async () => {
  compiler = await unpackedCrossCompiler(join(scratch, 'a folder'));
  cpSync(join(compiler, triple, 'sysroot'), sysroot, { recursive: true, verbatimSymlinks: true });
  symlinkSync(sysroot, linkedSysroot);
  const files = await debianArchives(Object.values(archives));
  for (const [index, name] of (Object.keys(archives) as Name[]).entries()) {
    const directory = join(scratch, 'sources', name);
    mkdirSync(directory, { recursive: true });
    succeed(['tar', 'xf', files[index] ?? '', '-C', directory, '--strip-components=1']);
    sources[name] = directory;
  }
  // Debian's zlib is without it, and its CMakeLists.txt names it.
  mkdirSync(join(sources.zlib, 'win32'));
  writeFileSync(join(sources.zlib, 'win32/zlib1.rc'), '');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Environment = Readonly<Record<string, string>>;

/** Runs a program as a user would who knows of no other compiler, and whose machine has libraries of its own. */
function succeed(argv: readonly string[], env: Environment = {}, cwd = scratch): string {
  const [program = '', ...rest] = argv;
  const { status, stdout, stderr } = spawnSync(program, rest, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: {
      PATH: '/usr/bin:/bin',
      HOME: scratch,
      LC_ALL: 'C',
      PKG_CONFIG_PATH: '/usr/lib/x86_64-linux-gnu/pkgconfig:/usr/share/pkgconfig',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(status, `${argv.join(' ')}\n${stdout.slice(-8000)}\n${stderr.slice(-8000)}`).toBe(0);
  return stdout;
}

function tool(name: string): string {
  return join(compiler, 'bin', `${target}-${name}`);
}

/** What a program says when the emulator runs it. */
function runs(program: string, ...argv: readonly string[]): string {
  return succeed([tool('run'), `--sysroot=${sysroot}`, program, ...argv]);
}

function cmake(source: string, build: string, options: readonly string[] = [], env: Environment = {}): void {
  const toolchain = `-DCMAKE_TOOLCHAIN_FILE=${join(compiler, 'toolchain.cmake')}`;
  succeed(['cmake', '-G', 'Ninja', '-S', source, '-B', build, toolchain, ...options], env);
  succeed(['ninja', '-C', build]);
}

/** In a POSIX shell that has read environment-setup. */
function inEnvironment(text: string, cwd: string, env: Environment = {}): string {
  const setup = `. "$SETUP"\n${text}`;
  return succeed(['dash', '-euc', setup], { SETUP: join(compiler, 'environment-setup'), ...env }, cwd);
}

describe('libraries, into a sysroot of the user', () => {
  test('zlib, by cmake', () => {
    const build = join(scratch, 'build zlib');
    cmake(sources.zlib, build, ['-DCMAKE_INSTALL_PREFIX=/usr', `-DCMAKE_SYSROOT=${sysroot}`]);
    succeed(['ninja', '-C', build, 'install'], { DESTDIR: sysroot });
    expect(runs(join(build, 'example'))).toContain('inflate with dictionary: hello, hello!');
  });

  test('zlib, by its own configure', () => {
    const build = join(scratch, 'zlib-by-make');
    cpSync(sources.zlib, build, { recursive: true });
    inEnvironment('./configure\nmake -j2 example', build);
    expect(runs(join(build, 'example'))).toContain('inflate with dictionary: hello, hello!');
  });

  test('libpng, by its configure: needs zlib', () => {
    const build = join(scratch, 'build-libpng');
    mkdirSync(build);
    inEnvironment(
      `"$SOURCE/configure" $CONFIGURE_FLAGS --prefix=/usr
      make -j2
      make install DESTDIR="$CROSS_SYSROOT"`,
      build,
      { SOURCE: sources.libpng, CROSS_SYSROOT: linkedSysroot },
    );
    const said = inEnvironment(
      `./libtool --mode=execute ${target}-run ./pngtest "$SOURCE/pngtest.png"`,
      build,
      { SOURCE: sources.libpng, CROSS_SYSROOT: linkedSysroot },
    );
    expect(said).toContain('libpng passes test');
  });
});

test('libspng, by meson, with its tests: needs libpng and zlib by pkg-config, and C++', () => {
  const cross = join(scratch, 'cross.ini');
  const build = join(scratch, 'build libspng');
  writeFileSync(cross, succeed([tool('meson-cross'), `--sysroot=${sysroot}`]));
  const options = ['--cross-file', cross, '-Ddev_build=true', '-Dbuildtype=release'];
  const said = succeed(['meson', 'setup', build, sources.libspng, ...options]);
  expect(said).toMatch(/Run-time dependency zlib found: YES 1\.2\.13/);
  expect(said).toMatch(/Run-time dependency libpng found: YES 1\.6\.39/);
  succeed(['ninja', '-C', build]);
  const tested = succeed(['meson', 'test', '-C', build, '--timeout-multiplier', '20']);
  expect(tested).toMatch(/^Ok: +1\d\d *$/m);
  expect(tested).toMatch(/^Fail: +0 *$/m);
});

test('muparser, C++ by cmake, with its tests', () => {
  const build = join(scratch, 'build muparser');
  cmake(sources.muparser, build, ['-DENABLE_OPENMP=OFF']);
  expect(succeed(['ctest', '--output-on-failure'], {}, build)).toContain('100% tests passed');
});

describe('a project of our own', () => {
  const source = join(scratch, 'own');
  beforeAll(() => {
    mkdirSync(source);
    writeFileSync(
      join(source, 'main.cc'),
      `#include <iostream>
#include <png.h>
#include <zlib.h>
int main() { std::cout << zlibVersion() << " " << png_access_version_number() << std::endl; }
`,
    );
    writeFileSync(join(source, 'try.c'), '#include <stdio.h>\nint main(void) { puts("tried"); return 0; }\n');
    writeFileSync(
      join(source, 'CMakeLists.txt'),
      `cmake_minimum_required(VERSION 3.20)
project(own C CXX)
try_run(ran compiled \${CMAKE_BINARY_DIR}/try SOURCES \${CMAKE_SOURCE_DIR}/try.c RUN_OUTPUT_VARIABLE said)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(SSL openssl libc6 xkeyboard-config shared-mime-info)
find_package(ZLIB REQUIRED)
find_program(MAKE make)
message(STATUS "processor=\${CMAKE_SYSTEM_PROCESSOR} ran=\${ran} said=\${said}")
message(STATUS "zlib=\${ZLIB_LIBRARIES}")
message(STATUS "make=\${MAKE}")
add_executable(own main.cc)
if(STATIC)
  target_include_directories(own PRIVATE \${PNG_STATIC_INCLUDE_DIRS})
  target_link_directories(own PRIVATE \${PNG_STATIC_LIBRARY_DIRS})
  target_link_libraries(own PRIVATE \${PNG_STATIC_LIBRARIES})
else()
  target_link_libraries(own PRIVATE PkgConfig::PNG ZLIB::ZLIB)
endif()
enable_testing()
add_test(NAME own COMMAND own)
`,
    );
    writeFileSync(
      join(source, 'meson.build'),
      `project('own', 'cpp')
message(host_machine.cpu_family() + ' ' + host_machine.endian())
own = executable('own', 'main.cc', dependencies: [dependency('zlib'), dependency('libpng')])
test('own', own)
`,
    );
  });

  /** Configures, builds and tests it by cmake, with what the user says of it. */
  function byCmake(build: string, env: Environment, options: readonly string[] = []): string {
    cmake(source, build, options, env);
    // Configuring once more, in a shell that knows nothing of it, changes nothing.
    const again = succeed(['cmake', build]);
    expect(succeed(['ninja', '-C', build])).toContain('no work to do');
    expect(succeed(['ctest'], {}, build)).toContain('100% tests passed');
    return again;
  }

  test('by cmake, which finds what the sysroot has, and programs of the machine', () => {
    const build = join(scratch, 'own by cmake');
    const said = byCmake(build, { CROSS_SYSROOT: sysroot });
    expect(said).toContain(`processor=${target}`);
    expect(said).toContain(`zlib=${sysroot}/`);
    expect(said).toContain('make=/usr/bin/make');
    expect(readFileSync(join(build, 'CMakeCache.txt'), 'utf8')).toMatch(/^SSL_FOUND:INTERNAL=$/m);
    expect(runs(join(build, 'own'))).toBe('1.2.13 10639\n');
    expect(succeed([tool('readelf'), '-lW', join(build, 'own')])).toContain(arch.musl.loader);
  });

  test('static, where the user wants it', () => {
    const build = join(scratch, 'own static');
    byCmake(build, {}, [`-DCMAKE_SYSROOT=${sysroot}`, '-DSTATIC=ON', '-DCMAKE_EXE_LINKER_FLAGS=-static']);
    expect(succeed([tool('readelf'), '-lW', join(build, 'own')])).not.toContain('INTERP');
    expect(runs(join(build, 'own'))).toBe('1.2.13 10639\n');
  });

  test('with the variable of environment-setup alone', () => {
    const build = join(scratch, 'own-by-environment');
    inEnvironment('cmake -S "$SOURCE" -B "$BUILD"\nmake -C "$BUILD"', scratch, {
      SOURCE: source,
      BUILD: build,
      CROSS_SYSROOT: linkedSysroot,
    });
    expect(runs(join(build, 'own'))).toBe('1.2.13 10639\n');
  });

  test('by a compiler that was moved, and called through a link', () => {
    const moved = join(scratch, 'moved to here');
    renameSync(compiler, moved);
    const before = compiler;
    compiler = join(scratch, 'link to the compiler');
    symlinkSync(moved, compiler);
    try {
      expect(existsSync(before)).toBe(false);
      byCmake(join(scratch, 'own moved'), {}, [`-DCMAKE_SYSROOT=${sysroot}`]);
      const cross = join(scratch, 'moved.ini');
      const build = join(scratch, 'own by meson');
      writeFileSync(cross, succeed([tool('meson-cross')], { CROSS_SYSROOT: sysroot }));
      expect(readFileSync(cross, 'utf8')).toContain(`'${moved}/bin/`);
      const said = succeed(['meson', 'setup', build, source, '--cross-file', cross]);
      expect(said).toMatch(/Message: arm little/);
      expect(succeed(['meson', 'test', '-C', build])).toMatch(/^Ok: +1 *$/m);
    } finally {
      rmSync(compiler);
      renameSync(moved, before);
      compiler = before;
    }
  });
});
