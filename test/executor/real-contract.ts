import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import { inputRoot } from '../../src/executor/input-root.ts';
import { inputTree } from '../../src/executor/input-tree.ts';
import { treesOf } from '../../src/executor/verify-inputs.ts';
import type { BoundRecipe } from '../../src/plan/bound.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import type { TreeEntry } from '../../src/store/store.ts';
import { addTree } from '../store/temporary-store.ts';
import { platformOf, treesAt, tryRecipe, type RecipeSketch, type Subject } from './contract.ts';
import { countProcesses } from './processes.ts';
import { runRecipe } from './run-recipe.ts';

/** What holds for everything that runs an action's programs, however its root comes about. */
export function describeRealExecutor(name: string, setUp: () => Promise<Subject>): void {
  describe(`${name}: what an action sees`, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await setUp();
    }, 600_000);

    /** Lines of a shell text. */
    async function linesOf(text: string, sketch: Partial<RecipeSketch> = {}): Promise<readonly string[]> {
      const { result, log } = await tryRecipe(subject, {
        ...sketch,
        commands: [run(['sh', '-euc', text], { stdout: '/build/lines' }), run(['cat', '/build/lines'])],
      });
      expect(result).toMatchObject({ ok: true, value: { exitCode: 0 } });
      return log.trimEnd().split('\n').slice(2);
    }

    it('is the machine that it says, and no other', () => {
      const { executor } = subject;
      expect(executor.supports(platformOf(subject))).toBe(true);
      expect(executor.supports({ os: 'linux', cpu: 'pdp11' })).toBe(false);
      expect(executor.supports({ ...platformOf(subject), alsoRuns: ['pdp11'] })).toBe(false);
    });

    it('has a root who may make devices and give files away exactly if its executor says so', async () => {
      const { result } = await tryRecipe(subject, {
        commands: [shell('mknod /build/device c 1 3 && : >/build/file && chown 1:2 /build/file')],
      });
      if (!result.ok) throw new Error(JSON.stringify(result.failure));
      const supported = subject.executor.supports({ ...platformOf(subject), superuser: true });
      expect(result.value.exitCode === 0).toBe(supported);
    });

    it('is its input root, file by file', async () => {
      const tool = await addTree(subject.store, {
        'bin/hello': { executable: '#!/bin/sh\necho hello\n' },
        'bin/sh': { link: '/usr/bin/sh' },
        'share/text': 'text',
      });
      const [one, two] = [
        await addTree(subject.store, {
          'd/1': '1',
          same: 's',
          'there/hidden': '',
          empty: { directory: true },
        }),
        await addTree(subject.store, { 'd/2': { link: '1' }, same: 's' }),
      ];
      const blob = await subject.store.putBlob(Buffer.from('a file of its own'));
      const under = await addTree(subject.store, {
        'd/1': 'hidden',
        'd/3': { link: '1' },
        'lower/text': 'under',
        same: { link: 'lower' },
      });
      const recipe: BoundRecipe = {
        commands: [
          shell(
            "find / '(' -path /proc -o -path /dev -o -path '/build/*' ')' -prune -o -printf '%P|%M|%m|%l\\n' >/build/seen",
          ),
          shell('hello >>/build/seen; mkdir -p /out; mv /build/seen /out/seen'),
        ],
        env: {},
        tools: [{ kind: 'tree', digest: tool }],
        inputs: [
          ...subject.inputs,
          { ...treesAt('/src', [one, two], true), below: [{ kind: 'tree', digest: under }] },
          treesAt('/src/there', [two]),
          treesAt('/single', [one]),
          {
            path: sandboxPath('/src/new/file'),
            contents: [{ kind: 'file', digest: blob, executable: true }],
            writable: false,
          },
        ],
        outputs: { out: sandboxPath('/out') },
        platform: platformOf(subject),
      };
      const listings = new Map<Digest, readonly TreeEntry[]>();
      for (const tree of treesOf(recipe)) listings.set(tree, await subject.store.listTree(tree));
      const root = inputRoot('test/action', recipe, listings);
      if (!root.ok) throw new Error(JSON.stringify(root.failure));
      const result = await runRecipe(subject.executor, join(subject.logs, 'seen'), recipe);
      if (!result.ok || result.value.outputs['out'] === undefined) throw new Error(JSON.stringify(result));
      const text = await readFile(join(subject.store.treePath(result.value.outputs['out']), 'seen'), 'utf8');
      const seen = text.trimEnd().split('\n');
      expect(seen.pop()).toBe('hello');
      const expected = inputTree(root.value, listings).entries.map((entry) => {
        if (entry.kind === 'directory') return `${entry.path}|drwxr-xr-x|755|`;
        if (entry.kind === 'symlink') return `${entry.path}|lrwxrwxrwx|777|${entry.target}`;
        const [shown, mode] = entry.executable ? ['-rwxr-xr-x', '755'] : ['-rw-r--r--', '644'];
        return `${entry.path}|${shown}|${mode}|`;
      });
      const kernel = /^(?:proc|dev)\||^\|/;
      expect(seen.filter((line) => !kernel.test(line)).sort()).toEqual(
        expected.filter((line) => !kernel.test(line)).sort(),
      );
    });

    it('has what trees bring at its root, and under that what they do not bring', async () => {
      const own = await addTree(subject.store, { 'etc/passwd': 'own\n', 'etc/own': '', 'usr/own': 'own\n' });
      const under = await addTree(subject.store, {
        'etc/passwd': 'hidden\n',
        'etc/hosts': 'under\n',
        'usr/own': 'hidden\n',
        'usr/under/file': 'under\n',
        'under/file': 'under\n',
        tmp: { directory: true },
      });
      const given = subject.inputs.filter(({ path }) => path !== '/');
      const root = subject.inputs.filter(({ path }) => path === '/').flatMap(({ contents }) => contents);
      const inputs = [
        ...given,
        {
          ...treesAt('/', [own], true),
          contents: [...root, { kind: 'tree', digest: own } as const],
          below: [{ kind: 'tree', digest: under } as const],
        },
      ];
      const { lines } = await tryRecipe(
        { ...subject, inputs },
        {
          commands: [
            shell('cat /etc/passwd /etc/group /etc/hosts /usr/own /usr/under/file /under/file'),
            shell('touch /etc/new /usr/under/new /under/new; mkdir -p /new/directory; ls /etc'),
          ],
        },
      );
      const said = lines.filter((line) => !line.startsWith('+ '));
      expect(said.slice(0, 6)).toEqual(['own', 'root:x:0:', 'under', 'own', 'under', 'under']);
      expect(said.slice(6)).toEqual(expect.arrayContaining(['group', 'hosts', 'new', 'own', 'passwd']));
    });

    it('has standard streams that can be opened by name', async () => {
      const text = 'echo one >/dev/stderr; echo two >/dev/stdout; cat </dev/stdin; echo three';
      const { lines } = await tryRecipe(subject, {
        commands: [write('/tmp/t', text), run(['sh', '/tmp/t'])],
      });
      expect(lines.slice(2)).toEqual(['one', 'two', 'three']);
    });

    it('gets exactly the text, the words, and the directories of a recipe', async () => {
      const text = `'"\\$\`!*?~#\t\u0001\u0081\u007f é ☃ \${HOME} %s \\n\n\n  end without newline`;
      const words = ['', ' ', "it's", '$HOME', '*', 'a\nb', '-n', '\\', '"', '~', '#x', 'a=b', '\u0081'];
      const { result } = await tryRecipe(subject, {
        commands: [
          write("/out/a b/it's", text),
          run(['printf', '[%s]', ...words], { stdout: '/out/words' }),
          run(['cat'], { stdin: '/out/words', stdout: '/out/copy' }),
          run(['pwd'], { cwd: '/build/new place', stdout: '/out/cwd' }),
          run(['sh', '-c', 'echo "$A"; pwd'], { env: { A: 'x  y' }, stdout: '/out/own' }),
          run(['sh', '-c', 'echo "<$A>"'], { stdout: '/out/later' }),
        ],
        outputs: { out: '/out' },
      });
      const listed = words.map((word) => `[${word}]`).join('');
      expect(result.ok && result.value.outputs['out']).toBe(
        await addTree(subject.store, {
          "a b/it's": text,
          words: listed,
          copy: listed,
          cwd: '/build/new place\n',
          own: 'x  y\n/build\n',
          later: '<>\n',
        }),
      );
    });

    it('is the environment of the recipe and what every action has', async () => {
      const lines = await linesOf('env | sort', { env: { FLAGS: "-O2 'x'", TZ: 'UTC1' } });
      // The shell itself adds these, and how many jobs there are is the executor's business.
      expect(lines.filter((line) => !/^(?:(?:OLD)?PWD|_|SHLVL|MAKEFLAGS)=/.test(line))).toEqual([
        'CONFIG_SHELL=/bin/sh',
        "FLAGS=-O2 'x'",
        'HOME=/build',
        'LC_ALL=C',
        'LOGNAME=root',
        'PATH=/tools/bin:/usr/bin',
        'SHELL=/bin/sh',
        'TMPDIR=/tmp',
        'TZ=UTC1',
        'USER=root',
      ]);
      expect(await linesOf('[ -n "$MAKEFLAGS" ] && echo given')).toEqual(['given']);
    });

    it('is one user, one name, devices and processes of its own, and no network', async () => {
      const text =
        'id -u; cat /etc/passwd; uname -n; echo /dev/*; head -c 3 /dev/zero | wc -c; ' +
        'echo lost >/dev/null; ls -d /proc/[0-9]* | wc -l; tail -n +2 /proc/net/route | wc -l';
      const [user, passwd, name, devices, zeros, processes, routes] = await linesOf(text);
      expect([user, passwd, name, zeros, routes]).toEqual([
        '0',
        'root:x:0:0:root:/build:/bin/sh',
        'bootstrap',
        '3',
        '0',
      ]);
      expect(devices).toBe(
        '/dev/fd /dev/full /dev/null /dev/random /dev/stderr /dev/stdin /dev/stdout /dev/urandom /dev/zero',
      );
      expect(Number(processes)).toBeLessThan(10);
    });

    it('can be written to in its directories, writable inputs and outputs without harm', async () => {
      const tree = await addTree(subject.store, { 'old/file': 'old', gone: 'x', same: 's' });
      const { result } = await tryRecipe(subject, {
        commands: [
          shell('cd /area; printf new >>old/file; rm gone; mkdir -p made; : >made/x; cp -a /area /out/copy'),
          shell('touch /build/x /tmp/x; mkdir /area/dist; echo made >/area/dist/it'),
        ],
        inputs: [treesAt('/area', [tree], true)],
        outputs: { dist: '/area/dist', copy: '/out' },
      });
      if (!result.ok) throw new Error(JSON.stringify(result.failure));
      const { dist, copy } = result.value.outputs;
      expect(dist).toBe(await addTree(subject.store, { it: 'made\n' }));
      expect(copy).toBe(
        await addTree(subject.store, { 'copy/old/file': 'oldnew', 'copy/made/x': '', 'copy/same': 's' }),
      );
      expect(await subject.store.verifyTree(tree)).toEqual({ ok: true, value: undefined });
    });

    it('has no output through a link', async () => {
      const outside = await mkdtemp(join(tmpdir(), 'outside-'));
      onTestFinished(() => rm(outside, { recursive: true, force: true }));
      await mkdir(join(outside, 'b'));
      await writeFile(join(outside, 'b/secret'), 'of the machine');
      const tree = await addTree(subject.store, { file: 'text' });
      for (const [text, path] of [
        [`rm -r /build/a; ln -s ${outside} /build/a`, '/build/a/b'],
        [`rm -r /build/b; ln -s ${outside}/b /build/b`, '/build/b'],
        [`ln -s ${outside} /area/a`, '/area/a/b'],
        [`ln -s ${outside}/b /area/b`, '/area/b'],
      ] as const) {
        const { result } = await tryRecipe(subject, {
          commands: [shell(text)],
          inputs: [treesAt('/area', [tree], true)],
          outputs: { out: path },
        });
        expect([path, result]).toMatchObject([
          path,
          { ok: false, failure: { reason: 'missing-output', path } },
        ]);
        expect(await readdir(join(outside, 'b'))).toEqual(['secret']);
      }
    });

    it('has one time for every file that it is given', async () => {
      const tree = await addTree(subject.store, { one: '1', 'd/two': '2' });
      const text = "find /given -type f -printf '%T@\\n' | sort -u | wc -l";
      expect(await linesOf(text, { inputs: [treesAt('/given', [tree])] })).toEqual(['1']);
    });

    it('ends by a signal with 128 plus its number, and kills what it left running', async () => {
      const ended = await tryRecipe(subject, { commands: [run(['sh', '-c', 'kill -SEGV $$'])] });
      expect(ended.result).toMatchObject({ ok: true, value: { exitCode: 139, outputs: {} } });
      const marker = `604.${String(process.pid)}`;
      const left = await tryRecipe(subject, {
        commands: [shell(`sleep ${marker} & sleep ${marker} >/dev/null 2>&1 &`)],
      });
      expect(left.result).toMatchObject({ ok: true, value: { exitCode: 0 } });
      expect(await countProcesses(marker)).toBe(0);
    });

    it('is a failure if trees conflict or are missing, or the recipe contradicts itself', async () => {
      const a = await addTree(subject.store, { 'd/file': 'one' });
      const b = await addTree(subject.store, { 'd/file': 'two' });
      const commands = [run(['true'] as const)];
      const clash = await tryRecipe(subject, { commands, inputs: [treesAt('/x', [a, b])] });
      expect(clash.result).toEqual({
        ok: false,
        failure: {
          reason: 'clashing-inputs',
          action: 'test/action',
          path: '/x',
          file: 'd/file',
          refs: [a, b],
        },
      });
      const fault = await tryRecipe(subject, {
        commands,
        inputs: [treesAt('/x', [a])],
        outputs: { out: '/x/y' },
      });
      expect(fault.result).toMatchObject({ ok: false, failure: { reason: 'plan-fault' } });
      const gone = await addTree(subject.store, { file: 'soon gone' });
      await subject.store.removeTree(gone);
      const missing = await tryRecipe(subject, { commands, inputs: [treesAt('/x', [gone])] });
      expect(missing.result).toEqual({
        ok: false,
        failure: { reason: 'inputs-gone', action: 'test/action', trees: [gone] },
      });
      // None of them began.
      for (const { logDirectory } of [clash, fault, missing]) expect(existsSync(logDirectory)).toBe(false);
    });
  });
}
