/**
 * What emulation costs. GNU make is configured and compiled by the same recipe on this machine (by programs of i686, in the
 * sandbox), in guests, and by an emulator of single programs (qemu-user); and in each guest once more on a folder that it shares with
 * this machine by 9p in place of a disk. Everything in one run: only the ratios are somebody else's too.
 *
 *     ./bootstrap ARCH --host i686 (for each) && node src/start/run.mjs bench/emulation.ts [ARCH...]
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { place } from '../src/core/place.ts';
import { findProgram, machinePath } from '../src/core/host-programs.ts';
import { openArches } from '../src/repository/load-arches.ts';
import { storedOutput } from '../test/real/built.ts';
import { markdownTable } from './markdown-table.ts';

const { repository } = place();
const arches = process.argv.length > 2 ? process.argv.slice(2) : ['armv5l', 'aarch64'];
const directory = mkdtempSync(path.join(tmpdir(), 'bench-emulation-'));

/** Seconds by step. */
type Times = Readonly<Record<string, number>>;

/**
 * Shell text that prepares a source of GNU make, configures it and compiles it, and prints `MARK STEP UPTIME` at the end of each
 * step. The release as distributions ship it lacks its manual, of which configure and make want to see something.
 */
const steps = `mark() { echo "MARK $1 $(cut -d ' ' -f 1 /proc/uptime)"; }
mkdir -p doc
echo 'all check install:' >doc/Makefile.in
: >doc/make.1
touch -r configure doc/Makefile.in doc/make.1
gcc --version >/dev/null
mark begin
./configure --disable-nls --disable-dependency-tracking --without-guile CC=gcc CFLAGS='-O2 -std=gnu17' LDFLAGS=-static >/dev/null
mark configure
make >/dev/null
mark compile
`;

try {
  const source = path.join(directory, 'source');
  const host = await onChunk('i686', false, source);
  const rows = [['configured and compiled', 'configure', 'compile'], row('on this machine, i686', host)];
  const shares: string[] = [];
  for (const arch of arches) {
    rows.push(row(`in a guest of ${arch}`, await onChunk(arch, false)));
    rows.push(row(`the same, with distcc`, await onChunk(arch, true)));
    const single = await inUserMode(arch, source);
    if (typeof single === 'string') console.log(`${arch} by qemu-user: not measured: ${single}`);
    else rows.push(row(`${arch} by qemu-user`, single));
    shares.push(...onShare(arch));
  }
  console.log(`Times this machine's own:\n${markdownTable(rows)}`);
  for (const line of shares) console.log(line);

  function row(name: string, times: Times): readonly string[] {
    const cell = (step: string): string => {
      const [own = NaN, here = NaN] = [host[step], times[step]];
      return `${(here / own).toFixed(1)} (${here.toFixed(1)} s)`;
    };
    return [name, cell('configure'), cell('compile')];
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Reads the marks in what a run printed. */
function timesOf(text: string): Times {
  const marks = [...text.matchAll(/^MARK (\w+) ([\d.]+)$/gm)].map(([, step = '', uptime]) => ({
    step,
    at: Number(uptime),
  }));
  if (marks.length < 3)
    throw new Error(`the run measured only ${String(marks.length)} steps:\n${text.slice(-2000)}`);
  return Object.fromEntries(
    marks.slice(1).map(({ step, at }, index) => [step, at - (marks[index]?.at ?? NaN)]),
  );
}

/** By a chunk of a system, with or without help for the guest's compiler. With a directory, the source is unpacked there too. */
async function onChunk(arch: string, distcc: boolean, source?: string): Promise<Times> {
  const write = (name: string, text: string): string => {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '    ');
  write('VERSION', 'version: 8\n');
  write(
    'DEFAULTS',
    "build-systems: {manual: {}}\nsplit-rules:\n  chunk: [{artifact: -all, include: ['.*']}]\n",
  );
  write(
    'strata/s.morph',
    'name: s\nkind: stratum\nchunks: [{name: c, morph: c.morph, repo: lock:make, ref: 4.4.1, build-mode: prelibc}]\n',
  );
  write(
    'c.morph',
    `name: c
kind: chunk
build-system: manual
build-commands:
- |
    # ${String(Date.now())}
    mkdir -p "$DESTDIR/usr/src/make"
    cp -a . "$DESTDIR/usr/src/make"
    ${distcc ? '# By as many jobs as there are.' : 'unset MAKEFLAGS'}
${indented(steps)}
x-bootstrap: {distcc: ${String(distcc)}}
`,
  );
  const file = write(
    'systems/s.morph',
    `name: s\nkind: system\narch: ${baserockName(arch)}\nstrata: [{morph: strata/s.morph}]\n`,
  );
  const built = run(
    path.join(repository, 'bootstrap'),
    'system',
    'build',
    file,
    '--host',
    'i686',
    '--only',
    'c',
  );
  const tree = /^ {2}s\/c +(.*)$/m.exec(built)?.[1] ?? '';
  if (source !== undefined) {
    mkdirSync(source);
    run('tar', '-x', '-f', path.join(tree, 'installed.tar'), '-C', source, '--strip-components=4');
  }
  return timesOf(run(path.join(repository, 'bootstrap'), 'system', 'log', file, 'c'));
}

/** What Baserock calls an arch of ours. */
function baserockName(arch: string): string {
  return { aarch64: 'armv8l64', i686: 'x86_32' }[arch] ?? arch;
}

/** By the native compiler and tools of an arch, each program by an emulator of its own. A text says why that is impossible. */
async function inUserMode(arch: string, source: string): Promise<Times | string> {
  const found = await (await openArches(repository)).load(arch);
  if (!found.ok) throw new Error(JSON.stringify(found.failure));
  const name = found.value.emulator.userProgram;
  const emulator = name === undefined ? undefined : await findProgram(name, machinePath);
  if (emulator === undefined) return `there is no ${name ?? 'such emulator'}`;
  const image = { arch, host: 'i686', goal: { kind: 'image', withNative: true } } as const;
  const compiler = await storedOutput(image, `native-compiler-${arch}/assemble`, 'out');
  const busybox = path.join(
    await storedOutput(image, `root-filesystem-${arch}/busybox`, 'out'),
    'bin/busybox',
  );
  const tools = path.join(directory, `tools-${arch}`);
  mkdirSync(tools);
  for (const name of run(emulator, busybox, '--list').trim().split('\n'))
    symlinkSync(busybox, path.join(tools, name));
  const work = path.join(directory, `user-${arch}`);
  const shell = path.join(tools, 'sh');
  const script = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || exit 9
printf '%s' "$REGISTRATION" >/proc/sys/fs/binfmt_misc/register || exit 9
cp -a "$SOURCE" "$WORK"
cd "$WORK"
PATH=$OWN_PATH exec "$CONFIG_SHELL" -e -c "$STEPS"`;
  const { status, stdout, stderr } = spawnSync('unshare', ['-U', '-r', '-m', 'sh', '-c', script], {
    encoding: 'utf8',
    env: {
      ...{ PATH: machinePath.join(':'), OWN_PATH: `${tools}:${compiler}/bin`, LC_ALL: 'C' },
      ...{ CONFIG_SHELL: shell, SHELL: shell, SOURCE: source, WORK: work, STEPS: steps },
      REGISTRATION: registration(arch, shell, emulator),
    },
  });
  if (status === 9) return 'this kernel has no handlers of binaries for each user namespace';
  if (status !== 0)
    throw new Error(`${arch} by qemu-user ended with ${String(status)}: ${stderr.slice(-2000)}`);
  return timesOf(stdout);
}

/** The line by which the kernel runs programs like this one by an emulator. */
function registration(arch: string, program: string, emulator: string): string {
  const header = Buffer.alloc(20);
  const descriptor = openSync(program, 'r');
  readSync(descriptor, header, 0, 20, 0);
  closeSync(descriptor);
  const mask = Buffer.from('ffffffffffffff00ffffffffffffffffffffffff', 'hex');
  // Programs and shared objects, whatever the byte order.
  const type = header.readUInt8(5) === 1 ? 16 : 17;
  mask.writeUInt8(0xfe, type);
  const written = (bytes: Buffer): string => bytes.toString('hex').replaceAll(/../g, '\\x$&');
  return `:bench-${arch}:M::${written(header)}:${written(mask)}:${emulator}:F`;
}

/** In a guest, on its scratch disk and on the folder that it shares with this machine. */
function onShare(arch: string): readonly string[] {
  const control = path.join(directory, `control-${arch}`);
  mkdirSync(control);
  writeFileSync(path.join(control, 'control.json'), '{ "sources": ["make"] }\n');
  const upload = path.join(directory, `upload-${arch}`);
  const init = `#!/bin/sh
set -e
PATH=\${PATH#/toolchain/distcc:}
STEPS='${steps.replaceAll("'", "'\\''")}'
for place in /home /upload; do
  cd $place
  cp -a /mnt/sources/make make
  cd make
  echo "PLACE $place"
  sh -e -c "$STEPS"
  cd ..
  rm -rf make
done >/tmp/said
cp /tmp/said /upload/said
`;
  writeFileSync(path.join(control, 'init'), init, { mode: 0o755 });
  run(
    path.join(repository, 'bootstrap'),
    'native-build',
    arch,
    control,
    '--host',
    'i686',
    '--no-distcc',
    '--upload',
    upload,
  );
  const [, disk = '', share = ''] = readFileSync(path.join(upload, 'said'), 'utf8').split(/^PLACE .*$/m);
  const [one, other] = [timesOf(disk), timesOf(share)];
  return ['configure', 'compile'].map((step) => {
    const [here = NaN, there = NaN] = [one[step], other[step]];
    return `${arch}, ${step}: by 9p ${(there / here).toFixed(1)} times as long as on a disk (${here.toFixed(1)} s)`;
  });
}

/** What a program prints; it has to succeed. */
function run(program: string, ...argv: readonly string[]): string {
  const { status, stdout } = spawnSync(program, argv, {
    ...{ cwd: repository, encoding: 'utf8', maxBuffer: 2 ** 28 },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${program} ${argv.join(' ')} ended with ${String(status)}`);
  return stdout;
}
