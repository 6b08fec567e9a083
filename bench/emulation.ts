/**
 * What emulation costs. The same recipe unpacks, configures, compiles and removes GNU make on this machine, in guests, and by an
 * emulator of single programs (qemu-user); in each guest also on a folder that it shares with this machine by 9p in place of a
 * disk, and with the cross compiler behind its own. All of them use the same versions of compiler, shell and tools, which are
 * products in the output directory. Everything in one run: only the ratios are somebody else's too.
 *
 *     ./bootstrap image i686 --with-native --host i686
 *     ./bootstrap ARCH --host i686 (for each)
 *     node src/start/run.mjs bench/emulation.ts [--out DIR] [ARCH...]
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { place } from '../src/core/place.ts';
import { findProgram, machinePath } from '../src/core/host-programs.ts';
import { openArches } from '../src/repository/load-arches.ts';
import { markdownTable } from './markdown-table.ts';

const { repository } = place();
const { values: options, positionals } = parseArgs({
  options: { out: { type: 'string', default: path.join(repository, 'out') } },
  allowPositionals: true,
});
const products = path.resolve(options.out);
const arches = positionals.length > 0 ? positionals : ['armv5l', 'aarch64'];
/** The arch whose programs run on this machine without an emulator. */
const ownArch = 'i686';
const directory = mkdtempSync(path.join(tmpdir(), 'bench-emulation-'));

const steps = ['unpack', 'configure', 'compile', 'remove'] as const;

/** Seconds that each step took. */
type Times = Readonly<Record<(typeof steps)[number], number>>;

/** What a guest measured. */
interface GuestTimes {
  /** On its scratch disk. */
  readonly disk: Times;
  /** On a folder that it shares with this machine by 9p. */
  readonly share: Times;
  /** On its scratch disk, with the cross compiler behind its own. Undefined: there is none. */
  readonly distcc: Times | undefined;
}

/** Shell, tools and compiler of an arch, unpacked on this machine. */
interface Programs {
  /** Directories of programs, separated by colons, in the order of the guest's own. */
  readonly searchPath: string;
  /** Absolute path. */
  readonly shell: string;
}

/**
 * The recipe, a shell script. It takes ARCHIVE, a tar archive of GNU make; WORK, a directory to make and to work in; and JOBS. It
 * prints `MARK STEP UPTIME` at the end of each step. Unpacking and removing one copy takes no longer than starting a few programs,
 * so that there are five.
 */
const recipe = `mark() { echo "MARK $1 $(cut -d ' ' -f 1 /proc/uptime)"; }
# What a program prints is of interest only if it fails.
quietly() { "$@" >log 2>&1 || { tail -n 20 log >&2; exit 1; }; }
mkdir "$WORK"
cd "$WORK"
# So that no run finds the compiler's programs in memory and another does not.
echo 'int main(void) { return 0; }' >warm.c
cc -c -O2 warm.c
cc -static warm.o -o warm
./warm
mark begin
for copy in 1 2 3 4 5; do
  mkdir $copy
  tar -x -f "$ARCHIVE" -C $copy
done
mark unpack
cd 1/make
# The release as distributions ship it lacks its manual, of which configure and make want to see something.
mkdir -p doc
echo 'all check install:' >doc/Makefile.in
: >doc/make.1
touch -r configure doc/Makefile.in doc/make.1
# Static, because this machine has no dynamic loader for programs of another arch.
quietly "$CONFIG_SHELL" ./configure --disable-nls --disable-dependency-tracking --without-guile \\
  CC=cc CFLAGS='-O2 -std=gnu17' LDFLAGS=-static
mark configure
quietly make -j "$JOBS"
mark compile
quietly ./make --version
cd ../..
rm -rf 1 2 3 4 5
mark remove
`;

/** What the guest does. Each run of the recipe leaves a file of its own. */
const init = `#!/bin/sh
set -eu
export CONFIG_SHELL=/bin/sh SHELL=/bin/sh LC_ALL=C ARCHIVE=/home/make.tar WORK JOBS PATH
tar -c -f "$ARCHIVE" -C /mnt/sources make
accelerated=$PATH
alone=\${PATH#/toolchain/distcc:}

PATH=$alone JOBS=1
WORK=/home/disk
sh -e /mnt/recipe >/home/disk.times
WORK=/upload/share
sh -e /mnt/recipe >/home/share.times
if [ "$accelerated" != "$alone" ]; then
  PATH=$accelerated JOBS=\${DISTCC_HOSTS##*/}
  WORK=/home/distcc
  sh -e /mnt/recipe >/home/distcc.times
fi
cp /home/*.times "$ARCHIVE" /upload
`;

try {
  const here = await programsOfThisMachine();
  const own: Times[] = [];
  const rows: { readonly name: string; readonly times: Times }[] = [];
  const unmeasured: string[] = [];
  const shares: (readonly string[])[] = [['9p against disk', ...steps]];
  for (const arch of arches) {
    const { disk, share, distcc } = inGuest(arch);
    rows.push({ name: `guest of ${arch}`, times: disk });
    if (distcc === undefined)
      unmeasured.push(`guest of ${arch}, with distcc: there is no cross compiler in ${products}`);
    else rows.push({ name: `guest of ${arch}, with distcc`, times: distcc });
    rows.push({ name: `guest of ${arch}, on 9p`, times: share });
    shares.push([arch, ...steps.map((step) => ratio(share[step], disk[step]))]);
    // This machine's own speed changes while others use it, so it is measured several times.
    own.push(onThisMachine(here));
    const single = await inUserMode(arch);
    if (typeof single === 'string') unmeasured.push(`${arch} by qemu-user: ${single}`);
    else rows.push({ name: `${arch} by qemu-user`, times: single });
    own.push(onThisMachine(here));
  }
  const typical = medians(own);
  const row = (name: string, times: Times): readonly string[] => [
    name,
    ...steps.map((step) => `${ratio(times[step], typical[step])} (${times[step].toFixed(2)} s)`),
  ];
  const whole = [row('this machine', typical), ...rows.map(({ name, times }) => row(name, times))];
  console.log(`As multiples of this machine's own time, with ${here.what}:`);
  console.log(markdownTable([['GNU make', ...steps], ...whole]));
  console.log(`\nA folder shared by 9p, as multiples of the time on the guest's disk:`);
  console.log(markdownTable(shares));
  const configures = own.map(({ configure }) => configure);
  const spread = `from ${Math.min(...configures).toFixed(2)} to ${Math.max(...configures).toFixed(2)} s`;
  console.log(`\nThis machine itself took ${spread} to configure in ${own.length} runs.`);
  for (const reason of unmeasured) console.log(`Not measured: ${reason}.`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** How many times as long one time is as another, as text: with a digit more where that matters. */
function ratio(time: number, other: number): string {
  const multiple = time / other;
  return multiple.toFixed(multiple < 10 ? 1 : 0);
}

/** The median of each step. */
function medians(runs: readonly Times[]): Times {
  const of = (step: keyof Times): number => {
    const sorted = runs.map((run) => run[step]).sort((a, b) => a - b);
    const [lower = NaN, upper = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
    return (lower + upper) / 2;
  };
  return {
    unpack: of('unpack'),
    configure: of('configure'),
    compile: of('compile'),
    remove: of('remove'),
  };
}

/** Reads the marks in what the recipe printed. */
function timesOf(text: string): Times {
  const marks = new Map(
    [...text.matchAll(/^MARK (\w+) ([\d.]+)$/gm)].map(([, step = '', uptime]) => [step, Number(uptime)]),
  );
  const between = (from: string, to: string): number => {
    const [began, ended] = [marks.get(from), marks.get(to)];
    if (began === undefined || ended === undefined)
      throw new Error(`the recipe did not reach ${to}:\n${text}`);
    return ended - began;
  };
  return {
    unpack: between('begin', 'unpack'),
    configure: between('unpack', 'configure'),
    compile: between('configure', 'compile'),
    remove: between('compile', 'remove'),
  };
}

/** Runs the recipe in a guest, in several ways. Leaves the archive of GNU make where the other runs want it. */
function inGuest(arch: string): GuestTimes {
  const control = path.join(directory, `control-${arch}`);
  mkdirSync(control);
  writeFileSync(path.join(control, 'control.json'), '{ "sources": ["make"] }\n');
  writeFileSync(path.join(control, 'recipe'), recipe);
  writeFileSync(path.join(control, 'init'), init, { mode: 0o755 });
  const upload = path.join(directory, `upload-${arch}`);
  const places = ['--host', ownArch, '--out', products, '--upload', upload];
  const { status } = spawnSync('./bootstrap', ['native-build', arch, control, ...places], {
    cwd: repository,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`the guest of ${arch} ended with ${String(status)}`);
  writeFileSync(archive(), readFileSync(path.join(upload, 'make.tar')));
  const measured = (way: string): Times => timesOf(readFileSync(path.join(upload, `${way}.times`), 'utf8'));
  const helped = existsSync(path.join(upload, 'distcc.times'));
  return {
    disk: measured('disk'),
    share: measured('share'),
    distcc: helped ? measured('distcc') : undefined,
  };
}

/** The archive of GNU make on this machine. It comes from a guest, so that all have the same. */
function archive(): string {
  return path.join(directory, 'make.tar');
}

/** Unpacks the programs of an arch. A text says which product is missing. */
function unpackPrograms(arch: string): Programs | string {
  const unpacked = path.join(directory, `programs-${arch}`);
  const parts = {
    'native-compiler': [],
    'root-filesystem': ['usr/bin', 'bin', 'usr/sbin', 'sbin'],
  } as const;
  for (const [product, members] of Object.entries(parts)) {
    const name = `${product}-${arch}`;
    const tarball = path.join(products, arch, `${name}.tar.gz`);
    if (!existsSync(tarball)) return `there is no ${tarball}`;
    const into = path.join(unpacked, product);
    mkdirSync(into, { recursive: true });
    const wanted = members.map((member) => `${name}/${member}`);
    const argv = ['-x', '-f', tarball, '-C', into, '--strip-components=1', ...wanted];
    const { status } = spawnSync('tar', argv, { stdio: ['ignore', 'inherit', 'inherit'] });
    if (status !== 0) throw new Error(`${tarball} cannot be unpacked`);
  }
  const tools = parts['root-filesystem'].map((member) => path.join(unpacked, 'root-filesystem', member));
  return {
    searchPath: [path.join(unpacked, 'native-compiler/bin'), ...tools].join(':'),
    shell: path.join(unpacked, 'root-filesystem/bin/sh'),
  };
}

/** The programs that this machine runs without an emulator, and what to call them. */
async function programsOfThisMachine(): Promise<Programs & { readonly what: string }> {
  const unpacked = unpackPrograms(ownArch);
  if (typeof unpacked !== 'string') {
    if (canStart(unpacked, [])) return { ...unpacked, what: `our compiler and tools for ${ownArch}` };
    console.log(`This machine does not run programs of ${ownArch}.`);
  } else console.log(`Its programs cannot be those of ${ownArch}: ${unpacked}.`);
  const shell = await findProgram('sh');
  if (shell === undefined) throw new Error('this machine has no shell');
  return {
    searchPath: machinePath.join(':'),
    shell,
    what: 'its own compiler and tools, which are others than those of the guests',
  };
}

/** The recipe on this machine. */
function onThisMachine(programs: Programs): Times {
  const times = runRecipe(programs, []);
  if (typeof times === 'string') throw new Error(`this machine cannot build GNU make: ${times}`);
  return times;
}

/** Runs the recipe on this machine, by programs that a command line starts. A text says how it failed. */
function runRecipe({ searchPath, shell }: Programs, starter: readonly string[]): Times | string {
  const work = path.join(directory, 'work');
  const [program, argv] = commandLine(starter, [shell, '-e', '-c', recipe]);
  const { status, stdout, stderr } = spawnSync(program, argv, {
    encoding: 'utf8',
    env: {
      ...{ PATH: machinePath.join(':'), PROGRAMS: searchPath, LC_ALL: 'C' },
      ...{ CONFIG_SHELL: shell, SHELL: shell, ARCHIVE: archive(), WORK: work, JOBS: '1' },
    },
  });
  rmSync(work, { recursive: true, force: true });
  return status === 0 ? timesOf(stdout) : `it ended with ${String(status)}: ${stderr.slice(-2000)}`;
}

/** Whether this machine starts a shell and, from there, another one. */
function canStart({ searchPath, shell }: Programs, starter: readonly string[]): boolean {
  const [program, argv] = commandLine(starter, [shell, '-c', '"$0" -c : && exit 0', shell]);
  const env = { PATH: machinePath.join(':'), PROGRAMS: searchPath };
  return spawnSync(program, argv, { env, stdio: 'ignore' }).status === 0;
}

/**
 * A program and its arguments, which start a command, whose search path is then PROGRAMS: the programs that start it need this
 * machine's own.
 */
function commandLine(
  starter: readonly string[],
  command: readonly string[],
): readonly [string, readonly string[]] {
  const [program = 'sh', ...argv] = [...starter, 'sh', '-c', 'PATH=$PROGRAMS exec "$@"', 'sh', ...command];
  return [program, argv];
}

/** The recipe by the programs of an arch, each by an emulator of its own. A text says why that was not measured. */
async function inUserMode(arch: string): Promise<Times | string> {
  const found = await (await openArches(repository)).load(arch);
  if (!found.ok) throw new Error(JSON.stringify(found.failure));
  const name = found.value.emulator.userProgram;
  if (name === undefined) return 'there is no such emulator';
  const emulator = await findProgram(name);
  if (emulator === undefined) return `${name} is not installed; on Debian: apt install qemu-user`;
  const programs = unpackPrograms(arch);
  if (typeof programs === 'string') return programs;
  // Since Linux 6.7 a user namespace can have handlers of its own, which takes no privileges and concerns nobody else.
  const register = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc &&
    printf '%s' "$0" >/proc/sys/fs/binfmt_misc/register && exec "$@"`;
  const line = registration(arch, programs.shell, emulator);
  const inNamespace = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', register, line];
  if (canStart(programs, inNamespace)) return runRecipe(programs, inNamespace);
  // The machine may have a handler for everyone.
  if (canStart(programs, [])) return runRecipe(programs, []);
  return `this machine has no handler for programs of ${arch} (binfmt_misc), and user namespaces cannot have their own (since Linux 6.7)`;
}

/** The line by which binfmt_misc has programs of the same kind as this one run by an emulator, which is opened at once. */
function registration(arch: string, program: string, emulator: string): string {
  const header = Buffer.alloc(20);
  const descriptor = openSync(program, 'r');
  readSync(descriptor, header, 0, header.length, 0);
  closeSync(descriptor);
  // All of the ELF header down to the machine, except for the system that the program is for.
  const mask = Buffer.from('ffffffffffffff00ffffffffffffffffffffffff', 'hex');
  // Fixed or position independent, whatever the byte order.
  const typeOffset = header.readUInt8(5) === 1 ? 16 : 17;
  mask.writeUInt8(0xfe, typeOffset);
  const escaped = (bytes: Buffer): string => bytes.toString('hex').replaceAll(/../g, '\\x$&');
  return `:bench-${arch}:M::${escaped(header)}:${escaped(mask)}:${emulator}:F`;
}
