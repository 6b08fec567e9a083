/**
 * The test command: prepares the machine, runs the checks and the tests, and ends with `N passed, N failed`.
 * With `--full` the main job and the tests of what it made come after them; with `--guest` the tests of the emulated
 * machine as a place to work; with `--system` a system of our own definitions is built and booted; with `--remote` results are
 * shared by way of real servers.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { staticChecks } from './static-checks.ts';

const further = ['full', 'guest', 'system', 'remote'].filter((project) =>
  process.argv.includes(`--${project}`),
);
/** Something of the machine's that the tests of what is built cannot do without. */
interface Need {
  readonly what: string;
  readonly for: string;
  /** Debian's packages of it. */
  readonly packages: readonly string[];
  readonly isThere: () => boolean;
  /** The one project that cannot do without. Undefined: all that build. */
  readonly project?: string;
}

const needs: readonly Need[] = [
  {
    what: 'busybox, bash or dash',
    for: 'the tests run generated scripts in each of these shells',
    packages: ['busybox', 'bash', 'dash'],
    isThere: () => ['busybox', 'bash', 'dash'].every((shell) => isInPath(shell)),
  },
  {
    what: 'git with its daemon',
    for: 'the tests serve repositories to themselves',
    packages: ['git'],
    isThere: () => existsSync(path.join(answer('git', '--exec-path').trim(), 'git-daemon')),
  },
  {
    what: 'qemu-system-arm',
    for: 'the tests boot what they build',
    // The emulator, its firmware, and the option ROMs without which some network cards refuse to start.
    packages: ['qemu-system-arm', 'qemu-system-data', 'ipxe-qemu'],
    isThere: () => has('qemu-system-arm') && has('qemu-system-aarch64'),
  },
  {
    what: 'aarch64-linux-gnu-gcc with a C library',
    for: 'the tests build an image with an external toolchain',
    packages: ['gcc-aarch64-linux-gnu', 'libc6-dev-arm64-cross'],
    // A compiler names what it finds with a path, and what it does not by the bare name.
    isThere: () => answer('aarch64-linux-gnu-gcc', '-print-file-name=libc.a').startsWith('/'),
  },
  {
    what: 'cmake, ninja, meson, pkg-config or qemu-arm',
    for: 'the tests build other projects with the cross compiler, and run what comes of it',
    packages: ['cmake', 'ninja-build', 'meson', 'pkgconf', 'qemu-user'],
    isThere: () => ['cmake', 'ninja', 'meson', 'pkg-config', 'qemu-arm'].every((program) => has(program)),
    project: 'full',
  },
  {
    what: 'nginx with openssl',
    for: 'the tests share results by way of it',
    packages: ['nginx-light', 'openssl'],
    isThere: () => isInPath('nginx') && isInPath('openssl'),
    project: 'remote',
  },
];

interface Count {
  passed: number;
  failed: number;
}

/** The part of vitest's report that counts. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

const total: Count = { passed: 0, failed: 0 };

function run(argv: readonly string[]): boolean {
  const [program = '', ...rest] = argv;
  console.log(`\n$ ${argv.join(' ')}`);
  return spawnSync(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

function check(argv: readonly string[]): void {
  if (run(argv)) total.passed += 1;
  else total.failed += 1;
}

function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** For programs that know no `--version`. */
function isInPath(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0;
}

/** What a program prints; empty where it is not there. */
function answer(program: string, ...argv: readonly string[]): string {
  return spawnSync(program, argv, { encoding: 'utf8' }).stdout ?? '';
}

/** Installs what the tests need where that is allowed without a question. */
function prepareMachine(): void {
  const missing = () =>
    needs.filter(
      ({ isThere, project }) => (project === undefined || further.includes(project)) && !isThere(),
    );
  if (missing().length === 0) return;
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const may = asRoot.length === 0 || spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  if (may) {
    const apt = ['DEBIAN_FRONTEND=noninteractive', 'apt-get'];
    run([...asRoot, 'env', ...apt, 'update']);
    const packages = missing().flatMap((need) => need.packages);
    run([...asRoot, 'env', ...apt, 'install', '-y', '--no-install-recommends', ...packages]);
  }
  const still = missing();
  if (still.length === 0) return;
  for (const need of still) {
    console.error(
      `${need.what} is missing, and ${need.for}. Install it and try again:\n` +
        `  apt-get install --no-install-recommends ${need.packages.join(' ')}`,
    );
  }
  console.log(`0 passed, ${still.length} failed`);
  process.exit(1);
}

/** Runs some of vitest's projects and adds what they counted. A run that counted nothing is a failure. */
function vitest(...projects: readonly string[]): void {
  const scratch = mkdtempSync(path.join(tmpdir(), 'bootstrap-test-'));
  const report = path.join(scratch, 'report.json');
  const passed = run([
    'npx',
    'vitest',
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const before = total.passed + total.failed;
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8')) as Report;
    total.passed += counts.numPassedTests;
    total.failed += counts.numFailedTests;
    // What this user or this kernel cannot be asked: neither passed nor failed, and never silent.
    for (const { fullName, status } of counts.testResults.flatMap((file) => file.assertionResults)) {
      if (status !== 'passed' && status !== 'failed') console.log(`not run here: ${fullName}`);
    }
  } catch (error) {
    console.error(`vitest left no report: ${String(error)}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (total.passed + total.failed === before || (!passed && total.failed === 0)) total.failed += 1;
}

prepareMachine();
for (const argv of staticChecks) check(['npx', ...argv]);
vitest('pure', 'process');
if (total.failed === 0) vitest('real');
for (const project of further) {
  if (total.failed === 0) vitest(project);
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
