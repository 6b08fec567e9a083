import { mkdirSync, readdirSync, rmSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { firstDifference } from '../../src/image-test/test-programs.ts';
import { selectPlan, type SelectedPlan } from '../../src/repository/select-plan.ts';
import { testCommand, type TestRequest } from '../../src/cli/test-command.ts';
import { ManualClock } from '../core/manual-clock.ts';
import type { ExecuteRequest } from '../../src/executor/executor.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, repositoryCopy, run, testSession, type TestSession } from './rig.ts';

// Faked builds and many processes: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 600_000 });

/** Stands in for the emulator: finds the word in what the guest is handed, or in what is typed, and says all went well. */
const diligent = `
here=$(dirname "$0")
nonce=$(gzip -dc "$here/initramfs.cpio.gz" | tr -d '\\0' | sed -n "s/.*nonce='*\\([0-9a-f]*\\).*/\\1/p")
if [ -n "$nonce" ]; then
  echo "$KERNEL_EXTRA" | grep -q '^HANDOFF=/tests/guest.sh' || exit 9
  for id in kernel init loopback eth0 tcp disk share-in share-out entropy; do
    echo "@$nonce begun $id"
    [ "$id" != "$STUMBLE" ] || eval "$HOW"
    echo "@$nonce passed $id well"
  done
  mkdir "$GUEST_SHARE/from-guest" && echo "$nonce" >"$GUEST_SHARE/from-guest/nonce"
  echo "@$nonce passed clock $(date +%s)"
  echo "@$nonce done"
  exit 0
fi
echo 'init: this is armv5l; leave the shell to end the emulator'
# A console repeats what is typed, piece by piece: the next one is typed when it has.
word=
while :; do
  piece=$(dd bs=64 count=1 2>/dev/null; echo .)
  piece=\${piece%.}
  [ -n "$piece" ] || exit 9
  printf %s "$piece"
  word=$word$piece
  case $word in *'
'*) break ;; esac
done
echo
word=$(printf %s "$word" | head -n 1)
nonce=$(echo "$word" | sed "s/^n=//; s/''//")
[ -z "$SECOND" ] || eval "$SECOND"
echo "@$nonce passed console /dev/ttyAMA0"
echo "@$nonce passed disk-again written: OK"
echo "@$nonce done"
`;

let selected: SelectedPlan;
beforeAll(async () => {
  const goal = { kind: 'image', withNative: false } as const;
  const found = await selectPlan(repository, { arch: 'armv5l', host: 'i686', goal });
  if (!found.ok) throw new Error(JSON.stringify(found.failure));
  selected = found.value;
});

/** A machine with the emulator's name in its PATH and, unless there is to be none, an image. */
function machine(
  env: Readonly<Record<string, string>> = {},
  guest: string | undefined = diligent,
): TestSession {
  const session = testSession();
  for (const name of ['bin', 'tmp']) mkdirSync(path.join(session.home, name));
  writeFileSync(path.join(session.home, 'bin/qemu-system-arm'), '#!/bin/sh\n', { mode: 0o755 });
  const image = path.join(session.home, 'out/armv5l/system-image-armv5l');
  if (guest !== undefined) {
    mkdirSync(image, { recursive: true });
    writeFileSync(path.join(image, 'run-emulator.sh'), `#!/bin/sh\n${guest}`, { mode: 0o755 });
    writeFileSync(path.join(image, 'initramfs.cpio.gz'), gzipSync(''));
    writeFileSync(path.join(image, 'kernel'), 'kernel');
  }
  const PATH = `${path.join(session.home, 'bin')}:/usr/bin:/bin`;
  return { ...session, env: { HOME: session.home, PATH, TMPDIR: path.join(session.home, 'tmp'), ...env } };
}

const silenceSeconds = 120;

/** Tests with a store in which there is no compiler; the machine's own is faked. */
function start(session: TestSession, change: Partial<TestRequest> = {}): Promise<number> {
  const behaviour = ({ recipe }: ExecuteRequest) => ({
    outputs: Object.fromEntries(Object.keys(recipe.outputs).map((name) => [name, { numbers: '1\n' }])),
  });
  const request = { arches: ['armv5l'], out: 'out', json: false, jobs: 2, silenceSeconds, ...change };
  return testCommand(session, request, fakeContext({ selected, behaviour }));
}

/** Lets so many seconds pass when a guest has said this. */
function silentAfter(words: string, seconds: number): TestRequest['watching'] & object {
  const clock = new ManualClock();
  let said = '';
  const onText = (text: string): void => {
    const before = said.includes(words);
    said += text;
    if (!before && said.includes(words)) clock.advance(seconds * 1000);
  };
  return { clock, onText };
}

interface Json {
  readonly tests: readonly {
    readonly arch: string;
    readonly sound: boolean;
    readonly rows: readonly { readonly id: string; readonly verdict: string; readonly detail: string }[];
    readonly console: readonly string[];
    readonly toolchain?: unknown;
  }[];
}

/** Rows by id, of a test that ended with this code. */
async function rows(session: TestSession, code: number, change: Partial<TestRequest> = {}) {
  expect(await start(session, { json: true, ...change })).toBe(code);
  const [first] = (JSON.parse(session.said.out) as Json).tests;
  if (first === undefined) throw new Error('no test');
  const verdicts = Object.fromEntries(first.rows.map(({ id, verdict }) => [id, verdict]));
  const details = Object.fromEntries(first.rows.map(({ id, detail }) => [id, detail]));
  return { ...first, verdicts, details };
}

describe('a sound image', () => {
  test('passes, with what could not be tried as such', async () => {
    const session = machine();
    expect(await start(session)).toBe(0);
    expect(session.said.out).toMatch(/^armv5l\n {2}kernel is up +passed +well\n/);
    expect(session.said.out).toMatch(/compiled in the guest: numbers +absent +not in this image/);
    expect(session.said.out).toMatch(
      /cross compiled numbers +absent +no stage-1 compiler for armv5l in the store/,
    );
    expect(session.said.out).toMatch(/clean end of the emulator +passed/);
    expect(session.said.out).toMatch(/^armv5l: sound \(\d+ passed, 0 failed, \d+ absent\)/m);
  });

  test('names the external toolchain that built it, as the manifest beside it says', async () => {
    const session = machine();
    const toolchain = {
      name: 'arm-gcc',
      version: 'arm-gcc (Elsewhere) 12.2.0',
      triple: 'arm',
      digest: 'd',
      dynamicLoader: true,
    };
    const manifest = (products: readonly string[]) =>
      JSON.stringify({
        ...{ format: 1, arch: 'armv5l', products: [], sources: [] },
        builds: [
          {
            options: { host: 'x86_64', goal: 'image', withNative: false, toolchain },
            build: { cpu: 'x86_64', compiler: 'gcc 12' },
            products,
            sources: [],
            actions: [],
          },
        ],
      });
    const file = path.join(session.home, 'out/armv5l/manifest.json');
    writeFileSync(file, manifest(['system-image-armv5l']));
    expect((await rows(session, 0)).toolchain).toMatchObject(toolchain);
    writeFileSync(file, manifest(['root-filesystem-armv5l.tar.gz']));
    const other = testSession();
    expect((await rows({ ...session, said: other.said, out: other.out }, 0)).toolchain).toBeUndefined();
  });

  test.each([
    ['7.2.22', 'cannot'],
    ['8.0.0', 'absent'],
  ])('of an emulator of version %s: what it cannot do until 8.0 is %s', async (version, verdict) => {
    const copy = repositoryCopy();
    const descriptor = path.join(copy, 'arches/armv5l.ts');
    const lack = "{ facility: 'wide-atomics', reason: 'flags are lost', emulatorBefore: '8.0' }";
    const text = readFileSync(descriptor, 'utf8');
    const changed = text.replace('versatileEmulator,\n}', `{ ...versatileEmulator, lacks: [${lack}] },\n}`);
    expect(changed).not.toBe(text);
    writeFileSync(descriptor, changed);
    const session = { ...machine(), repository: copy };
    const emulator = path.join(session.home, 'bin/qemu-system-arm');
    writeFileSync(emulator, `#!/bin/sh\necho 'QEMU emulator version ${version} (Debian)'\n`);
    expect((await rows(session, 0)).verdicts['cross:atomics']).toBe(verdict);
  });

  test('leaves nothing behind, but what the guests said where that is wanted', async () => {
    const session = machine();
    await start(session, { consoles: 'said' });
    expect(readFileSync(path.join(session.home, 'said/armv5l-1.log'), 'utf8')).toContain('passed kernel');
    expect(readFileSync(path.join(session.home, 'said/armv5l-2.log'), 'utf8')).toContain('passed console');
    const left = readdirSync(path.join(session.home, 'tmp'));
    expect(left).toEqual([]);
  });

  test('is booted without what its user adds by HANDOFF, but with other words', async () => {
    const { verdicts } = await rows(machine({ KERNEL_EXTRA: 'quiet' }), 0);
    expect(verdicts['init']).toBe('passed');
  });

  test('an image that is named is taken, and an arch that is named twice is tested once', async () => {
    const session = machine();
    const image = 'out/armv5l/system-image-armv5l';
    expect(await start(session, { arches: ['armv5l'], image, out: 'nowhere' })).toBe(0);
    const twice = machine();
    expect(await start(twice, { arches: ['armv5l', 'armel'] })).toBe(0);
    expect(twice.said.out.match(/^armv5l: sound/gm)).toHaveLength(1);
  });
});

describe('an image that is not sound', () => {
  test('a failed check fails the test, and others go on', async () => {
    const session = machine({ STUMBLE: 'eth0', HOW: 'echo "@$nonce failed eth0 no card"; continue' });
    const { verdicts, details, sound } = await rows(session, 1);
    expect(sound).toBe(false);
    expect(verdicts).toMatchObject({ eth0: 'failed', tcp: 'passed', console: 'passed', end: 'passed' });
    expect(details['eth0']).toBe('no card');
  });

  test('a hang is a failure with the end of the console; what comes after it was not reached', async () => {
    const session = machine({ STUMBLE: 'entropy', HOW: 'echo "waiting for a miracle"; exec sleep 1000' });
    const { verdicts, details, console } = await rows(session, 1, {
      silenceSeconds: 60,
      watching: silentAfter('waiting for a miracle\n', 60),
    });
    expect(verdicts).toMatchObject({
      disk: 'passed',
      entropy: 'failed',
      clock: 'not reached',
      end: 'failed',
    });
    expect(details['entropy']).toBe('begun, then silent for 60 seconds: it hangs');
    expect(console.at(-1)).toBe('waiting for a miracle');
  });

  test('a guest that hangs at once has passed nothing, and is not booted again', async () => {
    const session = machine({}, 'echo "Booting"\nexec sleep 1000\n');
    expect(await start(session, { silenceSeconds: 60, watching: silentAfter('Booting\n', 60) })).toBe(1);
    expect(session.said.out).toMatch(/kernel is up +not reached/);
    expect(session.said.out).toMatch(/shell on the console +not reached/);
    expect(session.said.out).toContain('  | Booting');
    expect(session.said.out).toMatch(/^armv5l: not sound \(0 passed, 1 failed, \d+ not reached/m);
  });

  test('a kernel that is up but does not come to its init is told from one that is not', async () => {
    const { verdicts, details } = await rows(machine({}, 'echo "Linux version 6.1.0 (me)"\nexit 1\n'), 1);
    expect(verdicts).toMatchObject({ kernel: 'passed', init: 'not reached', end: 'failed' });
    expect(details['kernel']).toBe('Linux 6.1.0');
    expect(details['end']).toBe('first boot: the emulator ended with exit code 1');
  });

  test('an emulator that dies takes its guest along', async () => {
    const session = machine({ STUMBLE: 'disk', HOW: 'kill -9 $$' });
    const { verdicts, details } = await rows(session, 1);
    expect(verdicts).toMatchObject({ tcp: 'passed', disk: 'failed', entropy: 'not reached', end: 'failed' });
    expect(details['disk']).toBe('begun, then the emulator ended (signal SIGKILL)');
  });

  test('a second boot that fails is a failure', async () => {
    const { verdicts, details, console } = await rows(machine({ SECOND: 'echo "panic"; exit 0' }), 1);
    expect(verdicts).toMatchObject({
      disk: 'passed',
      'disk-again': 'not reached',
      console: 'not reached',
      end: 'failed',
    });
    expect(details['end']).toBe('second boot: it ended before its checks were done');
    expect(console.at(-1)).toBe('panic');
  });

  test('a wrong clock, and a file that never came, are found on this side', async () => {
    const session = machine(
      {},
      diligent.replace('$(date +%s)', '1000').replace(/mkdir "\$GUEST_SHARE.*\n/, ''),
    );
    const { verdicts, details } = await rows(session, 1);
    expect(verdicts).toMatchObject({ clock: 'failed', 'share-out': 'failed', 'share-in': 'passed' });
    expect(details['clock']).toMatch(/s behind the host$/);
  });
});

describe('bad input', () => {
  test('an unknown arch', async () => {
    const { code, err } = await run(machine(), 'test', 'armv6');
    expect(code).toBe(2);
    expect(err).toMatch(/there is no arch named 'armv6'/);
  });

  test('no image, with the command that builds it', async () => {
    const session = machine({}, undefined);
    const { code, err } = await run({ ...session, repository }, 'test', 'armv5l', '--out', 'nowhere');
    expect(code).toBe(2);
    expect(err).toMatch(/there is no image for armv5l/);
    expect(err).toMatch(/bootstrap image armv5l/);
    const named = await run(session, 'test', 'armv5l', '--image', 'tmp');
    expect(named.code).toBe(2);
    expect(named.err).toMatch(/there is no image for armv5l in .*\/tmp: it has no run-emulator\.sh/);
  });

  test('an image that is not whole', async () => {
    const session = machine();
    rmSync(path.join(session.home, 'out/armv5l/system-image-armv5l/initramfs.cpio.gz'));
    expect(await start(session)).toBe(2);
    expect(session.said.err).toMatch(
      /there is no image for armv5l in .*: it has no initramfs\.cpio\.gz\n.*bootstrap image armv5l\n$/,
    );
  });

  test('no emulator, with its package', async () => {
    const session = machine();
    const { code, err } = await run(
      { ...session, env: { ...session.env, PATH: '/nowhere' } },
      'test',
      'armv5l',
      '--out',
      'out',
    );
    expect(code).not.toBe(0);
    expect(err).toMatch(/qemu-system-arm[^]*apt/);
  });

  test('one image for several arches, and a HANDOFF of the user', async () => {
    const several = await run(machine(), 'test', 'armv5l', 'i686', '--image', 'out');
    expect(several).toMatchObject({ code: 2 });
    expect(several.err).toContain(': it is a single image, but several arches were given');
    const handoff = await run(machine({ KERNEL_EXTRA: 'x HANDOFF=/bin/true' }), 'test', 'armv5l');
    expect(handoff).toMatchObject({ code: 2 });
    expect(handoff.err).toContain('HANDOFF= would replace the checks');
  });

  test.each([
    ['--time-limit', '0'],
    ['--jobs', 'many'],
    ['--out', ''],
  ])('%s %j', async (option, value) => {
    expect((await run(machine(), 'test', 'armv5l', option, value)).code).toBe(2);
  });
});

test('the first line in which outputs differ', () => {
  expect(firstDifference('a\nb\n', 'a\nc\n')).toBe("line 2: 'b' is expected, 'c' was printed");
  expect(firstDifference('a\nb\n', 'a\n')).toBe("line 2: 'b' is expected, '' was printed");
  expect(firstDifference('a', 'a\nmore')).toBe("prints more than expected: 'more'");
});
