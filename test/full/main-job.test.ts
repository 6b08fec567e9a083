import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrap, repository } from '../real/built.ts';
import { expectGuest } from '../real/guest.ts';

const out = `${repository}/out/armv5l`;
const image = `${out}/system-image-armv5l`;
const triple = 'armv5l-linux-musleabi';

const helloC = `#include <stdio.h>
int main(void) { puts("hello from C"); return 0; }
`;
const helloCxx = `#include <iostream>
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
		std::cout << "hello from C++, " << error.what() << std::endl;
	}
	return 0;
}
`;

/** Runs a program in an empty root that holds nothing but what was put there. */
function inEmptyRoot(
  root: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): void {
  const inner = ['chroot', root, ...argv];
  const result = spawnSync('unshare', ['--user', '--map-root-user', '--net', ...inner], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    encoding: 'utf8',
  });
  expect(result.stderr + result.stdout, argv.join(' ')).toBe('');
  expect(result.status, argv.join(' ')).toBe(0);
}

describe('bootstrap armv5l --host i686', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'main-job-'));

  beforeAll(async () => {
    await bootstrap('armv5l', '--host', 'i686');
  });
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  it('leaves every product, with the sum that is listed', () => {
    const names = [
      'cross-compiler-armv5l-i686.tar.gz',
      'native-compiler-armv5l.tar.gz',
      'root-filesystem-armv5l.tar.gz',
      'system-image-armv5l.tar.gz',
    ];
    const sums = readFileSync(`${out}/SHA256SUMS`, 'utf8');
    for (const name of names) expect(sums).toContain(`  ${name}\n`);
    const checked = spawnSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], {
      cwd: out,
      encoding: 'utf8',
    });
    expect(checked.stdout + checked.stderr).toBe('');
    for (const name of names) {
      const list = spawnSync('tar', ['tzf', name], {
        cwd: out,
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      }).stdout.split('\n');
      const top = new Set(list.filter((line) => line !== '').map((line) => line.split('/')[0]));
      expect([...top]).toEqual([name.replace('.tar.gz', '')]);
      expect(
        list.some((line) => /^[^/]+\/README$/.test(line)),
        `${name} has a README`,
      ).toBe(true);
      expect(
        list.some((line) => /^[^/]+\/licenses\/./.test(line)),
        `${name} has licences`,
      ).toBe(true);
    }
  });

  it('makes a cross compiler that works from any directory, in an empty root, and takes nothing of the host', async () => {
    const root = path.join(scratch, 'empty root');
    const places = ['opt/tools', 'with a space/in it'];
    mkdirSync(path.join(root, 'job'), { recursive: true });
    mkdirSync(path.join(root, 'dev'));
    writeFileSync(path.join(root, 'dev/null'), '');
    mkdirSync(path.join(root, 'tmp'));
    writeFileSync(path.join(root, 'job/hello.c'), helloC);
    writeFileSync(path.join(root, 'job/hello.cc'), helloCxx);
    // A header that would break every program, where a host's environment would point.
    mkdirSync(path.join(root, 'poison'));
    writeFileSync(path.join(root, 'poison/stdio.h'), '#error taken from the host\n');
    writeFileSync(path.join(root, 'poison/iostream'), '#error taken from the host\n');
    writeFileSync(path.join(root, 'poison/libc.a'), '');
    const poison = {
      CPATH: '/poison',
      C_INCLUDE_PATH: '/poison',
      CPLUS_INCLUDE_PATH: '/poison',
      LIBRARY_PATH: '/poison',
      COMPILER_PATH: '/poison',
      GCC_EXEC_PREFIX: '/poison/',
    };
    const files: Record<string, string> = {};
    for (const [index, place] of places.entries()) {
      const directory = path.join(root, place);
      mkdirSync(directory, { recursive: true });
      const unpacked = spawnSync('tar', ['xzf', `${out}/cross-compiler-armv5l-i686.tar.gz`, '-C', directory]);
      expect(unpacked.status).toBe(0);
      const bin = `/${place}/cross-compiler-armv5l-i686/bin`;
      symlinkSync(`${bin}/${triple}-gcc`, path.join(root, 'job', `gcc-${index}`));
      symlinkSync(`${bin}/armv5l-g++`, path.join(root, 'job', `g++-${index}`));
      const calls: readonly (readonly [string, readonly string[]])[] = [
        [`c-static-${index}`, [`/job/gcc-${index}`, '-static', '/job/hello.c']],
        [`c-dynamic-${index}`, [`${bin}/armv5l-gcc`, '/job/hello.c']],
        [`c++-static-${index}`, [`/job/g++-${index}`, '-static', '/job/hello.cc']],
        [`c++-dynamic-${index}`, [`${bin}/${triple}-g++`, '/job/hello.cc']],
      ];
      for (const [name, argv] of calls) {
        inEmptyRoot(root, [...argv, '-o', `/job/${name}`], poison);
        files[name] = path.join(root, 'job', name);
      }
    }
    const run = await expectGuest({
      imageDirectory: image,
      files,
      script: Object.keys(files)
        .map((name) => `./${name} || exit 1\n`)
        .join(''),
    });
    expect(run.output.match(/^hello from C$/gm)).toHaveLength(4);
    expect(run.output.match(/^hello from C\+\+, caught 10$/gm)).toHaveLength(4);
  });

  it('makes host programs that are static executables for i686', () => {
    const listing = spawnSync(
      'sh',
      [
        '-c',
        'cd "$1" && for f in */bin/* */driver/* */libexec/gcc/*/*/*; do [ -f "$f" ] && readelf -hlW "$f" 2>/dev/null; done',
        'sh',
        path.join(scratch, 'empty root/opt/tools'),
      ],
      { encoding: 'utf8', maxBuffer: 1 << 26 },
    ).stdout;
    expect(listing).toContain('Intel 80386');
    expect(listing).not.toContain('X86-64');
    expect(listing).not.toContain('INTERP');
  });

  it('makes a native compiler that builds and runs C and C++ in the guest', async () => {
    writeFileSync(path.join(scratch, 'hello.c'), helloC);
    writeFileSync(path.join(scratch, 'hello.cc'), helloCxx);
    const run = await expectGuest({
      imageDirectory: image,
      timeLimitSeconds: 1800,
      files: { 'hello.c': path.join(scratch, 'hello.c'), 'hello.cc': path.join(scratch, 'hello.cc') },
      script: `set -e
free -m
cd /tmp
cp /share/hello.c /share/hello.cc .
command -v gcc g++ make as ld
gcc -static -o c-static hello.c
gcc -o c-dynamic hello.c
g++ -static -o c++-static hello.cc
g++ -o c++-dynamic hello.cc
for program in c-static c-dynamic c++-static c++-dynamic; do ./$program; done
printf 'all: made\\nmade: hello.c\\n\\tcc -o made hello.c\\n' >Makefile
make
./made
`,
    });
    expect(run.output.match(/^hello from C$/gm)).toHaveLength(3);
    expect(run.output.match(/^hello from C\+\+, caught 10$/gm)).toHaveLength(2);
  });
});
