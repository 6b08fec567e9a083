import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseCommand, type RecordedCommand } from '../../src/build/record-summary.ts';
import type { Digest } from '../../src/core/digest.ts';
import { recordName } from '../../src/executor/executor.ts';
import { createLocalExecutor, localPlatform } from '../../src/sandbox/local-sandbox.ts';
import { createMachineProvider } from '../../src/machine/machine.ts';
import type { BoundInput } from '../../src/plan/bound.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import { bindRecipe } from '../../src/plan/bind.ts';
import { repoPath } from '../../src/plan/names.ts';
import type { Command } from '../../src/plan/action.ts';
import { recorder as recorderAction } from '../../stages/host-tools/recorder.ts';
import { testEpoch } from '../store/temporary-store.ts';
import { treesAt, type Subject } from '../executor/contract.ts';
import { keepStore } from '../executor/kept-store.ts';
import { runRecipe } from '../executor/run-recipe.ts';
import { countProcesses } from '../executor/processes.ts';
import { repositoryPath } from '../repository-path.ts';

const openStore = keepStore();
const source = join(import.meta.dirname, '../../src/sandbox/recorder.c');

/** Milliseconds; far more than it takes, for machines that are busy with a build. */

let subject: Subject;
let recorder: Digest;
let compilerInputs: readonly BoundInput[];
let runs = 0;

beforeAll(async () => {
  const { store, logs } = await openStore();
  const machine = createMachineProvider({ store });
  const [compiler, utilities] = [await machine.obtain('compiler'), await machine.obtain('machine-utilities')];
  if (!compiler.ok || !utilities.ok) throw new Error('no compiler or no utilities');
  const executor = createLocalExecutor({
    store,
    repository: repositoryPath,
    jobs: 2,
    memoryMiB: 1000,
    epochSeconds: testEpoch,
  });
  subject = { executor, store, inputs: [treesAt('/', [utilities.value])], logs };
  compilerInputs = [treesAt('/', [compiler.value, utilities.value])];

  const blob = await store.putBlob(await readFile(source));
  const file = { kind: 'file', path: repoPath('recorder.c'), digest: blob, executable: false } as const;
  const { recipe } = recorderAction(localPlatform(), file);
  const bound = bindRecipe(recipe, (ref) => {
    if (ref.kind === 'file') return { kind: 'file', digest: ref.digest, executable: false };
    return { kind: 'tree', digest: ref.kind === 'compiler' ? compiler.value : utilities.value };
  });
  const made = await runRecipe(executor, join(logs, 'recorder'), bound);
  const tree = made.ok ? made.value.outputs['out'] : undefined;
  if (tree === undefined) throw new Error(JSON.stringify(made));
  recorder = tree;
});

interface Attempt {
  readonly inputs?: readonly BoundInput[];
  readonly output?: string;
  readonly recorded?: boolean;
  readonly signal?: AbortSignal;
  readonly logDirectory?: string;
  readonly onLine?: (line: string) => void;
}

/** Runs commands, recorded unless said otherwise. */
async function attempt(commands: readonly Command[], options: Attempt = {}) {
  const logDirectory = options.logDirectory ?? join(subject.logs, `recorded-${String((runs += 1))}`);
  const recipe = {
    commands,
    env: {},
    tools: [],
    inputs: options.inputs ?? subject.inputs,
    outputs: options.output === undefined ? {} : { out: sandboxPath(options.output) },
    platform: localPlatform(),
  };
  const result = await runRecipe(subject.executor, logDirectory, recipe, {
    ...(options.recorded === false ? {} : { recorder }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
  });
  const file = join(logDirectory, recordName);
  return { result, logDirectory, record: existsSync(file) ? parsed(readFileSync(file, 'utf8')) : undefined };
}

function parsed(text: string): readonly RecordedCommand[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const command = parseCommand(line);
      if (command === undefined) throw new Error(`no command: ${line}`);
      return command;
    });
}

/** Argument vectors of what was recorded, without those of the script itself. */
function argvs(record: readonly RecordedCommand[] | undefined): readonly (readonly string[])[] {
  const made = new Set(['mkdir', 'chmod']);
  return (record ?? []).slice(1).flatMap(({ argv }) => (made.has(argv[0] ?? '') ? [] : [argv]));
}

describe('the record of an action', () => {
  it('begins with its script, and has every command in order, with program, words, directory and parent', async () => {
    const { result, record } = await attempt([
      run(['cat', '/script'], { stdout: '/build/copy' }),
      shell('cd /tmp; (uname -n; :) | cat; env A=b sh -c "exec true"'),
    ]);
    expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
    const [script, ...rest] = record ?? [];
    expect(script).toMatchObject({ argv: ['/bin/sh', '-e', '/script'], cwd: '/' });
    expect(argvs(record).slice(0, 2)).toEqual([
      ['cat', '/script'],
      ['sh', '-euc', 'cd /tmp; (uname -n; :) | cat; env A=b sh -c "exec true"'],
    ]);
    // Both ends of a pipe start at once.
    expect(argvs(record).slice(2, 4).sort()).toEqual([['cat'], ['uname', '-n']]);
    expect(argvs(record).slice(4)).toEqual([
      ['env', 'A=b', 'sh', '-c', 'exec true'],
      ['sh', '-c', 'exec true'],
      ['true'],
    ]);
    const [copy] = rest.filter(({ argv }) => argv[1] === '/script');
    expect(copy).toMatchObject({ program: '/usr/bin/cat', cwd: '/build', ppid: script?.pid });
    const last = rest.slice(-3);
    expect(last.map(({ cwd }) => cwd)).toEqual(['/tmp', '/tmp', '/tmp']);
    // One process that became three programs.
    expect(new Set(last.map(({ pid }) => pid)).size).toBe(1);
  });

  it('records arguments of any bytes', async () => {
    const words = ['', ' ', 'a"b\\c', 'tab\tline\nend\r\u001b', 'é ☃ 😀', '\u007f', "'"];
    const { record } = await attempt([run(['printf', '%s', ...words]), run(['env', 'true', ...words])]);
    expect(argvs(record).at(-1)).toEqual(['true', ...words]);
    const broken = await attempt([shell(`env true "$(printf '\\303(\\377\\360\\220x')"`)]);
    expect(argvs(broken.record).at(-1)).toEqual(['true', '\ufffd(\ufffd\ufffd\ufffdx']);
  });

  it('records very many and very long arguments', async () => {
    const { record } = await attempt([
      shell('set --; i=0; while [ $i -lt 3000 ]; do set -- "$@" word$i; i=$((i + 1)); done; env true "$@"'),
      shell('env true "$(head -c 100000 /dev/zero | tr "\\\\0" x)"'),
    ]);
    const found = argvs(record).filter(([program]) => program === 'true');
    expect(found.map(({ length }) => length)).toEqual([3001, 2]);
    expect(found[0]?.at(-1)).toBe('word2999');
    expect(found[1]?.[1]).toHaveLength(100_000);
  });

  it('names the interpreter of a script, with the script among its arguments', async () => {
    const { record } = await attempt([
      write('/build/hello', '#!/bin/sh -e\nuname -n\n', 0o755),
      run(['./hello', 'x']),
    ]);
    expect(argvs(record)).toEqual([
      ['/bin/sh', '-e', './hello', 'x'],
      ['uname', '-n'],
    ]);
  });

  it('has no command that could not be executed', async () => {
    const { record } = await attempt([shell('nothing-of-this-name || /build/neither || true')]);
    expect(argvs(record).flat().join(' ')).not.toMatch(/^(?:nothing|\/build)/);
    expect(argvs(record).map(([program]) => program)).toEqual(['sh']);
  });

  it('follows programs that are compiled, in threads and by vfork too', async () => {
    const program = `#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void *work(void *word) {
  char *argv[] = {"true", word, 0};
  pid_t pid;
  if (posix_spawnp(&pid, "true", 0, 0, argv, environ)) return 0;
  waitpid(pid, 0, 0);
  if (!(pid = vfork())) { execlp("true", "true", "by", "vfork", (char *)0); _exit(1); }
  waitpid(pid, 0, 0);
  return 0;
}
int main() {
  pthread_t thread;
  if (pthread_create(&thread, 0, work, "spawned") || pthread_join(thread, 0)) return 1;
  execlp("true", "true", "last", (char *)0);
  return 1;
}
`;
    const { result, record } = await attempt(
      [
        write('/build/program.c', program),
        run(['gcc', '-static', '-o', 'program', 'program.c']),
        run(['./program']),
      ],
      { inputs: compilerInputs },
    );
    expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
    const programs = (record ?? []).map(({ program: path }) => path);
    expect(programs.some((path) => path.endsWith('/cc1'))).toBe(true);
    expect(programs).toContain('/build/program');
    expect(argvs(record).slice(-4)).toEqual([
      ['./program'],
      ['true', 'spawned'],
      ['true', 'by', 'vfork'],
      ['true', 'last'],
    ]);
  });
});

describe('recording', () => {
  const commands = [
    shell(
      'echo one; echo two >&2; (exit 3) || echo $?; sleep 0 & wait; mkdir -p /out/a; echo text >/out/a/b; ' +
        'ln -s b /out/a/c; cp /bin/sh /out/sh; ls /; ls -l /proc/self/fd | wc -l; id -u; umask; cat </dev/stdin',
    ),
  ];

  it('changes neither output nor log', async () => {
    const [plain, recorded] = [
      await attempt(commands, { output: '/out', recorded: false }),
      await attempt(commands, { output: '/out' }),
    ];
    if (!plain.result.ok || !recorded.result.ok) throw new Error('an attempt failed');
    expect(plain.result.value.exitCode).toBe(0);
    expect(recorded.result.value.outputs).toEqual(plain.result.value.outputs);
    const [one, other] = [plain, recorded].map(({ logDirectory }) =>
      readFileSync(join(logDirectory, 'log'), 'utf8'),
    );
    expect(other).toBe(one);
    expect(plain.record).toBeUndefined();
    expect(recorded.record).toBeDefined();
  });

  it('gives the exit code of what fails or is killed, with the record so far', async () => {
    for (const [text, exitCode] of [
      ['exit 7', 7],
      ['kill -TERM $$', 143],
      ['kill -KILL $$', 137],
      ['kill -SEGV $PPID; sleep 600', 139],
    ] as const) {
      const { result, record } = await attempt([shell(text)]);
      expect(result).toMatchObject({ ok: true, value: { exitCode } });
      expect(argvs(record)[0]).toEqual(['sh', '-euc', text]);
    }
  });

  it('lets processes stop and continue, and delivers signals', async () => {
    const text =
      'sh -c \'trap "echo caught; exit 4" USR1; kill -STOP $$; while :; do sleep 0.1; done\' & ' +
      'until grep -q "^State:.[Tt]" /proc/$!/status; do sleep 0.1; done; ' +
      'kill -CONT $!; kill -USR1 $!; wait $! || echo status $?';
    const lines: string[] = [];
    const { result } = await attempt([shell(text)], { onLine: (line) => lines.push(line) });
    expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
    expect(lines.slice(-2)).toEqual(['caught', 'status 4']);
  });

  it('does not wait for what is left running, and kills it', async () => {
    const marker = `6${String(process.pid)}1`;
    const { result } = await attempt([shell(`setsid sleep ${marker} & sleep ${marker} & true`)]);
    expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
    expect(await countProcesses(`sleep ${marker}`)).toBe(0);
  });

  it('leaves no record of an aborted action, and none of its processes running', async () => {
    const marker = `6${String(process.pid)}2`;
    const controller = new AbortController();
    const running = attempt([run(['echo', 'ready']), run(['sleep', marker])], {
      signal: controller.signal,
      onLine: (line) => {
        if (line === 'ready') controller.abort();
      },
    });
    const { result, logDirectory, record } = await running;
    expect(result).toMatchObject({ ok: false, failure: { reason: 'interrupted' } });
    expect(record).toBeUndefined();
    expect(readdirSync(logDirectory).sort()).toEqual(['environment', 'log', 'script']);
    expect(await countProcesses(`sleep ${marker}`)).toBe(0);
  });

  it('replaces the record of an earlier run, which a run without it does not touch', async () => {
    const first = await attempt([run(['echo', 'first'])]);
    const { logDirectory } = first;
    const second = await attempt([run(['uname', '-n'])], { logDirectory });
    expect(argvs(second.record)).toEqual([['uname', '-n']]);
    const third = await attempt([run(['uname', '-s'])], { logDirectory, recorded: false });
    expect(argvs(third.record)).toEqual([['uname', '-n']]);
  });
});

describe('a recorder that cannot record', () => {
  it('runs the program all the same, and leaves no file', () => {
    const place = mkdtempSync(join(tmpdir(), 'recorder-'));
    onTestFinished(() => {
      rmSync(place, { recursive: true });
    });
    const program = join(subject.store.treePath(recorder), 'bin/recorder');
    const start = (file: string, cwd: string) =>
      spawnSync(program, [file, '0', 'sh', '-c', 'echo ran; exit 5'], { cwd, encoding: 'utf8' });
    const nowhere = start(join(place, 'no/such/directory'), '/');
    expect([nowhere.status, nowhere.stdout]).toEqual([5, 'ran\n']);
    const withoutProc = start(join(place, 'record'), place);
    expect([withoutProc.status, withoutProc.stdout]).toEqual([5, 'ran\n']);
    // A link, because the recorder takes away what it could not finish.
    symlinkSync('/dev/full', join(place, 'full'));
    const full = start(join(place, 'full'), '/');
    expect([full.status, full.stdout]).toEqual([5, 'ran\n']);
    expect(readdirSync(place)).toEqual([]);
    const missing = spawnSync(program, [join(place, 'record'), '0', 'no-such-program'], {
      cwd: '/',
      env: { PATH: '/usr/bin' },
    });
    expect(missing.status).toBe(127);
  });
});
