import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished } from 'vitest';
import { removeForcibly } from '../../src/store/remove.ts';
import { digestDirectory } from '../../src/store/tree-digest.ts';
import { untilNoneHas } from '../executor/processes.ts';
import { tarBytes } from '../sources/tar-bytes.ts';
import { writeSketch, type TreeSketch } from '../store/sketch.ts';
import { repository } from './rig.ts';

/** How a run of the program ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A clone of the program beside an empty home, in a directory of the test's own. */
export interface Clone {
  readonly root: string;
  readonly home: string;
  /** Runs a command line in a process of its own, started by `wrapper`. */
  run(argv: readonly string[], wrapper?: readonly string[]): Promise<Ended>;
}

const cloned = [
  'arches',
  'patches',
  'src',
  'stages',
  'target',
  'sources.lock',
  'package.json',
  'tsconfig.json',
];

/** Copies the program, so that a test may change it. Not in memory: some runs copy the machine's compiler. */
export function cloneProgram(): Clone {
  const directory = mkdtempSync(path.join(tmpdir(), 'clone-test-'));
  onTestFinished(() => removeForcibly(directory));
  const home = path.join(directory, 'home');
  mkdirSync(home);
  return clone(copyProgram(directory), home);
}

let shared: { readonly directory: string; readonly root: string } | undefined;

/** One copy for all tests of a file that change nothing in it but the lock: it is compiled once. The home is the test's own. */
export function sharedClone(): Clone {
  if (shared === undefined) {
    const directory = mkdtempSync(path.join(tmpdir(), 'clone-test-'));
    shared = { directory, root: copyProgram(directory) };
  }
  const home = mkdtempSync(path.join(shared.directory, 'home-'));
  onTestFinished(() => removeForcibly(home));
  return clone(shared.root, home);
}

function copyProgram(directory: string): string {
  const root = path.join(directory, 'program');
  mkdirSync(root);
  for (const name of cloned) cpSync(path.join(repository, name), path.join(root, name), { recursive: true });
  symlinkSync(path.join(repository, 'node_modules'), path.join(root, 'node_modules'));
  return root;
}

function clone(root: string, home: string): Clone {
  const program = [process.execPath, path.join(root, 'src/start/start.cjs')];
  return { root, home, run: (argv, wrapper = []) => start([...wrapper, ...program, ...argv], home) };
}

/** Runs a program to its end, with a home and nothing else of this process's environment. */
export function start([program = '', ...argv]: readonly string[], home: string): Promise<Ended> {
  const child = spawn(program, argv, {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...said }));
  });
}

/** The archive of a source that has no more than this in it. */
export function archiveOf(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  return gzipSync(
    tarBytes(Object.entries(files).map(([name, body]) => ({ path: `source-1/${name}`, body }))),
  );
}

/** Makes busybox a source of few files, without patches, that is fetched from one URL. Gives the archive and its hash. */
export async function pinBusybox(
  { root, home }: Clone,
  url: string,
  files: TreeSketch & Readonly<Record<string, string | Uint8Array>>,
): Promise<{ readonly archive: Buffer; readonly sha256: string }> {
  const archive = archiveOf(files);
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const sketched = path.join(home, 'sketched');
  await writeSketch(sketched, files);
  const digested = await digestDirectory(sketched);
  if (!digested.ok) throw new Error(JSON.stringify(digested.failure));
  rmSync(sketched, { recursive: true });
  rmSync(path.join(root, 'patches/busybox'), { recursive: true, force: true });
  const file = path.join(root, 'sources.lock');
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { sources: { name: string }[] };
  for (const source of lock.sources.filter(({ name }) => name === 'busybox')) {
    Object.assign(source, { tree: digested.value.tree, origins: [{ kind: 'url', url, sha256 }] });
  }
  writeFileSync(file, JSON.stringify(lock));
  return { archive, sha256 };
}

/** A wrapper that runs a shell text in a mount namespace of its own first; `$0` and `$@` there are the rest. */
export function inNamespace(script: string, first: string): readonly string[] {
  return ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-ec', script, first];
}

/** A run that ended with one message for a user, and left no process. Gives the message. */
export async function oneMessage({ home }: Clone, ended: Ended, code: 1 | 2): Promise<string> {
  expect(ended).toMatchObject({ code });
  expect(ended.err.match(/^bootstrap: /gm), ended.err).toHaveLength(1);
  expect(ended.err).not.toMatch(/\n +at /);
  await untilNoneHas(path.dirname(home));
  const [, message = ''] = /^bootstrap: ([^]*)$/m.exec(ended.err) ?? [];
  // A build sums up after what failed.
  return message.replace(/(?:\d+ failed, )?(?:\d+ skipped, )?\d+ actions? run, [^\n]*\n$/, '');
}
