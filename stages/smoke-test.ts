import type { Arch } from '../src/inputs/arch.ts';
import type { Command } from '../src/plan/action.ts';
import { run, shell, write } from '../src/plan/builder.ts';
import type { PlanInputs } from './inputs.ts';
import { runtimeFiles } from './runtime.ts';

const helloC = `#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
	time_t late = (time_t)4102444800LL; /* 2100: only a 64-bit time_t holds it */
	struct tm parts;
	char path[PATH_MAX]; /* of the C library's <limits.h>, behind gcc's own */

	path[PATH_MAX - 1] = 0;
	if (!gmtime_r(&late, &parts) || parts.tm_year != 200) return 1;
	printf("hello from C, %d, %zu\\n", argc, strlen(argv[0]) > 0 ? sizeof(void *) : 0);
	return 0;
}
`;

const helloCxx = `#include <atomic>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<long long> sum{0};
static std::mutex lock;

static void work(int number)
{
	std::lock_guard<std::mutex> guard(lock);
	sum += number;
}

int main()
{
	std::vector<std::thread> threads;
	for (int number = 1; number <= 4; ++number) threads.emplace_back(work, number);
	for (auto &thread : threads) thread.join();
	try {
		throw std::runtime_error("caught");
	} catch (const std::exception &error) {
		std::cout << "hello from C++, " << sum << ", " << error.what() << std::endl;
	}
	return sum == 10 ? 0 : 1;
}
`;

const caller = `int answer(void);
int main(void) { return answer() != 42; }
`;

const callee = 'int answer(void) { return 42; }\n';

/** Needs a guard of its stack, by an object whose linker is told nothing of it. */
const guarded = `#include <string.h>
int guarded(const char *text) { char copy[64]; strncpy(copy, text, 63); copy[63] = 0; return copy[strlen(text)]; }
int main(void) { return guarded("text"); }
`;

/** Names of the programs that `smokeTest` leaves in `/programs`. */
export const smokePrograms = [
  'hello-c-static',
  'hello-c-dynamic',
  'hello-c++-static',
  'hello-c++-dynamic',
  'hello-c++-static-pie',
] as const;

/**
 * Compiles and links C and C++, static, dynamic and optimised at link time, and looks at what came out: the right
 * processor, the right dynamic loader, and no library that the target does not have. Leaves the programs in `/programs`, and in `/passed` a
 * note that stands for having passed: who takes it as a tool waits for the test.
 */
export function smokeTest(
  inputs: PlanInputs,
  options: {
    readonly target: Arch;
    /** Where the compiler lies. */
    readonly prefix: string;
    /** What precedes `gcc` in the programs' names; empty for a native compiler. */
    readonly programPrefix: string;
  },
): readonly Command[] {
  const { target } = options;
  const tool = `${options.prefix}/bin/${options.programPrefix}`;
  return [
    write('/build/hello.c', helloC),
    write('/build/hello.cc', helloCxx),
    shell(
      `cd ${options.prefix}
      for file in ${runtimeFiles(inputs, target).join(' ')}; do
        if [ ! -e $file ]; then echo "the compiler lacks $file"; exit 1; fi
      done`,
    ),
    run([`${tool}gcc`, '-static', '-O2', '-o', '/programs/hello-c-static', 'hello.c']),
    run([`${tool}gcc`, '-O2', '-o', '/programs/hello-c-dynamic', 'hello.c']),
    run([`${tool}g++`, '-static', '-O2', '-o', '/programs/hello-c++-static', 'hello.cc', '-latomic']),
    run([`${tool}g++`, '-O2', '-o', '/programs/hello-c++-dynamic', 'hello.cc', '-latomic']),
    run([
      `${tool}g++`,
      '-static-pie',
      '-fPIE',
      '-O2',
      '-o',
      '/programs/hello-c++-static-pie',
      'hello.cc',
      '-latomic',
    ]),
    write('/build/guarded.c', guarded),
    run([`${tool}gcc`, '-fstack-protector-strong', '-fPIC', '-O2', '-c', 'guarded.c']),
    run([`${tool}gcc`, '-pie', '-o', 'guarded', 'guarded.o']),
    run([`${tool}gcc`, '-shared', '-Wl,-z,defs', '-o', 'guarded.so', 'guarded.o']),
    run([`${tool}gcc`, '-static-pie', '-o', 'guarded-static-pie', 'guarded.o']),
    write('/build/caller.c', caller),
    write('/build/callee.c', callee),
    run([`${tool}gcc`, '-flto', '-O2', '-c', 'caller.c', 'callee.c']),
    // Without a linker plugin nothing tells lto1 that no one else calls these functions, but this switch.
    run([`${tool}gcc`, '-flto', '-O2', '-fwhole-program', '-o', 'optimised', 'caller.o', 'callee.o']),
    shell(
      `${tool}nm optimised > symbols
      grep -q ' main$' symbols
      if grep -q answer symbols; then echo "link-time optimisation did nothing"; exit 1; fi`,
    ),
    shell(
      `cd /programs
      for language in c c++; do
        ${tool}readelf -lW hello-$language-dynamic > /build/dynamic
        grep -q 'interpreter: /lib/${target.musl.loader}]' /build/dynamic || { echo "hello-$language-dynamic: wrong loader"; exit 1; }
        ${tool}readelf -lW hello-$language-static > /build/static
        if grep -q INTERP /build/static; then echo "hello-$language-static is not static"; exit 1; fi
        ${tool}readelf -hW hello-$language-static | grep -q 'Class: *ELF${target.bits}' || { echo "hello-$language-static: wrong class"; exit 1; }
        ${tool}readelf -hW hello-$language-static | grep -q '${target.byteOrder} endian' || { echo "hello-$language-static: wrong byte order"; exit 1; }
      done
      ${tool}readelf -hlW hello-c++-static-pie > /build/static-pie
      if grep -q INTERP /build/static-pie; then echo "hello-c++-static-pie is not static"; exit 1; fi
      grep -q 'Type: *DYN' /build/static-pie || { echo "hello-c++-static-pie is not position independent"; exit 1; }
      mkdir -p /passed/share/smoke-test
      echo passed > /passed/share/smoke-test/${target.triple}`,
    ),
  ];
}
