import { mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { findProgram, machinePath } from '../core/host-programs.ts';
import {
  checksOf,
  judgeClock,
  mergeReports,
  readReport,
  rowsOf,
  type ConsoleLine,
  type Report,
  type Row,
  type Said,
} from './checks.ts';
import { readableLines } from '../guest/console.ts';
import { handFiles } from './handed-image.ts';
import { watchGuest, type Watched, type WatchRequest } from './watch.ts';
import { rootDiskFiles } from '../../stages/image-kinds.ts';
import { imageFiles } from '../image/emulator.ts';
import type { VersionsByName } from '../inputs/lock.ts';
import { imageBuild, type ForeignToolchain } from '../release/image-build.ts';
import {
  absentChecks,
  guestFiles,
  guestSettings,
  lacks,
  typedChecks,
  type Material,
} from './test-material.ts';
import { runUserPrograms } from './test-programs.ts';

export interface GuestTest extends Material {
  /** `run-emulator.sh` of the image, absolute. */
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** How long a guest may print nothing. */
  readonly silenceSeconds: number;
  /** Directory that keeps the guests' console output; undefined: it is discarded. */
  readonly consoles?: string;
  readonly signal: AbortSignal;
  /** As in `WatchRequest`. */
  readonly clock?: Clock;
  /** Called with all console output of a guest. */
  readonly onText?: (text: string) => void;
}

/** Result of an image's test. */
export interface TestResult {
  readonly arch: string;
  readonly rows: readonly Row[];
  /** The end of the console output of a guest that failed; otherwise empty. */
  readonly console: readonly string[];
  /** From the start of the emulator to the shell, in the second boot. */
  readonly bootSeconds?: number;
  /** Bytes of the kernel, and of the root filesystem. */
  readonly kernelBytes: number;
  readonly rootBytes: number;
  readonly nativeCompiler: boolean;
  /** Undefined: as far as is known, our own stage 1 made the image. */
  readonly toolchain?: ForeignToolchain;
  /** Versions of the sources of the image, by name. Undefined: they are not known. */
  readonly versions?: VersionsByName;
  readonly seconds: number;
}

/** A guest that keeps printing has this many times the limit of one that prints nothing. */
const patience = 12;

const shellIsReady = 'leave the shell to end the emulator';

/** Size of the blank scratch disk, in bytes. It is sparse, and init puts swap on it. */
const scratchDiskSize = 2 * 1024 ** 3;

/** Boots an image twice and checks what works. Never throws because of what a guest does. */
export async function testImage(test: GuestTest): Promise<TestResult> {
  const { arch, programs } = test;
  const began = Date.now();
  const scratch = await mkdtemp(path.join(test.env['TMPDIR'] || tmpdir(), 'bootstrap-test-'));
  const nonce = randomBytes(6).toString('hex');
  const server = await listen(nonce);
  try {
    const facts = await imageFacts(path.dirname(test.script));
    const absent = absentChecks(test, facts.nativeCompiler);
    const places = await preparePlaces(scratch, nonce);
    const settings = guestSettings(test, nonce, portOf(server), facts.nativeCompiler);
    const image = await handFiles(
      path.dirname(test.script),
      path.join(scratch, 'image'),
      places.share,
      await guestFiles(test, settings),
    );
    const first = await watch(test, 1, places, {
      script: image.script,
      extra: `HANDOFF=${image.place}/guest.sh`,
      endWhen: /^init: .*guest\.sh ended with status/,
    });
    const left = await readFile(path.join(places.upload, 'results'), 'utf8').catch(() => '');
    const report = mergeReports(readReport(first.lines, nonce), readReport(left.split('\n'), nonce));
    // If the first boot did not get that far, a second one would not either.
    const second =
      report.said.size === 0 || test.signal.aborted
        ? undefined
        : await watch(test, 2, places, {
            script: test.script,
            typed: { when: shellIsReady, text: typedChecks(nonce, !lacks(arch, 'disk')) },
            endWhen: new RegExp(`@${nonce} done`),
          });
    const again = readReport(second?.lines ?? [], nonce);
    const said = new Map([...report.said, ...again.said]);
    await judge(said, { first, places, nonce });
    said.set(
      'end',
      endOf(test.silenceSeconds, [first, report], second === undefined ? undefined : [second, again]),
    );
    await testUserPrograms(test, said, absent);
    const rows = rowsOf(checksOf(programs.names), {
      emulator: arch.emulator,
      absent,
      said,
      interruption: `begun, then ${fate(first, test.silenceSeconds)}`,
    });
    const bad = !isWhole(first, report) ? first : isWhole(second, again) ? undefined : second;
    const ready = second?.lines.find(({ text }) => text.includes(shellIsReady));
    return {
      arch: arch.name,
      rows,
      console: lastLines(bad?.lines ?? [], nonce),
      ...(ready === undefined || second === undefined
        ? {}
        : { bootSeconds: Math.round(ready.at - second.began) }),
      ...facts,
      seconds: (Date.now() - began) / 1000,
    };
  } finally {
    server.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Responds to a guest that sends the nonce. */
async function listen(nonce: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    let heard = '';
    socket.on('data', (text) => {
      heard += String(text);
      if (heard.includes('\n'))
        socket.end(heard.startsWith(`${nonce}\n`) ? `heard ${nonce}\n` : 'who are you?\n');
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a server without port');
  return address.port;
}

async function imageFacts(
  image: string,
): Promise<Pick<TestResult, 'kernelBytes' | 'rootBytes' | 'nativeCompiler' | 'toolchain' | 'versions'>> {
  const size = (name: string): Promise<number> =>
    stat(path.join(image, name)).then(
      (found) => found.size,
      () => 0,
    );
  const roots = await Promise.all([imageFiles.initramfs, ...rootDiskFiles].map(size));
  const build = await imageBuild(image);
  return {
    kernelBytes: await size(imageFiles.kernel),
    rootBytes: roots.reduce((sum, bytes) => sum + bytes, 0),
    nativeCompiler: (await size(imageFiles.toolchain)) > 0,
    ...build,
  };
}

interface Places {
  readonly home: string;
  readonly share: string;
  readonly upload: string;
}

async function preparePlaces(scratch: string, nonce: string): Promise<Places> {
  const places = {
    home: path.join(scratch, 'home.img'),
    share: path.join(scratch, 'share'),
    upload: path.join(scratch, 'upload'),
  };
  await mkdir(places.share);
  await mkdir(places.upload);
  await writeFile(path.join(places.share, 'from-host'), `${nonce}\n`);
  const disk = await open(places.home, 'wx', 0o600);
  await disk.truncate(scratchDiskSize);
  await disk.close();
  return places;
}

interface Boot {
  readonly script: string;
  /** Precedes what the user adds to the kernel command line. */
  readonly extra?: string;
  readonly typed?: WatchRequest['typed'];
  /** Only for boards that cannot end the emulator. */
  readonly endWhen: RegExp;
}

interface Booted extends Watched {
  /** Seconds since 1970. */
  readonly began: number;
}

async function watch(test: GuestTest, number: number, places: Places, boot: Boot): Promise<Booted> {
  const { arch, silenceSeconds } = test;
  const setpriv = await findProgram('setpriv', machinePath);
  const kernelExtra = [boot.extra, test.env['KERNEL_EXTRA']].filter(
    (words) => words !== undefined && words !== '',
  );
  const began = Date.now() / 1000;
  const watched = await watchGuest({
    argv: setpriv === undefined ? [boot.script] : [setpriv, '--pdeathsig', 'KILL', boot.script],
    environment: {
      ...test.env,
      KERNEL_EXTRA: kernelExtra.join(' '),
      ...(lacks(arch, 'disk') ? {} : { GUEST_HOME: places.home }),
      ...(lacks(arch, 'share') ? {} : { GUEST_SHARE: places.share, GUEST_UPLOAD: places.upload }),
    },
    cwd: test.cwd,
    silenceSeconds,
    limitSeconds: silenceSeconds * patience,
    ...(boot.typed === undefined ? {} : { typed: boot.typed }),
    ...(lacks(arch, 'end') ? { endWhen: boot.endWhen } : {}),
    signal: test.signal,
    ...(test.clock === undefined ? {} : { clock: test.clock }),
    ...(test.onText === undefined ? {} : { onText: test.onText }),
  });
  if (test.consoles !== undefined) {
    const text = watched.lines.map((line) => `${line.text}\n`).join('');
    await writeFile(path.join(test.consoles, `${arch.name}-${String(number)}.log`), text);
  }
  return { ...watched, began };
}

/** Verdicts that only the host can determine. */
async function judge(
  said: Map<string, Said>,
  { first, places, nonce }: { readonly first: Watched; readonly places: Places; readonly nonce: string },
): Promise<void> {
  if (!said.has('kernel')) {
    const version = first.lines
      .map(({ text }) => /Linux version (\S+)/.exec(text)?.[1])
      .find((found) => found);
    if (version !== undefined) said.set('kernel', { state: 'passed', detail: `Linux ${version}` });
  }
  const clock = said.get('clock');
  if (clock !== undefined) said.set('clock', judgeClock(clock));
  if (said.get('share-out')?.state === 'passed') {
    const found = await readFile(path.join(places.share, 'from-guest/nonce'), 'utf8').catch(() => undefined);
    if (found !== `${nonce}\n`)
      said.set('share-out', { state: 'failed', detail: "the guest's file is missing" });
  }
}

/** The end of a console's output, without what the table shows. */
function lastLines(lines: readonly ConsoleLine[], nonce: string): readonly string[] {
  const others = lines.filter(({ text }) => !text.includes(`@${nonce} `));
  return readableLines(others.map(({ text }) => text).join('\n')).slice(-30);
}

function isWhole(watched: Watched | undefined, report: Report): boolean {
  return (
    watched !== undefined &&
    report.done &&
    (watched.end === 'told' || (watched.end === 'ended' && watched.how === 'exit code 0'))
  );
}

/** Whether both boots ended by themselves. */
function endOf(
  silenceSeconds: number,
  first: readonly [Watched, Report],
  second: readonly [Watched, Report] | undefined,
): Said {
  const fault = (which: string, [watched, { done }]: readonly [Watched, Report]): string | undefined => {
    if (watched.end === 'told') return undefined;
    if (watched.end !== 'ended') return `${which}: ${fate(watched, silenceSeconds)}`;
    if (watched.how !== 'exit code 0') return `${which}: the emulator ended with ${watched.how}`;
    return done ? undefined : `${which}: it ended before its checks were done`;
  };
  const detail =
    fault('first boot', first) ??
    (second === undefined ? 'there was no second boot' : fault('second boot', second));
  return detail === undefined
    ? { state: 'passed', detail: 'twice, exit code 0' }
    : { state: 'failed', detail };
}

function fate({ end, how }: Watched, silenceSeconds: number): string {
  switch (end) {
    case 'silent':
      return `silent for ${String(silenceSeconds)} seconds: it hangs`;
    case 'late':
      return `did not end within ${String(silenceSeconds * patience)} seconds`;
    case 'aborted':
      return 'interrupted';
    default:
      return `the emulator ended (${how})`;
  }
}

async function testUserPrograms(
  { arch, programs, env, cwd, silenceSeconds, signal }: GuestTest,
  said: Map<string, Said>,
  absent: Map<string, string>,
): Promise<void> {
  const { cross, expected, names } = programs;
  const broken = [cross, expected].find((made) => !made.ok && made.failure.kind === 'failed');
  if (broken !== undefined && !broken.ok) {
    const words = { state: 'failed', detail: broken.failure.why.replace(/\s+/g, ' ').slice(0, 300) } as const;
    for (const group of ['cross', 'user'])
      for (const name of names.programs) said.set(`${group}:${name}`, words);
    for (const name of names.musl) said.set(`musl:${name}`, words);
    return;
  }
  if (absent.has('user') || !cross.ok || !expected.ok) return;
  const { userProgram } = arch.emulator;
  if (userProgram === undefined) {
    absent.set('user', 'qemu-user has no emulator for it');
    return;
  }
  const directories = (env['PATH'] ?? '').split(':').map((entry) => path.resolve(cwd, entry));
  const program = await findProgram(userProgram, directories);
  if (program === undefined) {
    absent.set('user', `${userProgram} is not installed; on Debian: apt install qemu-user`);
    return;
  }
  const run = { program, cross: cross.value, expected: expected.value, names: names.programs, signal };
  for (const [id, words] of await runUserPrograms({ ...run, limitSeconds: silenceSeconds }))
    said.set(id, words);
}
