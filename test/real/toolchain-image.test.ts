import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrap, repository, runProgram } from './built.ts';
import { bootGuest, expectGuest } from './guest.ts';

const prefix = 'aarch64-linux-gnu-';
const scratch = mkdtempSync(path.join(tmpdir(), 'toolchain-image-'));
/** Beside the images of our own compilers, which lie by the same names. */
const products = `${repository}/out/toolchain/aarch64`;
const image = `${products}/system-image-aarch64`;
const fragment = path.join(scratch, 'fragment');
const argv = ['image', 'aarch64', '--toolchain', prefix, '--kernel-config', fragment];

const program = `#include <pthread.h>
#include <stdio.h>
static void *work(void *number) { *(int *)number += 41; return 0; }
int main(void)
{
	int number = 1;
	pthread_t thread;
	if (pthread_create(&thread, 0, work, &number) || pthread_join(thread, 0)) return 1;
	printf("%d, %zu bits\\n", number, sizeof(void *) * 8);
	return 0;
}
`;

describe("the aarch64 image, by Debian's cross compiler", () => {
  beforeAll(async () => {
    // IPV6_MULTIPLE_TABLES of the generic set goes with it.
    writeFileSync(fragment, '# for the test\nCONFIG_PANIC_TIMEOUT=7\n# CONFIG_IPV6 is not set\n');
    await bootstrap(...argv, '--out', 'out/toolchain');
  });
  afterAll(() => {
    rmSync(scratch, { recursive: true });
  });

  it('was made without a compiler of ours, and says so', () => {
    const manifest = JSON.parse(readFileSync(`${products}/manifest.json`, 'utf8')) as {
      readonly builds: readonly {
        readonly options: Readonly<Record<string, unknown>>;
        readonly actions: readonly { readonly name: string }[];
      }[];
    };
    const [build] = manifest.builds;
    expect(build?.options).toMatchObject({
      toolchain: { name: `${prefix}gcc`, triple: 'aarch64-linux-gnu', dynamicLoader: false },
      kernelConfig: ['# CONFIG_IPV6 is not set', 'CONFIG_PANIC_TIMEOUT=7'],
    });
    expect(build?.actions.filter(({ name }) => name.startsWith('stage-1'))).toEqual([]);
    expect(readFileSync(`${image}/README`, 'utf8')).toContain('has to be linked with -static');
    expect(existsSync(`${image}/licenses`)).toBe(true);
  });

  it('is up to date when it is asked for again, and says so', async () => {
    const again = await bootstrap(...argv, '--out', 'out/toolchain');
    expect(again.stdout + again.stderr).toMatch(/nothing to do/i);
  });

  it('boots to a shell, with network, clock and loopback, and ends when the shell is left', async () => {
    const run = await bootGuest({
      imageDirectory: image,
      timeLimitSeconds: 600,
      typed: 'uname -m; ip address show eth0; ping -c 1 127.0.0.1; date +%s\nexit\n',
    });
    expect(run.timedOut).toBe(false);
    expect(run.emulatorExitCode).toBe(0);
    expect(run.console).toContain('aarch64');
    expect(run.console).toContain('10.0.2.15/24');
    expect(run.console).toMatch(/1 packets received|1 received/);
    expect(Number(/^(1[0-9]{9})$/m.exec(run.console)?.[1])).toBeGreaterThan(1_700_000_000);
  });

  it('runs every kind of its programs, what the toolchain links statically, and the kernel that was asked for', async () => {
    writeFileSync(path.join(scratch, 'program.c'), program);
    const compiled = spawnSync(`${prefix}gcc`, ['-static', '-pthread', '-O2', '-o', 'program', 'program.c'], {
      cwd: scratch,
    });
    expect(compiled.status).toBe(0);
    const run = await expectGuest({
      imageDirectory: image,
      timeLimitSeconds: 600,
      files: { program: path.join(scratch, 'program') },
      script: [
        './program || exit 1',
        'bash -c \'printf "bash %s\\n" "$(echo works)"\' || exit 1',
        'busybox echo busybox works || exit 1',
        'toybox echo toybox works || exit 1',
        'dropbear -V 2>&1 || exit 1',
        'id -un || exit 1',
        'ls -l /init || exit 1',
        'zcat /proc/config.gz | grep -e CONFIG_PANIC_TIMEOUT -e CONFIG_IPV6',
      ].join('\n'),
    });
    expect(run.output).toContain('42, 64 bits\n');
    for (const name of ['bash', 'busybox', 'toybox']) expect(run.output).toContain(`${name} works\n`);
    expect(run.output).toContain('Dropbear v');
    expect(run.output).toMatch(/^root$/m);
    expect(run.output).toContain('CONFIG_PANIC_TIMEOUT=7\n');
    expect(run.output).toContain('# CONFIG_IPV6 is not set\n');
  });
});

describe('a symbol that the kernel does not have', () => {
  it('is named, with what became of it', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'fragment-'));
    const file = path.join(directory, 'fragment');
    writeFileSync(file, 'CONFIG_NO_SUCH_SYMBOL=y\n');
    const wrong = ['image', 'aarch64', '--toolchain', prefix, '--kernel-config', file, '--out', directory];
    const ended = await runProgram([`${repository}/bootstrap`, ...wrong]);
    rmSync(directory, { recursive: true });
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain(
      'asked for CONFIG_NO_SUCH_SYMBOL=y, final .config has # CONFIG_NO_SUCH_SYMBOL is not set',
    );
  });
});
