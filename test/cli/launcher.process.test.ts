import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const repository = path.resolve(import.meta.dirname, '../..');
let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'launcher '));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  file: string,
  argv: readonly string[],
  options: { cwd?: string; PATH?: string } = {},
): Promise<Run> {
  const env = { ...process.env, ...(options.PATH === undefined ? {} : { PATH: options.PATH }) };
  return new Promise((resolve) => {
    execFile(file, [...argv], { cwd: options.cwd ?? scratch, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : ((error.code as number | undefined) ?? null), stdout, stderr });
    });
  });
}

/** A directory that holds the machine's utilities but neither node nor npm, and the programs given here. */
function pathWith(programs: Readonly<Record<string, string>>): string {
  const bin = path.join(scratch, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const tool of ['sh', 'readlink', 'cmp', 'cp', 'mv', 'rm', 'flock', 'mkdir', 'sleep', 'cat']) {
    const place = ['/usr/bin', '/bin'].map((directory) => path.join(directory, tool)).find(existsSync);
    if (place !== undefined && !existsSync(path.join(bin, tool))) symlinkSync(place, path.join(bin, tool));
  }
  for (const [name, text] of Object.entries(programs)) {
    rmSync(path.join(bin, name), { force: true });
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
  return bin;
}

describe('the real launcher', () => {
  test('starts from any directory, also one with a space in its name', async () => {
    const run = await start(path.join(repository, 'bootstrap'), ['--version']);
    expect(run).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
      stderr: '',
    });
  });

  test('starts through links, absolute and relative, and through PATH', async () => {
    symlinkSync(path.join(repository, 'bootstrap'), path.join(scratch, 'absolute link'));
    symlinkSync('absolute link', path.join(scratch, 'bs'));
    expect((await start('./bs', ['--version'])).code).toBe(0);
    const found = await start('bs', ['--version'], {
      PATH: `${scratch}:${process.env['PATH'] ?? ''}`,
      cwd: '/',
    });
    expect(found.code).toBe(0);
  });

  test('takes no tsconfig.json of the directory where the user stands', async () => {
    writeFileSync(path.join(scratch, 'tsconfig.json'), '{ this is no JSON');
    expect((await start(path.join(repository, 'bootstrap'), ['--version'])).code).toBe(0);
  });
});

describe('without a fit node', () => {
  test('says that there is none', async () => {
    const run = await start(path.join(repository, 'bootstrap'), ['--version'], { PATH: pathWith({}) });
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(
      /^bootstrap needs Node\.js 20 or later, and there is no `node` in PATH\.\n {2}Install it/,
    );
  });

  test.each([
    ['v18.20.4', 'v18.20.4'],
    ['nonsense', 'nonsense'],
  ])('says that %s is too old', async (version, shown) => {
    const run = await start(path.join(repository, 'bootstrap'), [], {
      PATH: pathWith({ node: `echo ${version}` }),
    });
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(`bootstrap needs Node.js 20 or later; \`node\` in PATH is ${shown}.`);
  });
});

describe('first use', () => {
  const install = 'echo run >>npm-runs; mkdir -p node_modules; rm -rf node_modules/.[a-z]*; touch_sleep';
  let copy: string;

  beforeEach(() => {
    copy = path.join(scratch, 'clone of it');
    mkdirSync(path.join(copy, 'src/cli'), { recursive: true });
    copyFileSync(path.join(repository, 'bootstrap'), path.join(copy, 'bootstrap'));
    writeFileSync(path.join(copy, 'package-lock.json'), '{"lock": 1}');
  });

  const node = 'case $1 in --version) echo v20.1.0 ;; *) echo "started $*" ;; esac';
  const npm = (rest: string): string => `${install.replace('touch_sleep', rest)}`;
  const launch = (bin: string): Promise<Run> => start(path.join(copy, 'bootstrap'), ['a b'], { PATH: bin });
  const npmRuns = (): number => readFileSync(path.join(copy, 'npm-runs'), 'utf8').trim().split('\n').length;

  test('installs the packages once, says so, and then starts at once', async () => {
    const bin = pathWith({ node, npm: npm('echo chatter') });
    const first = await launch(bin);
    expect(first.code).toBe(0);
    expect(first.stdout).toBe(`started ${copy}/src/start/start.cjs a b\n`);
    expect(first.stderr).toBe(
      'bootstrap: first start here, installing the node packages (npm ci) …\nbootstrap: node packages installed.\n',
    );
    const second = await launch(bin);
    expect(second).toEqual({ code: 0, stdout: first.stdout, stderr: '' });
    expect(npmRuns()).toBe(1);
  });

  test('installs again when package-lock.json has changed', async () => {
    const bin = pathWith({ node, npm: npm('true') });
    await launch(bin);
    writeFileSync(path.join(copy, 'package-lock.json'), '{"lock": 2}');
    expect((await launch(bin)).code).toBe(0);
    expect(npmRuns()).toBe(2);
  });

  test('shows what npm said when it fails, and tries again next time', async () => {
    const failing = pathWith({ node, npm: npm('echo "no route to registry" >&2; exit 1') });
    const first = await launch(failing);
    expect(first.code).toBe(1);
    expect(first.stdout).toBe('');
    expect(first.stderr).toContain('no route to registry');
    expect(first.stderr).toContain(`\`npm ci\` in ${copy} failed`);
    const second = await launch(pathWith({ node, npm: npm('true') }));
    expect(second.code).toBe(0);
  });

  test('names the package that brings npm when it is missing', async () => {
    const run = await launch(pathWith({ node }));
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('on Debian it is the package npm');
  });

  test('an installation that was killed counts for nothing', async () => {
    const bin = pathWith({ node, npm: npm('sleep 30') });
    const killed = spawn(path.join(copy, 'bootstrap'), [], {
      detached: true,
      env: { ...process.env, PATH: bin },
      stdio: 'ignore',
    });
    while (!existsSync(path.join(copy, 'node_modules'))) await new Promise((done) => setTimeout(done, 20));
    process.kill(-(killed.pid ?? 0), 'SIGKILL');
    const next = await launch(pathWith({ node, npm: npm('true') }));
    expect(next.code).toBe(0);
    expect(npmRuns()).toBe(2);
  });

  test('a name that ends in a line break is no other name', async () => {
    const odd = path.join(scratch, 'clone\\of #it?\n');
    renameSync(copy, odd);
    symlinkSync(path.join(odd, 'bootstrap'), path.join(scratch, 'link\n'));
    const bin = pathWith({ node, npm: npm('true') });
    const run = await start(path.join(scratch, 'link\n'), ['plan'], { PATH: bin });
    expect(run.stdout).toBe(`started ${odd}/src/start/start.cjs plan\n`);
  });

  test("developers' packages come when they are asked for, and stay", async () => {
    const bin = pathWith({
      node,
      npm: npm('echo "$*" >>arguments; case $2 in *dev) mkdir -p node_modules/vitest ;; esac'),
    });
    const install = (): Promise<Run> => start(path.join(copy, 'bootstrap'), ['--install-dev'], { PATH: bin });
    await launch(bin);
    expect((await install()).stderr).toBe(
      "bootstrap: installing the node packages, developers' tools among them (npm ci) …\nbootstrap: node packages installed.\n",
    );
    expect(await install()).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await launch(bin)).stderr).toBe('');
    writeFileSync(path.join(copy, 'package-lock.json'), '{"lock": 2}');
    await launch(bin);
    expect(await install()).toEqual({ code: 0, stdout: '', stderr: '' });
    const asked = readFileSync(path.join(copy, 'arguments'), 'utf8').trim().split('\n');
    expect(asked.map((line) => line.split(' ')[1])).toEqual(['--omit=dev', '--include=dev', '--include=dev']);
  });

  test('two first starts at once install once', async () => {
    const bin = pathWith({ node, npm: npm('sleep 0.3') });
    const runs = await Promise.all([launch(bin), launch(bin), launch(bin)]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(npmRuns()).toBe(1);
  });
});
