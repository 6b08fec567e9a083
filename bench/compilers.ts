/**
 * How fast compilers are that make the same code: gcc's own C++ files, compiled by the C++ compiler proper (cc1plus) of each,
 * file by file in turns. Prints the CPU time and the peak memory of each as multiples of the first one's, and fails if two of them
 * give different assembly.
 *
 *     ./bootstrap armv5l --host i686 && ./bootstrap armv5l --host x86_64
 *     node src/start/run.mjs bench/compilers.ts --work DIR armv5l
 *
 * takes from the store the compilers for armv5l that run here: the one that stage 1 makes (`--target-compiler build`), and those
 * released for i686 and x86_64. `NAME=FILE`, a cc1plus, adds another one, before them; without an arch there are only those.
 * `--rounds N` compiles each file N times (default: 3) and takes the fastest: what else the machine does only adds. `--store DIR` is the
 * store (default: that of bootstrap).
 *
 * The files are preprocessed once, with the headers that gcc was configured with for running on the arch, and are kept in DIR. They
 * come from the build tree of its native compiler, which `bootstrap store gc` removes: it is made again by `./bootstrap ARCH
 * --only-action native-compiler-ARCH/gcc`. `--files DIR` takes all that end in `.ii` in a directory of yours instead.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isRecord, parseJson } from '../src/core/json.ts';
import { noteFile } from '../src/store/records.ts';
import { markdownTable } from './markdown-table.ts';

/** Large and small, front end and optimisers, one generated. Below gcc's own directory, or its build tree's. */
const sources = [
  'cp/parser',
  'cp/decl',
  'cp/constexpr',
  'c-family/c-common',
  'gimplify',
  'fold-const',
  'expr',
  'combine',
  'tree-ssa-pre',
  'tree-vect-stmts',
  'ipa-cp',
  'lra-constraints',
  'dwarf2out',
  'gimple-match-1',
] as const;

/** Hosts whose released compilers are looked for. */
const hosts = ['i686', 'x86_64'] as const;

/** Starts a program and tells what it took. A small process of its own, because a peak is counted from the fork on. */
const measurer = `
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage used;
	int status;
	pid_t child = fork();

	if (child == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (argc < 2 || child < 0 || wait4(child, &status, 0, &used) < 0)
		return 1;
	printf("%ld.%06ld %ld.%06ld %ld\\n", (long)used.ru_utime.tv_sec, (long)used.ru_utime.tv_usec,
	       (long)used.ru_stime.tv_sec, (long)used.ru_stime.tv_usec, used.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: 'string' },
    files: { type: 'string' },
    store: { type: 'string' },
    rounds: { type: 'string', default: '3' },
  },
});
if (values.work === undefined) throw new Error('name a directory with --work');
const work = path.resolve(values.work);
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds ${values.rounds} is no number of rounds`);
const arches = positionals.filter((word) => !word.includes('='));
if (arches.length > 1) throw new Error(`name one arch, not ${arches.join(' and ')}`);
const [arch] = arches;
const store = path.resolve(
  values.store ?? process.env['BOOTSTRAP_STORE'] ?? path.join(homedir(), '.cache/bootstrap'),
);

function run(program: string, argv: readonly string[], directory = work): string {
  const result = spawnSync(program, argv, { cwd: directory, encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (result.status === 0) return result.stdout;
  const end = result.error?.message ?? result.signal ?? String(result.status);
  throw new Error(`${program} ${argv.join(' ')} ended with ${end}\n${result.stderr.slice(-2000)}`);
}

/** Trees that an action read and made when it last succeeded, by the labels of refs; undefined where it never did. */
function treesOf(action: string): ReadonlyMap<string, string> | undefined {
  const file = path.join(store, 'notes/actions', noteFile(action));
  if (!existsSync(file)) return undefined;
  const note = parseJson(readFileSync(file, 'utf8'));
  const built: unknown = isRecord(note) ? note['built'] : undefined;
  if (!isRecord(built)) return undefined;
  const { inputs, outputs } = built;
  const trees = new Map<string, string>();
  for (const [label, digest] of Object.entries(isRecord(inputs) ? inputs : {}))
    trees.set(label, String(digest));
  for (const [name, digest] of Object.entries(isRecord(outputs) ? outputs : {})) {
    trees.set(`${action}:${name}`, String(digest));
  }
  return new Map([...trees].map(([label, digest]) => [label, path.join(store, 'trees', digest)]));
}

/** A tree that has to be there. `how` is the command that makes it. */
function tree(action: string, label: string, how: string): string {
  const found = treesOf(action)?.get(label);
  if (found !== undefined && existsSync(found)) return found;
  throw new Error(
    `${store} has no ${label}${found === undefined ? '' : ' any more'}; make it with\n  ${how}`,
  );
}

/** The C++ compiler proper in a tree of gcc; undefined where there is none. */
function cc1plusIn(directory: string): string | undefined {
  const libexec = path.join(directory, 'libexec/gcc');
  if (!existsSync(libexec)) return undefined;
  const found = readdirSync(libexec, { recursive: true, encoding: 'utf8' }).filter(
    (name) => path.basename(name) === 'cc1plus',
  );
  return found[0] === undefined ? undefined : path.join(libexec, found[0]);
}

/** The compilers by name. Those of the store that are missing are said. */
function findCompilers(): ReadonlyMap<string, string> {
  const named = positionals.flatMap((word): readonly (readonly [string, string])[] => {
    const [, name, file] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    return name === undefined || file === undefined ? [] : [[name, path.resolve(file)]];
  });
  if (arch === undefined) return new Map(named);
  const actions = [
    ['stage 1', `stage-1-${arch}/gcc`, `./bootstrap ${arch} --target-compiler build`],
    ...hosts.map((host) => [
      host,
      `cross-compiler-${arch}-${host}/gcc`,
      `./bootstrap ${arch} --host ${host}`,
    ]),
  ] as const;
  const stored = actions.flatMap(
    ([name = '', action = '', how = '']): readonly (readonly [string, string])[] => {
      const out = treesOf(action)?.get(`${action}:out`);
      const file = out === undefined ? undefined : cc1plusIn(out);
      if (file !== undefined) return [[name, file]];
      console.log(`No ${action} in ${store}: ${name} is left out. Make it with ${how}`);
      return [];
    },
  );
  return new Map([...named, ...stored]);
}

/** Preprocesses gcc's files for a compiler of the arch that runs on the arch, unless it was done before. */
function preprocess(target: string): string {
  const directory = path.join(work, `files-${target}`);
  const missing = sources.filter((name) => !existsSync(path.join(directory, preprocessed(name))));
  if (missing.length === 0) return directory;
  mkdirSync(directory, { recursive: true });
  const action = `native-compiler-${target}/gcc-build`;
  const how = `./bootstrap ${target} --only-action native-compiler-${target}/gcc`;
  const [source, build] = ['source gcc', `${action}:build`].map((label) => tree(action, label, how));
  const host =
    hosts.find((name) => treesOf(`cross-compiler-${target}-${name}/assemble`) !== undefined) ?? hosts[0];
  const assemble = `cross-compiler-${target}-${host}/assemble`;
  const compiler = tree(assemble, `${assemble}:out`, `./bootstrap ${target} --host ${host}`);
  const libraries = ['gmp', 'mpfr', 'mpc'].map((name) => tree(action, `stage-1-${target}/${name}:out`, how));
  const include = [
    ...[`${String(build)}/gcc`, `${String(source)}/gcc`, `${String(source)}/gcc/cp`],
    ...['include', 'libcpp/include', 'libcody', 'libdecnumber', 'libdecnumber/dpd', 'libbacktrace'].map(
      (name) => `${String(source)}/${name}`,
    ),
    ...[`${String(build)}/libdecnumber`, ...libraries.map((library) => `${library}/include`)],
  ];
  for (const name of missing) {
    const file = [source, build]
      .map((top) => `${String(top)}/gcc/${name}.cc`)
      .find((candidate) => existsSync(candidate));
    if (file === undefined) throw new Error(`gcc has no ${name}.cc: change the list of files`);
    const to = path.join(directory, preprocessed(name));
    const argv = [
      ...['-E', '-P', '-O2', '-DIN_GCC', '-DHAVE_CONFIG_H'],
      ...include.map((place) => `-I${place}`),
      ...[file, '-o', `${to}.part`],
    ];
    run(path.join(compiler, 'bin', `${target}-g++`), argv);
    renameSync(`${to}.part`, to);
  }
  return directory;
}

function preprocessed(source: string): string {
  return `${source.replaceAll('/', '-')}.ii`;
}

interface Used {
  readonly cpuSeconds: number;
  /** KiB. */
  readonly peak: number;
}

function compile(measure: string, compiler: string, file: string): Used & { readonly digest: string } {
  const to = path.join(work, 'out.s');
  const printed = run(measure, [compiler, '-quiet', '-fpreprocessed', '-O2', file, '-o', to]);
  const [user = NaN, system = NaN, peak = NaN] = printed.trim().split(' ').map(Number);
  const digest = createHash('sha256').update(readFileSync(to)).digest('hex');
  return { cpuSeconds: user + system, peak, digest };
}

mkdirSync(work, { recursive: true });
const compilers = findCompilers();
if (compilers.size < 2) throw new Error('there are fewer than two compilers to compare');
if (arch === undefined && values.files === undefined) throw new Error('without an arch, name --files');
const directory = path.resolve(values.files ?? preprocess(arch ?? ''));
const files = readdirSync(directory)
  .filter((name) => name.endsWith('.ii'))
  .sort();
if (files.length === 0) throw new Error(`${directory} has no files that end in .ii`);
writeFileSync(path.join(work, 'measure.c'), measurer);
const measure = path.join(work, 'measure');
run('gcc', ['-O2', '-o', measure, 'measure.c']);

// The fastest of all rounds, and the largest peak.
const used = new Map([...compilers.keys()].map((name) => [name, new Map<string, Used>()] as const));
for (let round = 0; round < rounds; round += 1) {
  for (const file of files) {
    const digests = [...compilers].map(([name, compiler]) => {
      const { digest, cpuSeconds, peak } = compile(measure, compiler, path.join(directory, file));
      const known = used.get(name)?.get(file);
      used.get(name)?.set(file, {
        cpuSeconds: Math.min(cpuSeconds, known?.cpuSeconds ?? Infinity),
        peak: Math.max(peak, known?.peak ?? 0),
      });
      return [name, digest] as const;
    });
    const [first, ...others] = digests;
    const other = others.find(([, digest]) => digest !== first?.[1]);
    if (other !== undefined) {
      throw new Error(`${file}: ${other[0]} gives other assembly than ${first?.[0] ?? 'the first compiler'}`);
    }
  }
}

/** Geometric mean of the ratios of a compiler to the first one, over all files. */
function meanRatio(name: string, of: (used: Used) => number): number {
  const [first] = compilers.keys();
  const logarithms = files.map((file) => {
    const [mine, base] = [name, first ?? name].map((each) => used.get(each)?.get(file));
    return mine === undefined || base === undefined ? NaN : Math.log(of(mine) / of(base));
  });
  return Math.exp(logarithms.reduce((sum, one) => sum + one, 0) / files.length);
}

const sum = (name: string) =>
  [...(used.get(name)?.values() ?? [])].reduce((seconds, { cpuSeconds }) => seconds + cpuSeconds, 0);
const [base = ''] = compilers.keys();
console.log(`${String(files.length)} files, ${String(rounds)} rounds, the same assembly by all:\n`);
console.log(
  markdownTable([
    ['compiler', 'CPU', 'of all', 'lowest', 'highest', 'peak memory', 'seconds here'],
    ...[...compilers.keys()].map((name) => {
      const ratios = files.map(
        (file) =>
          (used.get(name)?.get(file)?.cpuSeconds ?? NaN) / (used.get(base)?.get(file)?.cpuSeconds ?? NaN),
      );
      return [
        name,
        meanRatio(name, ({ cpuSeconds }) => cpuSeconds).toFixed(3),
        (sum(name) / sum(base)).toFixed(3),
        Math.min(...ratios).toFixed(2),
        Math.max(...ratios).toFixed(2),
        meanRatio(name, ({ peak }) => peak).toFixed(2),
        sum(name).toFixed(1),
      ];
    }),
  ]),
);
