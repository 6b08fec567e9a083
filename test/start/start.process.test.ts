/** How the program starts, in processes of its own: what is compiled, when, and where it may lie. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { removeForcibly } from '../../src/store/remove.ts';
import { cloneProgram, inNamespace, start, type Clone } from '../cli/real-program.ts';

const repository = path.resolve(import.meta.dirname, '../..');
const listing = ['list', 'stages'];
const compiledOf = ({ root }: Clone): string => path.join(root, '.compiled');
const names = (directory: string): string[] => readdirSync(directory).sort();
const entryOf = ({ root }: { readonly root: string }): string => path.join(root, 'src/start/start.cjs');

function temporaryHome(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'start-test-'));
  onTestFinished(() => removeForcibly(directory));
  return directory;
}

function append(clone: Clone, file: string, text: string): void {
  appendFileSync(path.join(clone.root, file), text);
}

describe('the compiled program', () => {
  test('is made once, and again when a source changes', async () => {
    const clone = cloneProgram();
    const first = await clone.run(listing);
    expect(first).toMatchObject({ code: 0, err: '' });
    const [made = ''] = names(compiledOf(clone));
    const { ino } = statSync(path.join(compiledOf(clone), made));
    expect(await clone.run(listing)).toEqual(first);
    expect(names(compiledOf(clone))).toEqual([made]);
    expect(statSync(path.join(compiledOf(clone), made)).ino).toBe(ino);

    utimesSync(path.join(clone.root, 'src/core/json.ts'), new Date(), new Date(1_000_000));
    expect(await clone.run(listing)).toEqual(first);
    expect(names(compiledOf(clone))).toHaveLength(2);

    append(clone, 'src/cli/list-command.ts', "\nprocess.stderr.write('changed\\n');\n");
    expect(await clone.run(listing)).toEqual({ ...first, err: 'changed\n' });
    // As large as before, and with an older time: an unpacked archive brings such times along.
    const file = path.join(clone.root, 'src/cli/list-command.ts');
    const { atime, mtime } = statSync(file);
    writeFileSync(file, readFileSync(file, 'utf8').replace('changed', 'CHANGED'));
    utimesSync(file, atime, mtime);
    expect(await clone.run(listing)).toEqual({ ...first, err: 'CHANGED\n' });
  });

  test('is complete when several start at once', async () => {
    const clone = cloneProgram();
    const runs = await Promise.all([1, 2, 3].map(() => clone.run(listing)));
    for (const run of runs) expect(run).toMatchObject({ code: 0, err: '' });
    expect(names(compiledOf(clone))).toHaveLength(1);
  });

  test('is complete after a kill at any moment', async () => {
    const clone = cloneProgram();
    for (const milliseconds of [0, 20, 60, 150, 300]) {
      const child = spawn(process.execPath, [entryOf(clone), ...listing], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('close', resolve));
      while (!existsSync(compiledOf(clone)) && child.exitCode === null) await sleep(1);
      await sleep(milliseconds);
      child.kill('SIGKILL');
      await ended;
      const whole = names(compiledOf(clone)).filter((name) => !name.startsWith('new-'));
      for (const name of whole) expect(names(path.join(compiledOf(clone), name))).toContain('outputs.json');
    }
    expect(await clone.run(listing)).toMatchObject({ code: 0, err: '' });
  });

  test.each(['main.js', 'outputs.json'])('is made again when %s is damaged', async (file) => {
    const clone = cloneProgram();
    await clone.run(listing);
    const [made = ''] = names(compiledOf(clone));
    truncateSync(path.join(compiledOf(clone), made, file), 10);
    expect(await clone.run(listing)).toMatchObject({ code: 0, err: '' });
    expect(names(compiledOf(clone))).toEqual([made]);
  });

  test('is not looked for in a shared directory', async () => {
    const clone = cloneProgram();
    const shared = path.join(clone.home, 'shared');
    mkdirSync(shared, { mode: 0o777 });
    const launch = () =>
      start(['env', `TMPDIR=${shared}`, process.execPath, entryOf(clone), ...listing], clone.home);
    const first = await launch();
    expect(first).toMatchObject({ code: 0, err: '' });
    // What somebody could have changed or put there before the next start.
    for (const name of readdirSync(shared, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(shared, name);
      if (statSync(file).isFile()) writeFileSync(file, "process.stderr.write('planted');");
    }
    expect(await launch()).toEqual(first);
    expect(names(shared)).toEqual([]);
  });

  test('reports what does not compile, and where', async () => {
    const clone = cloneProgram();
    append(clone, 'src/cli/list-command.ts', '\nconst = 1;\n');
    const run = await clone.run(listing);
    expect(run.code).toBe(1);
    expect(run.err).toMatch(
      /^bootstrap: the program does not compile:\n {2}src\/cli\/list-command\.ts:\d+:7: Expected identifier/,
    );
    expect(run.err).not.toMatch(/\n +at /);
  });

  test('names sources and their lines when it reports a bug', async () => {
    const clone = cloneProgram();
    append(clone, 'src/cli/list-command.ts', "\nthrow new Error('a bug');\n");
    const run = await clone.run(listing);
    const line =
      readFileSync(path.join(clone.root, 'src/cli/list-command.ts'), 'utf8').split('\n').length - 1;
    expect(run.err).toMatch(/a bug in bootstrap itself/);
    expect(run.err).toContain(`at src/cli/list-command.ts:${String(line)}:7\n`);
    expect(run.code).toBe(1);
  });

  test('does not need every descriptor to be valid', async () => {
    const clone = cloneProgram();
    writeFileSync(path.join(clone.root, 'arches/broken.ts'), 'export const arch = {\n');
    expect(await clone.run(['plan', 'armv5l', '--host', 'i686'])).toMatchObject({ code: 0, err: '' });
    const broken = await clone.run(['plan', 'broken']);
    expect(broken.err).toMatch(/does not load: broken\.ts:2:1: Expected identifier but found end of file/);
    expect(broken.code).toBe(2);
  });
});

describe('a checkout', () => {
  /** Runs in a namespace in which the checkout can only be read. */
  function readOnly(clone: Clone, env: readonly string[] = []): ReturnType<typeof start> {
    const script = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@"';
    const command = ['env', ...env, process.execPath, entryOf(clone), ...listing];
    return start([...inNamespace(script, clone.root), ...command], clone.home);
  }

  test('that is read-only has its program in a cache directory that only the user can access', async () => {
    const clone = cloneProgram();
    expect(await readOnly(clone)).toMatchObject({ code: 0, err: '' });
    expect(existsSync(compiledOf(clone))).toBe(false);
    const cache = path.join(clone.home, '.cache/bootstrap/compiled');
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    const before = names(cache);
    expect(before).toHaveLength(1);
    expect(await readOnly(clone)).toMatchObject({ code: 0, err: '' });
    expect(names(cache)).toEqual(before);
  });

  test('that is read-only uses no cache that others can write', async () => {
    const clone = cloneProgram();
    await readOnly(clone);
    const cache = path.join(clone.home, '.cache/bootstrap/compiled');
    chmodSync(cache, 0o777);
    expect(await readOnly(clone)).toEqual({
      code: 2,
      out: '',
      err:
        `bootstrap: ${cache} is open to other users (mode 777). Remove it, or \`chmod 700\` it if you trust what is in it.\n` +
        '  Or name another directory with XDG_CACHE_HOME.\n',
    });
    renameSync(cache, `${cache}-moved`);
    chmodSync(`${cache}-moved`, 0o700);
    symlinkSync(`${cache}-moved`, cache);
    const linked = await readOnly(clone);
    expect(linked.err).toContain(
      `bootstrap: ${cache} is a symbolic link, and must be a directory of your own.`,
    );
    expect(linked.code).toBe(2);
    const above = path.join(clone.home, 'above');
    mkdirSync(above);
    chmodSync(above, 0o777);
    const open = await readOnly(clone, [`XDG_CACHE_HOME=${above}`]);
    expect(open.err).toContain(
      `bootstrap: ${above}, above the cache of compiled programs, is writable by everyone`,
    );
    expect(open.code).toBe(2);
  });

  test('that is read-only needs a home directory', async () => {
    const clone = cloneProgram();
    const run = await readOnly(clone, ['HOME=nowhere']);
    expect(run.err).toContain('Name a directory of your own with XDG_CACHE_HOME.');
    expect(run.code).toBe(2);
  });

  test.each([
    ['a link', (place: string) => symlinkSync(tmpdir(), place), 'is not a directory'],
    [
      'one that others can write',
      (place: string) => {
        mkdirSync(place);
        chmodSync(place, 0o777);
      },
      'can be written by other users (mode 777)',
    ],
  ])('takes no directory of compiled programs that is %s', async (_, make, fault) => {
    const clone = cloneProgram();
    make(compiledOf(clone));
    const run = await clone.run(listing);
    expect(run.err).toContain(`bootstrap: ${compiledOf(clone)} ${fault}`);
    expect(run.err.trim().split('\n')).toHaveLength(1);
    expect(run.code).toBe(2);
  });

  test.each(['a b?c#d%20e', 'a\nb\n', 'a:b,c\'d"$(e)`é`'])('works in a directory called %j', async (name) => {
    const clone = cloneProgram();
    const root = path.join(clone.home, name, 'program');
    mkdirSync(path.dirname(root));
    renameSync(clone.root, root);
    const run = await start(
      [process.execPath, entryOf({ root }), 'plan', 'armv5l', '--host', 'i686'],
      clone.home,
    );
    expect(run).toMatchObject({ code: 0, err: '' });
    const other = path.join(clone.home, name, 'ours');
    mkdirSync(other);
    cpSync(path.join(root, 'arches/armv5l.ts'), path.join(other, 'mine.ts'));
    const text = readFileSync(path.join(other, 'mine.ts'), 'utf8');
    writeFileSync(
      path.join(other, 'mine.ts'),
      text.replaceAll("'../src", "'../program/src").replaceAll("'./families", "'../program/arches/families"),
    );
    // It is called like another one, which only a module that was loaded can tell.
    const ours = [process.execPath, entryOf({ root }), 'plan', 'mine', '--arch-dir', other];
    expect((await start(ours, clone.home)).err).toMatch(/mine\.ts: (?:name|aliases)/);
  });
});

test('a checkout in a directory with a backslash in its name is refused in one sentence', async () => {
  const clone = cloneProgram();
  const root = path.join(clone.home, 'a\\b');
  renameSync(clone.root, root);
  expect(await start([process.execPath, entryOf({ root }), ...listing], clone.home)).toEqual({
    code: 2,
    out: '',
    err:
      `bootstrap: Node.js loads no modules from a directory with a backslash in its name, and this is one: ${root}\n` +
      '  Give it another name and run this again.\n',
  });
});

describe('output that cannot be written', () => {
  test.each([['--version'], ['--help'], listing, ['list']])(
    'of %s is exit code 1, and is said',
    async (...argv) => {
      const home = temporaryHome();
      const full = [
        'sh',
        '-c',
        'exec "$@" >/dev/full',
        'sh',
        process.execPath,
        entryOf({ root: repository }),
        ...argv,
      ];
      expect(await start(full, home)).toEqual({
        code: 1,
        out: '',
        err: 'bootstrap: cannot write the output (ENOSPC)\n',
      });
    },
  );

  test('because the reader has seen enough is no failure', async () => {
    const home = temporaryHome();
    const script = '{ "$@"; echo "$?" >code; } | :; cat code';
    const argv = ['plan', 'armv5l', '--host', 'i686', '--json'];
    const piped = ['sh', '-c', script, 'sh', process.execPath, entryOf({ root: repository }), ...argv];
    expect(await start(piped, home)).toEqual({ code: 0, out: '0\n', err: '' });
  });
});

describe('a descriptor elsewhere', () => {
  const plan = (home: string) =>
    start([process.execPath, entryOf({ root: repository }), 'plan', 'ours', '--arch-dir', home], home);
  const write = (home: string, name: string, text: string): void => {
    writeFileSync(path.join(home, name), text);
  };

  test('that throws is named with the line', async () => {
    const home = temporaryHome();
    write(
      home,
      'data.ts',
      "interface Unused {\n  readonly a: string;\n}\nexport function make(): Unused {\n  throw new Error('no data');\n}\n",
    );
    write(home, 'ours.ts', "import { make } from './data.ts';\nexport const arch = make();\n");
    const run = await plan(home);
    expect(run.err).toContain(`does not load: no data (${home}/data.ts:5)\n`);
    expect(run.code).toBe(2);
  });

  test('uses no package and no tsconfig.json of a directory above it', async () => {
    const home = temporaryHome();
    write(home, 'tsconfig.json', '{"compilerOptions":{"paths":{"./data.ts":["./planted.ts"]}}}');
    write(home, 'planted.ts', "export const data = 'planted';\n");
    write(home, 'data.ts', "export const data = 'ours';\n");
    write(home, 'ours.ts', "import { data } from './data.ts';\nthrow new Error(data);\n");
    expect((await plan(home)).err).toContain('does not load: ours (');
    mkdirSync(path.join(home, 'node_modules/planted'), { recursive: true });
    write(home, 'node_modules/planted/index.js', "throw new Error('planted');\n");
    write(home, 'ours.ts', "import 'planted';\n");
    expect((await plan(home)).err).toContain(
      'does not load: ours.ts:1:8: imports the package planted; a descriptor imports files only\n',
    );
  });
});

test('a limit of open files that is too low is reported', async () => {
  const launcher = path.join(repository, 'bootstrap');
  const run = await start(
    ['sh', '-c', 'ulimit -n 20; exec "$@"', 'sh', launcher, '--version'],
    temporaryHome(),
  );
  expect(run.code).toBe(2);
  expect(run.err).toMatch(
    /^bootstrap needs to open 64 files at once, and may open 20 here\.\n {2}Raise the limit/,
  );
});
