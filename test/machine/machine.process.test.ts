import { mkdtemp, readdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import { createLocalExecutor } from '../../src/sandbox/local-sandbox.ts';
import { createMachineProvider } from '../../src/machine/machine.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { removeForcibly } from '../../src/store/remove.ts';
import type { Store } from '../../src/store/store.ts';
import { treesAt, tryRecipe, type Subject } from '../executor/contract.ts';
import { keepStore } from '../executor/kept-store.ts';
import { repositoryPath } from '../repository-path.ts';

const openStore = keepStore();

const c = `#include <pthread.h>
#include <math.h>
#include <stdio.h>
#include <linux/version.h>
static void *work(void *x) { return x; }
int main(int count, char **words) {
  pthread_t thread;
  if (pthread_create(&thread, 0, work, words) || pthread_join(thread, 0)) return 1;
  return printf("C %.0f\\n", sqrt(count * 49.0)) < 0 || LINUX_VERSION_CODE == 0;
}
`;

const cxx = `#include <iostream>
#include <stdexcept>
#include <thread>
int main() {
  int count = 0;
  std::thread worker([&] { count++; });
  worker.join();
  try { throw std::runtime_error("caught"); } catch (const std::exception &e) {
    std::cout << "C++ " << count << ' ' << e.what() << std::endl;
  }
}
`;

describe("the machine's programs", () => {
  let subject: Subject;
  let store: Store;
  let compiler: Digest;
  let utilities: Digest;

  beforeAll(async () => {
    const opened = await openStore();
    store = opened.store;
    const machine = createMachineProvider({ store });
    const obtain = async (kind: 'compiler' | 'machine-utilities') => {
      const obtained = await machine.obtain(kind);
      if (!obtained.ok) throw new Error(JSON.stringify(obtained.failure));
      return obtained.value;
    };
    compiler = await obtain('compiler');
    utilities = await obtain('machine-utilities');
    const inputs = [treesAt('/', [compiler, utilities])];
    subject = {
      executor: createLocalExecutor({ store, repository: repositoryPath, jobs: 1, memoryMiB: 1000 }),
      store,
      inputs,
      logs: opened.logs,
    };
  });

  it('compile, link and run C and C++, static and dynamic', async () => {
    const { result, lines } = await tryRecipe(subject, {
      commands: [
        write('/build/a.c', c),
        write('/build/a.cc', cxx),
        ...[[], ['-static']].flatMap((how) => [
          run(['gcc', ...how, 'a.c', '-o', 'c', '-lpthread', '-lm', '-ldl', '-lrt']),
          run(['./c']),
          run(['g++', ...how, 'a.cc', '-o', 'cc', '-lpthread', '-lm', '-ldl', '-lrt']),
          run(['./cc']),
        ]),
        run(['cc', '-c', 'a.c']),
        run(['ar', 'rc', 'liba.a', 'a.o']),
        run(['ranlib', 'liba.a']),
        run(['ld', '-r', 'a.o', '-o', 'b.o']),
        shell('nm liba.a | grep -c main; objdump -h a.o | grep -c text; readelf -h a.o | grep -c ELF64'),
        run(['objcopy', '-O', 'binary', 'c', 'c.bin']),
        run(['strip', 'c']),
        run(['./c']),
      ],
    });
    expect(result, lines.slice(-5).join('\n')).toMatchObject({ ok: true, value: { exitCode: 0 } });
    const printed = lines.filter((line) => /^C(?:\+\+)? \d/.test(line));
    expect(printed).toEqual(['C 7', 'C++ 1 caught', 'C 7', 'C++ 1 caught', 'C 7']);
  });

  it('bring no header and no library that is neither of libc, kernel nor compiler', async () => {
    const headers = await readdir(join(store.treePath(compiler), 'usr/include'));
    expect(headers).toEqual(expect.arrayContaining(['c++', 'linux', 'stdio.h', 'asm-generic']));
    expect(
      headers.filter((name) => /^(?:zlib|zconf|gmp|crypt|curses|ncurses|openssl|python)/.test(name)),
    ).toEqual([]);
    const { result, lines } = await tryRecipe(subject, {
      commands: [
        write('/build/a.c', 'int main(void) { return 0; }\n'),
        shell('for l in z zstd gmp mpfr; do if gcc a.c -l$l 2>/dev/null; then echo found $l; fi; done'),
      ],
    });
    expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
    expect(lines.filter((line) => line.startsWith('found'))).toEqual([]);
    expect(await readdir(join(store.treePath(compiler), 'usr/bin'))).not.toContain('make');
  });

  it('are not read again as long as nothing changes', async () => {
    const copied = vi.spyOn(store, 'makeScratch');
    onTestFinished(() => {
      copied.mockRestore();
    });
    const machine = createMachineProvider({ store });
    expect(await machine.obtain('compiler')).toEqual({ ok: true, value: compiler });
    expect(await machine.obtain('machine-utilities')).toEqual({ ok: true, value: utilities });
    expect(copied).not.toHaveBeenCalled();
  });

  it('are copied again if their tree is missing', async () => {
    await store.removeTree(utilities);
    expect(await createMachineProvider({ store }).obtain('machine-utilities')).toEqual({
      ok: true,
      value: utilities,
    });
    expect(await store.hasTree(utilities)).toBe(true);
  });

  it('are looked for again when another one comes first', async () => {
    const own = await mkdtemp(join(tmpdir(), 'executor-test-'));
    onTestFinished(() => removeForcibly(own));
    const machine = createMachineProvider({ store, directories: [own, '/usr/bin', '/bin'] });
    await machine.obtain('machine-utilities');
    await symlink('/usr/bin/true', join(own, 'awk'));
    const changed = await machine.obtain('machine-utilities');
    if (!changed.ok) throw new Error(JSON.stringify(changed.failure));
    expect(changed.value).not.toBe(utilities);
    await createMachineProvider({ store }).obtain('machine-utilities');
  });

  it('are named with their package when they are missing', async () => {
    const own = await mkdtemp(join(tmpdir(), 'executor-test-'));
    onTestFinished(() => removeForcibly(own));
    const machine = createMachineProvider({ store, directories: [own] });
    const reason = 'missing-program';
    expect(await machine.obtain('compiler')).toEqual({
      ok: false,
      failure: { reason, program: 'gcc', purpose: 'compiling the first tools', debianPackage: 'gcc' },
    });
    await symlink('/usr/bin/gcc', join(own, 'gcc'));
    expect(await machine.obtain('compiler')).toMatchObject({
      failure: { reason, program: 'g++', debianPackage: 'g++' },
    });
    expect(await machine.obtain('machine-utilities')).toEqual({
      ok: false,
      failure: { reason, program: 'make', purpose: 'building busybox', debianPackage: 'make' },
    });
  });
});
