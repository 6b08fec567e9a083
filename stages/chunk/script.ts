import { quoteWord } from '../../src/core/shell-word.ts';
import {
  steps,
  type BuildSystem,
  type Chunk,
  type CommandField,
  type Commands,
  type Defaults,
  type Step,
} from '../../src/definitions/definition.ts';

/** Where a chunk's source is, in which its commands run. */
export const sourceDirectory = '/src';

/** DESTDIR: where a chunk installs. */
export const installDirectory = '/install';

/** Where the results of building lie: see `installedNames`. */
export const resultDirectory = '/installed';

/** Files of a built chunk. */
export const installedNames = {
  /** Everything that it installed, with owners, modes and devices: names in order, one time for all. */
  archive: 'installed.tar',
  /** A line for each member: `stat -c '%f %a %u %g %s %t %T %n'`. */
  contents: 'contents',
} as const;

/** Programs of the toolbox, which a chunk's dependencies cannot replace. */
const busybox = '/tools/bin/busybox';

/** What a chunk's script is made for. */
export interface ScriptContext {
  readonly defaults: Defaults;
  /** Time of every file that is installed, in seconds since 1970. */
  readonly epochSeconds: number;
  /**
   * Dynamic loader of the C library that the compiler is to use instead of its own as soon as the root has it. Undefined: it always
   * uses its own.
   */
  readonly rootLoader: string | undefined;
  /** Whether test commands run. */
  readonly check: boolean;
}

/**
 * The script that builds a chunk in its source and packs what it installed. Each command is a shell of its own, as Baserock's
 * tools run them; the first one that fails ends the whole with its exit code.
 */
export function chunkScript(chunk: Chunk, context: ScriptContext): string {
  const { devices, maxJobs } = chunk;
  return [
    '#!/bin/sh',
    'set -eu',
    'umask 022',
    ...(context.rootLoader === undefined ? [] : [useRootLibrary(context.rootLoader)]),
    `mkdir -p "$DESTDIR" ${resultDirectory}`,
    `cd ${sourceDirectory}`,
    knownMachine,
    ...(maxJobs === undefined ? [] : [limitJobs(maxJobs)]),
    stepFunction,
    ...stepLines(chunk, context),
    ...devices.map(
      ({ path, type, major, minor, permissions, uid, gid }) =>
        `mkdir -p "$DESTDIR"${quoteWord(parentOf(path))}\n` +
        `mknod -m ${permissions.toString(8)} "$DESTDIR"${quoteWord(path)} ${type} ${String(major)} ${String(minor)}\n` +
        `chown ${String(uid)}:${String(gid)} "$DESTDIR"${quoteWord(path)}`,
    ),
    pack(context.epochSeconds),
    '',
  ].join('\n');
}

/** The compiler's front end reads these variables. */
function useRootLibrary(loader: string): string {
  return `if [ -e ${loader} ]; then export CCWRAP_TOPDIR=/usr CCWRAP_DYNAMIC_LINKER=${loader}; fi`;
}

/** The machine that builds may be another than the one that is built for, and old scripts know none of today's names. */
const knownMachine = `find . -name config.guess -type f | while IFS= read -r guess; do
  printf '#!/bin/sh\\nexec gcc -dumpmachine\\n' >"$guess"
  chmod 755 "$guess"
done`;

function limitJobs(most: number): string {
  const limit = String(most);
  return `jobs=\${MAKEFLAGS#*-j}\nif [ "\${jobs%% *}" -gt ${limit} ]; then MAKEFLAGS=-j${limit}; fi`;
}

/** `run STEP COMMAND`: only building is done by several jobs, as definitions expect. */
const stepFunction = `run() {
  printf '%s\\n' "# $1" "+ $2"
  if [ "$1" = build ]; then sh -e -c "$2" </dev/null; else (unset MAKEFLAGS; exec sh -e -c "$2") </dev/null; fi
}`;

function stepLines(chunk: Chunk, { defaults, check }: ScriptContext): readonly string[] {
  const { buildSystem, commands, extensions } = chunk;
  const tests = check ? (extensions.testCommands ?? []).map((command) => line('test', command)) : [];
  const of = (system: BuildSystem | undefined): readonly string[] =>
    steps.flatMap((step) => [
      ...(step === 'test' && !check ? [] : commandLines(step, commands, system?.commands ?? {})),
      ...(step === 'test' ? tests : []),
    ]);
  if (buildSystem !== undefined) return of(defaults.buildSystems[buildSystem]);
  const found = Object.entries(defaults.buildSystems).filter(([, { indicators }]) => indicators.length > 0);
  // The first one that fits counts, so it is tried last.
  const trials = [...found].reverse().map(([name, { indicators }]) => {
    const patterns = indicators.map(pattern).join(' | ');
    return `for file in *; do case $file in ${patterns}) system=${quoteWord(name)} ;; esac; done`;
  });
  return [
    'system=manual',
    ...trials,
    `echo "# the files of the source show its build system: $system"`,
    'case $system in',
    ...found.map(([name, system]) => `${quoteWord(name)})\n${of(system).join('\n') || ':'}\n;;`),
    'esac',
  ];
}

/** A name of a file that ends like this. */
function pattern(indicator: string): string {
  return `*${quoteWord(indicator)}`;
}

function commandLines(step: Step, own: Commands, preset: Commands): readonly string[] {
  const fields: readonly CommandField[] = [
    `pre-${step}-commands`,
    `${step}-commands`,
    `post-${step}-commands`,
  ];
  return fields.flatMap((field) => (own[field] ?? preset[field] ?? []).map((command) => line(step, command)));
}

function line(step: Step, command: string): string {
  return `run ${step} ${quoteWord(command)}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** Everything by static programs, since what was built may have replaced all others. */
function pack(epochSeconds: number): string {
  const time = String(epochSeconds);
  return `echo '# pack'
cd "$DESTDIR"
if [ -n "$(${busybox} find . -name '*
*')" ]; then echo 'the name of a file that was installed has a line break' >&2; exit 1; fi
${busybox} find . -mindepth 1 | ${busybox} sort >/tmp/names
if [ ! -s /tmp/names ]; then echo 'nothing was installed' >&2; exit 1; fi
${busybox} find . -exec ${busybox} touch -h -d @${time} {} +
${busybox} find . -mindepth 1 -exec ${busybox} stat -c '%f %a %u %g %s %t %T %n' {} + |
  ${busybox} sort -k 8 >${resultDirectory}/${installedNames.contents}
${busybox} tar -c -f ${resultDirectory}/${installedNames.archive} --no-recursion -T /tmp/names`;
}
