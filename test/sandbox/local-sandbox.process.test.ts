import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import { createLocalExecutor, type LocalExecutorOptions } from '../../src/sandbox/local-sandbox.ts';
import { createMachineProvider } from '../../src/machine/machine.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import type { Store } from '../../src/store/store.ts';
import { addTree, testEpoch } from '../store/temporary-store.ts';
import { describeEveryExecutor, treesAt, tryRecipe, type Subject } from '../executor/contract.ts';
import { keepStore } from '../executor/kept-store.ts';
import { describeRealExecutor } from '../executor/real-contract.ts';
import { describeShells } from '../executor/shell-contract.ts';
import { countProcesses } from '../executor/processes.ts';
import { repositoryPath } from '../repository-path.ts';

const openStore = keepStore();

/** Milliseconds; far more than it takes, for machines that are busy with a build. */

async function setUp(overlays: NonNullable<LocalExecutorOptions['overlays']>): Promise<Subject> {
  const { store, logs } = await openStore();
  const utilities = await createMachineProvider({ store }).obtain('machine-utilities');
  if (!utilities.ok) throw new Error(JSON.stringify(utilities.failure));
  const executor = createLocalExecutor({
    store,
    repository: repositoryPath,
    jobs: 2,
    memoryMiB: 1000,
    epochSeconds: testEpoch,
    overlays,
  });
  return { executor, store, inputs: [treesAt('/', [utilities.value])], logs };
}

/** Lines that a shell text prints in a sandbox, without the echoed command. */
async function linesOf(
  subject: Subject,
  text: string,
  extras: Parameters<typeof tryRecipe>[1] | object = {},
) {
  const { result, log } = await tryRecipe(subject, {
    ...extras,
    commands: [write('/tmp/t', text), run(['sh', '/tmp/t'])],
  });
  expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
  return log.trimEnd().split('\n').slice(2);
}

async function readOutput(
  store: Store,
  result: Awaited<ReturnType<typeof tryRecipe>>['result'],
  file: string,
) {
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  const tree = result.value.outputs['out'];
  if (tree === undefined) throw new Error(`no output: exit code ${String(result.value.exitCode)}`);
  return readFile(join(store.treePath(tree), file), 'utf8');
}

describeEveryExecutor('local sandbox', () => setUp('where-allowed'));
describeRealExecutor('local sandbox', () => setUp('where-allowed'));
describeRealExecutor('local sandbox that copies', () => setUp('never'));
describeShells('local sandbox', () => setUp('where-allowed'));
describeShells('local sandbox that copies', () => setUp('never'));

describe('what an action sees', () => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await setUp('where-allowed');
  });

  it('is a root with nothing of the machine', async () => {
    expect(
      await linesOf(subject, 'cd /; echo *; echo dev/*; echo etc/*; cat etc/passwd; id -u; readlink bin'),
    ).toEqual([
      'bin build dev etc lib lib64 proc script tmp usr',
      'dev/fd dev/full dev/null dev/random dev/stderr dev/stdin dev/stdout dev/urandom dev/zero',
      'etc/group etc/hosts etc/passwd',
      'root:x:0:0:root:/build:/bin/sh',
      '0',
      'usr/bin',
    ]);
  });

  it('shares the jobserver of all actions', async () => {
    expect(await linesOf(subject, 'echo "$MAKEFLAGS"')).toEqual([' -j2 --jobserver-auth=3,3']);
  });

  it('has a name, a umask, and no network', async () => {
    const text =
      'uname -n; umask; grep -c : /proc/net/dev; tail -n +2 /proc/net/route | wc -l; cat /proc/sys/kernel/domainname';
    expect(await linesOf(subject, text)).toEqual(['bootstrap', '0022', '1', '0', '(none)']);
  });

  it('is written to only where the recipe says', async () => {
    const places = [
      '/',
      '/usr',
      '/usr/bin',
      '/etc',
      '/dev',
      '/given',
      '/proc/sys/kernel',
      '/build',
      '/tmp',
      '/out/deep',
    ];
    const tree = await addTree(subject.store, { file: 'text' });
    const lines = await linesOf(
      subject,
      `for d in ${places.join(' ')}; do if (: >$d/new) 2>/dev/null; then echo $d; fi; done`,
      { inputs: [treesAt('/given', [tree])], outputs: { out: '/out/deep' } },
    );
    expect(lines).toEqual(['/build', '/tmp', '/out/deep']);
    expect(await readdir(subject.store.treePath(tree))).toEqual(['file']);
  });

  it('cannot reach anything outside', async () => {
    const text =
      'ls /proc/1/root/ /proc/1/cwd/ 2>/dev/null && echo seen; cd /; cd ../../..; echo *; ls -l /proc/$$/fd | wc -l; ls /proc | grep -c "^[0-9]"';
    const [seen, ...rest] = await linesOf(subject, text);
    expect(seen).toBe('bin build dev etc lib lib64 proc script tmp usr');
    expect(rest).toHaveLength(2);
  });

  it('has its tools at /tools, and its shell in /bin', async () => {
    const shellTree = await addTree(subject.store, { 'bin/sh': { link: '/usr/bin/sh' }, 'share/a': 'a' });
    const toolTree = await addTree(subject.store, { 'bin/hello': { executable: '#!/bin/sh\necho hello\n' } });
    const tools = [shellTree, toolTree].map((tree) => ({ kind: 'tree', digest: tree }) as const);
    const lines = await linesOf(subject, 'hello; readlink /bin; ls /tools /tools/bin | tr "\\n" " "', {
      tools,
    });
    expect(lines).toEqual(['hello', 'tools/bin', '/tools: bin share  /tools/bin: hello sh']);
  });

  it('reads single files at their paths', async () => {
    const blob = await subject.store.putBlob(Buffer.from('#!/bin/sh\necho ran\n'));
    const file = (path: string, executable: boolean) => ({
      path: sandboxPath(path),
      contents: [{ kind: 'file', digest: blob, executable } as const],
      writable: false,
    });
    const tree = await addTree(subject.store, { 'a/b': 'text' });
    const lines = await linesOf(
      subject,
      '/run/it; stat -c "%a %Y" /run/it /data /tree/a/new; cat /tree/a/b',
      {
        inputs: [
          file('/run/it', true),
          file('/data', false),
          treesAt('/tree', [tree]),
          file('/tree/a/new', false),
        ],
      },
    );
    expect(lines).toEqual([
      'ran',
      `755 ${String(testEpoch)}`,
      `644 ${String(testEpoch)}`,
      `644 ${String(testEpoch)}`,
      'text',
    ]);
  });
});

describe.each(['where-allowed', 'never'] as const)('united inputs, overlays %s', (overlays) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await setUp(overlays);
  });

  it('are one directory, however many they are', async () => {
    const trees = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        addTree(subject.store, {
          [`f${String(index)}`]: 'x',
          'same/file': 'same',
          [`same/${String(index)}`]: '',
        }),
      ),
    );
    const text =
      'ls /all | wc -l; ls /all/same | wc -l; cat /all/same/file; stat -c %Y /all/f7; touch /all/x || echo no';
    expect(await linesOf(subject, text, { inputs: [treesAt('/all', trees)] })).toEqual([
      '41',
      '41',
      `same${String(testEpoch)}`,
      expect.stringContaining('Read-only'),
      'no',
    ]);
  });

  it('may be the same tree twice', async () => {
    const tree = await addTree(subject.store, { file: 'text' });
    const inputs = [treesAt('/x', [tree, tree]), treesAt('/y', [tree, tree], true)];
    expect(await linesOf(subject, 'cat /x/file; echo; cat /y/file', { inputs })).toEqual(['text', 'text']);
  });

  it('hold other inputs, whether they have the mount point or not', async () => {
    const outer = await addTree(subject.store, { 'there/.keep': '', file: 'outer' });
    const inner = await addTree(subject.store, { file: 'inner' });
    const text = 'cat /src/file /src/there/file /src/new/deep/file; echo; touch /src/new/x || echo no';
    const inputs = ['/src/there', '/src/new/deep'].map((path) => treesAt(path, [inner]));
    expect(await linesOf(subject, text, { inputs: [treesAt('/src', [outer]), ...inputs] })).toEqual([
      'outerinnerinner',
      expect.stringContaining('Read-only'),
      'no',
    ]);
  });

  it('can be written to without harm if writable, and may be outputs', async () => {
    const a = await addTree(subject.store, { 'old/file': 'old', gone: 'x' });
    const b = await addTree(subject.store, { 'old/other': 'other' });
    const { result } = await tryRecipe(subject, {
      commands: [
        shell('cd /area; echo more >>old/file; rm gone; mv old/other moved; mkdir -p made; : >made/x'),
      ],
      inputs: [treesAt('/area', [a, b], true)],
      outputs: { out: '/area' },
    });
    expect(await readOutput(subject.store, result, 'old/file')).toBe('oldmore\n');
    if (!result.ok) throw new Error('no result');
    const tree = digest(String(result.value.outputs['out']));
    expect((await subject.store.listTree(tree)).map((entry) => entry.path)).toEqual([
      'made',
      'made/x',
      'moved',
      'old',
      'old/file',
    ]);
    expect(await readFile(join(subject.store.treePath(a), 'old/file'), 'utf8')).toBe('old');
    expect(await readdir(subject.store.treePath(a))).toEqual(['gone', 'old']);
  });

  it('may have an output in a directory of theirs', async () => {
    const tree = await addTree(subject.store, { Makefile: 'x' });
    const { result } = await tryRecipe(subject, {
      commands: [shell('cd /area; mkdir dist; echo made >dist/it')],
      inputs: [treesAt('/area', [tree], true)],
      outputs: { out: '/area/dist' },
    });
    expect(await readOutput(subject.store, result, 'it')).toBe('made\n');
  });

  it('leave nothing behind', async () => {
    expect(await readdir(join(subject.store.root, 'scratch'))).toEqual([]);
  });
});

describe('how an action ends', () => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await setUp('where-allowed');
  });

  it('as a whole, when aborted', async () => {
    const marker = `602.${String(process.pid)}`;
    const controller = new AbortController();
    const running = tryRecipe(
      subject,
      {
        commands: [
          shell(`sleep ${marker}1 & (sleep ${marker}2 >/dev/null 2>&1 &) & echo started; sleep ${marker}3`),
        ],
      },
      {
        signal: controller.signal,
        onLine: (line) => {
          if (line === 'started') controller.abort('SIGTERM');
        },
      },
    );
    expect((await running).result).toEqual({
      ok: false,
      failure: { reason: 'interrupted', signal: 'SIGTERM' },
    });
    expect(await countProcesses(marker)).toBe(0);
  });

  it('at any moment while it starts', async () => {
    const marker = `603.${String(process.pid)}`;
    for (const delay of [0, 1, 3, 6, 10, 15, 20, 30, 40]) {
      const controller = new AbortController();
      setTimeout(() => {
        controller.abort();
      }, delay);
      const { result } = await tryRecipe(
        subject,
        { commands: [run(['sleep', marker])] },
        {
          signal: controller.signal,
        },
      );
      expect(result).toMatchObject({ ok: false, failure: { reason: 'interrupted' } });
    }
    expect(await countProcesses(marker)).toBe(0);
    expect(await readdir(join(subject.store.root, 'scratch'))).toEqual([]);
  });

  it('with the processor time of all its processes', async () => {
    const busy = 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done';
    const text = `(sh -c '${busy}' &) ; sh -c '${busy}'; sleep 0.5`;
    const { result } = await tryRecipe(subject, { commands: [shell(text)] });
    if (!result.ok) throw new Error(JSON.stringify(result.failure));
    expect(result.value.wallSeconds).toBeGreaterThan(0.5);
    expect(result.value.cpuSeconds).toBeGreaterThan(0.02);
  });
});
