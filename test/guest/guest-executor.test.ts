/** Guests as executors: the suites that all executors share, and what is theirs alone. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGuestExecutor, type GuestExecutorOptions } from '../../src/guest-executor/guest-executor.ts';
import { run, shell } from '../../src/plan/builder.ts';
import { openArches } from '../../src/repository/load-arches.ts';
import { describeEveryExecutor, treesAt, tryRecipe, type Subject } from '../executor/contract.ts';
import { keepStore } from '../executor/kept-store.ts';
import { countProcesses } from '../executor/processes.ts';
import { describeRealExecutor } from '../executor/real-contract.ts';
import { describeShells } from '../executor/shell-contract.ts';
import { bootstrap, repository, storedOutput } from '../real/built.ts';
import { addTree } from '../store/temporary-store.ts';

const platform = { os: 'linux', cpu: 'armv5l' } as const;
const request = { arch: 'armv5l', host: 'i686', goal: { kind: 'image', withNative: false } } as const;
const openStore = keepStore();

let made: Promise<{ readonly options: GuestExecutorOptions; readonly subject: Subject }> | undefined;

/** Guests of the image from sources, with its own programs as what an action sees. */
function setUpOnce() {
  made ??= setUp();
  return made;
}

async function setUp() {
  await bootstrap('image', 'armv5l', '--host', 'i686');
  const everything = { ...request, goal: { kind: 'everything', withNative: true } } as const;
  const squashfsTools = await storedOutput(everything, 'host-tools/squashfs-tools', 'out');
  const mksquashfs = path.join(squashfsTools, 'bin/mksquashfs');
  const ext2 = { ...request, goal: { kind: 'image', withNative: false, image: 'ext2' } } as const;
  const e2fsprogs = await storedOutput(ext2, 'host-tools/e2fsprogs', 'out');
  const arch = await (await openArches(repository)).load('armv5l');
  if (!arch.ok) throw new Error(JSON.stringify(arch.failure));
  const { store, logs } = await openStore();
  const options: GuestExecutorOptions = {
    store,
    arch: arch.value,
    cpu: platform.cpu,
    image: `${repository}/out/armv5l/system-image-armv5l`,
    mksquashfs,
    mke2fs: path.join(e2fsprogs, 'bin/mke2fs'),
    guests: 2,
    jobs: 3,
    memory: 1024,
    epochSeconds: 1_700_000_000,
  };
  const scratch = await store.makeScratch('programs');
  await programs(scratch.path);
  const adopted = await store.adoptTree(path.join(scratch.path, 'tree'));
  await scratch.release();
  if (!adopted.ok) throw new Error(JSON.stringify(adopted.failure));
  const executor = createGuestExecutor(options);
  return { options, subject: { executor, store, inputs: [treesAt('/', [adopted.value])], logs, platform } };
}

/** Static programs of the target, as a tree for the root: busybox, and toybox for what only that can. */
async function programs(place: string): Promise<void> {
  const bin = path.join(place, 'tree/usr/bin');
  mkdirSync(bin, { recursive: true });
  const busybox = await storedOutput(request, 'root-filesystem-armv5l/busybox', 'out');
  const toybox = await storedOutput(request, 'root-filesystem-armv5l/toybox', 'out');
  copyFileSync(path.join(busybox, 'bin/busybox'), path.join(bin, 'busybox'));
  copyFileSync(path.join(toybox, 'bin/toybox'), path.join(bin, 'toybox'));
  const ofBusybox =
    'sh cat echo ls cp mkdir chmod rm ln touch sleep env sort wc head tail uname id printf true false pwd mv grep date nproc df awk fallocate';
  for (const name of ofBusybox.split(' ')) symlinkSync('busybox', path.join(bin, name));
  symlinkSync('toybox', path.join(bin, 'find'));
}

const subjectOnce = async (): Promise<Subject> => (await setUpOnce()).subject;
describeEveryExecutor('guests', subjectOnce);
describeRealExecutor('guests', subjectOnce);
describeShells('guests', subjectOnce, '# ');

describe('a guest as an executor', () => {
  let subject: Subject;
  let options: GuestExecutorOptions;
  beforeAll(async () => {
    ({ subject, options } = await setUpOnce());
  });

  it('is a machine of the arch, whose clock starts at the epoch', async () => {
    const { lines } = await tryRecipe(subject, {
      commands: [run(['uname', '-m']), run(['date', '-u', '+%s'])],
    });
    expect(lines[1]).toMatch(/^armv5/);
    const seconds = Number(lines[3]);
    expect(seconds).toBeGreaterThanOrEqual(options.epochSeconds);
    expect(seconds).toBeLessThan(options.epochSeconds + 120);
  });

  it('gives the outputs that a sandbox would: links that lead anywhere, executables, no owners', async () => {
    const { result } = await tryRecipe(subject, {
      commands: [
        shell(
          'mkdir -p /out/bin; echo run >/out/bin/run; chmod 4755 /out/bin/run; ln -s /usr/lib/x /out/link',
        ),
        shell('ln /out/bin/run /out/bin/again'),
      ],
      outputs: { out: '/out' },
    });
    const expected = await addTree(subject.store, {
      'bin/run': { executable: 'run\n' },
      'bin/again': { executable: 'run\n' },
      link: { link: '/usr/lib/x' },
    });
    expect(result).toMatchObject({ ok: true, value: { outputs: { out: expected } } });
  });

  it('shows what an action prints while it runs', async () => {
    const controller = new AbortController();
    const { result, lines } = await tryRecipe(
      subject,
      { commands: [shell('echo begun; sleep 600')] },
      { signal: controller.signal, onLine: (line) => line === 'begun' && controller.abort() },
    );
    expect(lines).toContain('begun');
    expect(result).toMatchObject({ ok: false, failure: { reason: 'interrupted' } });
    expect(await countProcesses(options.image)).toBe(0);
  });

  it('that dies is no result of the action: it can be tried elsewhere, or again', async () => {
    const { result } = await tryRecipe(
      subject,
      { commands: [shell('echo begun; sleep 600')] },
      { onLine: (line) => line === 'begun' && spawnSync('pkill', ['-KILL', '-f', options.image]) },
    );
    if (result.ok || result.failure.reason !== 'backend-unreachable') throw new Error(JSON.stringify(result));
    expect(result.failure.backend).toBe('guests of armv5l');
    expect(result.failure.detail).toContain('two guests ended without a result');
  });

  it('that dies once is replaced by another one, and the log tells so', async () => {
    let killed = 0;
    const { result, lines } = await tryRecipe(
      subject,
      { commands: [shell('echo begun; sleep 3; echo done')] },
      {
        onLine: (line) =>
          line === 'begun' && (killed += 1) === 1 && spawnSync('pkill', ['-KILL', '-f', options.image]),
      },
    );
    expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
    expect(lines.filter((line) => line !== "+ sh -euc 'echo begun; sleep 3; echo done'")).toEqual([
      'begun',
      '+ the guest ended without a result: once more, in another one',
      'begun',
      'done',
    ]);
  });

  it('runs beside another one, and no more than were allowed', async () => {
    const { executor } = subject;
    await executor.check();
    const memory = { name: 'test/action', platform, memory: 64 };
    const held = [executor.tryReserve(memory), executor.tryReserve(memory)];
    expect(held.every((one) => one !== undefined)).toBe(true);
    expect(executor.tryReserve(memory)).toBeUndefined();
    for (const one of held) one?.release();
    const began = Date.now();
    const both = await Promise.all(
      ['one', 'two'].map((text) => tryRecipe(subject, { commands: [shell(`sleep 20; echo ${text}`)] })),
    );
    expect(both.map(({ lines }) => lines.at(-1))).toEqual(['one', 'two']);
    console.log(`two guests side by side: ${String((Date.now() - began) / 1000)} s`);
  });

  it('that is full is told, beside what the action says of it', async () => {
    const fill = 'fallocate -l $(($(df -Pk / | awk "END { print \\$4 }") * 1024 - 4000000)) /build/filler';
    const { result, lines } = await tryRecipe(subject, {
      commands: [shell(`${fill}; cat /dev/zero >/build/more`)],
    });
    expect(result).toMatchObject({ ok: true, value: { exitCode: 1 } });
    expect(lines.slice(-2)).toEqual([
      expect.stringContaining('No space left on device'),
      '+ the disk of the guest that the action wrote to is full',
    ]);
  });

  it('that says nothing for too long is ended', async () => {
    const executor = createGuestExecutor({ ...options, longestSilence: 20_000 });
    const { result, lines } = await tryRecipe(
      { ...subject, executor },
      { commands: [shell('echo on; sleep 600')] },
    );
    expect(result).toMatchObject({ ok: true, value: { exitCode: 124 } });
    expect(lines.at(-1)).toBe('+ it has printed nothing for very long: the guest was ended');
    expect(await countProcesses(options.image)).toBe(0);
  });

  it('needs an emulator and an image', async () => {
    const empty = mkdtempSync(path.join(tmpdir(), 'no-image-'));
    const none = await createGuestExecutor({ ...options, image: empty }).check();
    rmSync(empty, { recursive: true });
    expect(none).toMatchObject({ ok: false, failure: { reason: 'no-image', missing: 'kernel' } });
  });
});
