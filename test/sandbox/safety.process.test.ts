import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeForcibly } from '../../src/store/remove.ts';
import { unassignedId } from '../../src/sandbox/identity.ts';
import {
  asOrdinaryUser,
  command,
  isRoot,
  linesOf,
  makeOpenDirectory,
  nobody,
  openDirectory,
} from './processes.ts';

/** Milliseconds; far more than it takes, for machines that are busy with a build. */

const source = join(import.meta.dirname, 'escapes.c');
const isIntel = process.arch === 'x64';
const users = isRoot ? ['root', 'an ordinary user'] : ['an ordinary user'];

/** Compiles `escapes.c` into a directory that everybody may enter. */
async function compileEscapes(directory: string): Promise<string> {
  const program = join(directory, 'escapes');
  await promisify(execFile)('gcc', ['-O2', '-static', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
  return program;
}

describe.each(users)('an action that %s started', (user) => {
  let answers: ReadonlyMap<string, string>;
  const made: string[] = [];
  afterAll(async () => {
    for (const directory of made) await removeForcibly(directory);
  });

  /** What an action prints. `around` is a command that starts its engine, where PROBE stands for the compiled program. */
  async function actionLines(text: string, around: readonly string[] = []): Promise<string[]> {
    const directory = await makeOpenDirectory();
    made.push(directory);
    const probe = await compileEscapes(directory);
    if (user !== 'root' && isRoot) await chown(directory, nobody, nobody);
    const [program, words] = command(join(directory, 'store'), text);
    const [first = program, ...rest] = [
      ...around.map((word) => (word === 'PROBE' ? probe : word)),
      program,
      ...words,
    ];
    const line = [first, rest] as const;
    const lines = await linesOf(user === 'root' ? line : asOrdinaryUser(line), {
      ...process.env,
      TMPDIR: directory,
      PROBE: probe,
    });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ ok: true, value: { exitCode: 0 } });
    return lines.slice(0, -1);
  }

  beforeAll(async () => {
    const lines = await actionLines('/probe/program', ['PROBE', 'with']);
    answers = new Map(
      lines.map((line) => {
        const [name = '', ...rest] = line.split(' ');
        return [name, rest.join(' ')];
      }),
    );
  });

  it('makes no namespace', () => {
    for (const what of ['user-namespace', 'mount-namespace', 'cloned-namespace', 'next-namespace']) {
      expect([what, answers.get(what)]).toEqual([what, 'EPERM']);
    }
    expect(answers.get('cloned3-namespace')).toBe('ENOSYS');
  });

  it('changes no setting of the machine', () => {
    expect(answers.get('own-sysctl')).toMatch(/^E(?:ACCES|ROFS)$/);
    expect(answers.get('nested-sysctl')).toBe('EPERM');
  });

  it('mounts and unmounts nothing', () => {
    const calls = ['mount-tmpfs', 'unmount-proc', 'write-proc', 'open-tree', 'open-file-system', 'new-root'];
    for (const what of calls) expect([what, answers.get(what)]).toEqual([what, 'EPERM']);
  });

  it('blocks system calls that builds do not need', () => {
    const calls = ['program-kernel', 'measure-kernel', 'io-ring', 'handle-faults', 'read-kernel-log'];
    for (const what of calls) expect([what, answers.get(what)]).toEqual([what, 'EPERM']);
    expect(answers.get('sockets')).toBe('1 2 10 16');
  });

  it('has no device, no terminal, and no way to the process that set it up', () => {
    expect(answers.get('make-device')).toBe('EPERM');
    expect(answers.get('type-ahead')).toBe('EPERM');
    expect(answers.get('terminal')).toMatch(/^E(?:NOENT|NXIO)$/);
    expect(answers.get('process-one')).toBe('EACCES');
  });

  it('has no descriptor but its own', () => {
    // 3 is the jobserver's.
    expect(answers.get('descriptors')).toBe('0 1 2 3');
  });

  it('keeps running as root of its namespace', () => {
    for (const what of ['trace-itself', 'change-owner', 'change-root']) {
      expect([what, answers.get(what)]).toEqual([what, 'done']);
    }
  });

  it.runIf(isIntel)('finds the same under the numbers of other kinds of programs', () => {
    expect(answers.get('user-namespace-32')).toBe('EPERM');
    expect(answers.get('session-key-32')).toBe('EPERM');
    expect(answers.get('process-number-32')).toBe('done');
    expect(answers.get('process-number-x32')).toBe('ENOSYS');
  });

  it('cannot read keys of the user who started it', async () => {
    for (const what of ['add-key', 'request-key', 'session-key']) {
      expect([what, answers.get(what)]).toEqual([what, 'EPERM']);
    }
    const lines = await actionLines('/probe/program read-key @KEY@', ['PROBE', 'with']);
    expect(lines.slice(-2)).toEqual(['key EPERM', 'payload ']);
  });

  it('has a root with nothing else mounted', async () => {
    const lines = await actionLines('cut -d" " -f2 /proc/self/mounts | sort -u; cat /proc/self/uid_map');
    const map = lines.at(-1)?.trim().split(/\s+/).map(Number);
    const mounted = lines.slice(1, -1);
    for (const target of mounted)
      expect(target).toMatch(/^\/(?:$|(?:area|build|tmp|probe|usr|lib\w*|dev\/\w+|proc)(?:$|\/))/);
    const ids = user !== 'root' ? [isRoot ? nobody : process.getuid?.()] : [0, unassignedId];
    expect(ids).toContain(map?.[1]);
  });
});

// Only root may mount what has no mapped ids.
describe.runIf(isRoot)('root, on a file system whose ids cannot be mapped', () => {
  it('has its actions run as itself', async () => {
    const directory = await openDirectory();
    const [program, words] = command(join(directory, 'all/store'), 'id -u; cat /proc/self/uid_map');
    const script =
      `cd ${directory} && mkdir lower upper work all && ` +
      'mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay all && exec "$@"';
    const lines = await linesOf(['unshare', ['--mount', 'sh', '-c', script, 'sh', program, ...words]]);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ ok: true, value: { exitCode: 0 } });
    expect(lines.slice(-3, -1).map((line) => line.trim().replace(/ +/g, ' '))).toEqual(['0', '0 0 1']);
  });
});
