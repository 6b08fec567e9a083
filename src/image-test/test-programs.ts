import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  crossPrograms,
  crossProgramsAction,
  expectedAction,
  expectedOutput,
  muslPrograms,
  testProgramFiles,
  testPrograms,
} from '../../stages/cross-programs.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { makeTrees, type TreesRequest } from '../build/make-trees.ts';
import type { ProgramNames, Said } from './checks.ts';
import type { PackedFile } from './cpio.ts';
import type { ActionName } from '../plan/names.ts';
import { planDeclared } from '../repository/plan-declared.ts';
import { readTreeDirectory } from '../store/tree-file.ts';

/** Programs that test a system image, and thereby a cross compiler. */
export interface TestPrograms {
  readonly names: ProgramNames;
  /** Expected output of each program, by its name. */
  readonly expected: Result<ReadonlyMap<string, PackedFile>, Unavailable>;
  /** The programs compiled by stage 1. */
  readonly cross: Result<CrossPrograms, Unavailable>;
  /** Sources and script, as passed to the guest. */
  readonly sources: ReadonlyMap<string, PackedFile>;
}

/** Programs compiled by stage 1, in the store. */
export interface CrossPrograms {
  /** Directory with `static/`, `dynamic/`, `musl/`, and shared libraries in `lib/`. */
  readonly directory: string;
  /** The programs: `static/NAME`, `dynamic/NAME`, `musl/NAME`. */
  readonly files: ReadonlyMap<string, PackedFile>;
}

/** Directories of programs in the tree of `crossPrograms`. */
const crossDirectories = ['static', 'dynamic', 'musl'];

/** Why programs are missing: because what they are made with is missing, or because making them failed. */
export interface Unavailable {
  readonly kind: 'absent' | 'failed';
  readonly why: string;
}

/** What is needed to make the test programs, apart from the arch. */
export interface TestProgramsRequest extends Omit<TreesRequest, 'plan' | 'allowed' | 'onEvent'> {
  /** This repository, absolute. */
  readonly repository: string;
  /** Options that choose the versions of the sources; empty: the default ones. */
  readonly versions: readonly string[];
  /** Renders a failure for the table of what was tested. */
  readonly describe: (failure: Failure) => string;
}

/** Makes the test programs if that costs next to nothing: a compiler that is not in the store is not built for them. */
export async function makeTestPrograms(
  inputs: PlanInputs,
  request: TestProgramsRequest,
): Promise<TestPrograms> {
  const words = ['bootstrap', 'image', inputs.target.name, ...request.versions];
  const hint = `\`${words.join(' ')}\` makes it`;
  const expectedTree = await makeTree(inputs, request, {
    declare: () => expectedOutput(inputs),
    action: expectedAction,
    // These take at most a minute.
    allowed: {
      mayRun: (name) => name === expectedAction || name.startsWith('host-tools/'),
      mayFetch: true,
    },
    otherwise: 'the store lacks the tools that build the programs',
  });
  const action = crossProgramsAction(inputs.target.name);
  const expected = expectedTree.ok ? await readPrograms(request, expectedTree.value, ['']) : expectedTree;
  const crossTree = expected.ok
    ? await makeTree(inputs, request, {
        declare: () => crossPrograms(inputs),
        action,
        allowed: { mayRun: (name) => name === action, mayFetch: false },
        otherwise: `no stage-1 compiler for ${inputs.target.name} in the store; ${hint}`,
      })
    : expected;
  const cross = crossTree.ok ? await crossIn(request, crossTree.value) : crossTree;
  const sources = new Map<string, PackedFile>();
  for (const [place, file] of Object.entries(testProgramFiles(inputs))) {
    sources.set(place, await packedFile(path.join(request.repository, file)));
  }
  return {
    names: { programs: testPrograms(inputs), musl: muslPrograms(inputs) },
    expected,
    cross,
    sources,
  };
}

interface TreeWanted {
  readonly declare: () => ReturnType<typeof expectedOutput>;
  /** The action whose output `out` is wanted. */
  readonly action: ActionName;
  readonly allowed: NonNullable<TreesRequest['allowed']>;
  /** What to report if more would have to be built. */
  readonly otherwise: string;
}

async function makeTree(
  inputs: PlanInputs,
  request: TestProgramsRequest,
  { declare, action, allowed, otherwise }: TreeWanted,
): Promise<Result<string, Unavailable>> {
  const plan = planDeclared(inputs, declare);
  if (!plan.ok) return failed({ kind: 'failed', why: request.describe(plan.failure) });
  const made = await makeTrees(
    { ...request, plan: plan.value, allowed, onEvent: () => undefined },
    { programs: { action, output: 'out' } },
  );
  if (made.ok) return ok(made.value.programs.path);
  if (made.failure.some(({ reason }) => reason === 'not-allowed'))
    return failed({ kind: 'absent', why: otherwise });
  return failed({ kind: 'failed', why: made.failure.slice(0, 1).map(request.describe).join('') });
}

async function packedFile(file: string): Promise<PackedFile> {
  const [bytes, { mode }] = await Promise.all([readFile(file), stat(file)]);
  return { bytes, executable: (mode & 0o100) !== 0 };
}

async function crossIn(request: TestProgramsRequest, directory: string): Promise<TestPrograms['cross']> {
  const files = await readPrograms(request, directory, crossDirectories);
  return files.ok ? ok({ directory, files: files.value }) : files;
}

/** The files in directories of a tree that an action made, by path in it. */
async function readPrograms(
  request: TestProgramsRequest,
  tree: string,
  directories: readonly string[],
): Promise<Result<ReadonlyMap<string, PackedFile>, Unavailable>> {
  const programs = new Map<string, PackedFile>();
  for (const directory of directories) {
    const read = await readTreeDirectory(tree, directory);
    if (!read.ok) return failed({ kind: 'failed', why: request.describe(read.failure) });
    for (const [name, file] of read.value) programs.set(path.join(directory, name), file);
  }
  return ok(programs);
}

export interface UserRun {
  /** The emulator for single programs. */
  readonly program: string;
  readonly cross: CrossPrograms;
  /** As in `TestPrograms`. */
  readonly expected: ReadonlyMap<string, PackedFile>;
  readonly names: readonly string[];
  readonly limitSeconds: number;
  readonly signal: AbortSignal;
}

/** Runs the cross compiled programs in qemu-user; returns what to report about each, by the id of its check. */
export async function runUserPrograms(request: UserRun): Promise<ReadonlyMap<string, Said>> {
  const said = new Map<string, Said>();
  for (const name of request.names) {
    const output = request.expected.get(name);
    const expected = output === undefined ? undefined : Buffer.from(output.bytes).toString();
    let detail = expected === undefined ? 'it is not known what it has to print' : '';
    for (const mode of ['static', 'dynamic']) {
      if (expected === undefined || request.signal.aborted) break;
      if (detail === '') detail = await runOne(request, mode, name, expected);
    }
    if (request.signal.aborted) break;
    said.set(
      `user:${name}`,
      detail === '' ? { state: 'passed', detail: 'static, dynamic' } : { state: 'failed', detail },
    );
  }
  return said;
}

/** Returns what is wrong; empty if nothing is. */
async function runOne(request: UserRun, mode: string, name: string, expected: string): Promise<string> {
  const { directory: top, files } = request.cross;
  // Nothing else in that directory is run, such as a link that leads out of it.
  if (!files.has(path.join(mode, name))) return `${mode}: it was not built`;
  const directory = path.join(top, mode);
  const libraries = `LD_LIBRARY_PATH=${directory}:${path.join(top, 'lib')}`;
  const child = spawn(request.program, ['-L', top, '-E', libraries, path.join(directory, name)], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  let late = false;
  const kill = (): void => void child.kill('SIGKILL');
  const limit = setTimeout(() => {
    late = true;
    kill();
  }, request.limitSeconds * 1000);
  request.signal.addEventListener('abort', kill, { once: true });
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? '' : `ended with ${signal ?? `status ${String(code)}`}`),
    );
  });
  clearTimeout(limit);
  request.signal.removeEventListener('abort', kill);
  if (late) return `${mode}: did not end within ${String(request.limitSeconds)} seconds`;
  if (how !== '') return `${mode}: ${how} ${errors.trim().split('\n').slice(-2).join(' ')}`.trim();
  return output === expected ? '' : `${mode}: ${firstDifference(expected, output)}`;
}

/** The first line in which two outputs differ. */
export function firstDifference(expected: string, output: string): string {
  const wanted = expected.split('\n');
  const printed = output.split('\n');
  const at = wanted.findIndex((line, index) => line !== printed[index]);
  if (at < 0) return `prints more than expected: '${printed[wanted.length] ?? ''}'`;
  return `line ${String(at + 1)}: '${wanted[at] ?? ''}' is expected, '${printed[at] ?? ''}' was printed`;
}
