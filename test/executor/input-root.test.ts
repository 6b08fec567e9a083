import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import { inputRoot, treesToList, type InputRoot } from '../../src/executor/input-root.ts';
import { inputTree } from '../../src/executor/input-tree.ts';
import type { BoundInput, BoundRecipe } from '../../src/plan/bound.ts';
import { run } from '../../src/plan/builder.ts';
import { sandboxPath } from '../../src/plan/names.ts';
import { layOut } from '../../src/sandbox/layout.ts';
import { digestBytes } from '../../src/store/directory-message.ts';
import { emptyFolder, folderAt, putLeaf, sealTree } from '../../src/store/merge.ts';
import type { TreeEntry } from '../../src/store/store.ts';
import { mountedView, sourceOf } from './mounted-view.ts';
import { runs } from '../setup/runs.ts';

const listings = new Map<Digest, readonly TreeEntry[]>();

/** A tree of these files (their content is their text), links (`-> target`) and, ending in `/`, directories. */
function tree(sketch: Readonly<Record<string, string>>): Digest {
  const top = emptyFolder();
  for (const [path, text] of Object.entries(sketch)) {
    if (path.endsWith('/')) folderAt(top, path);
    else if (text.startsWith('-> ')) putLeaf(top, path, { kind: 'symlink', target: text.slice(3) });
    else
      putLeaf(top, path, { kind: 'file', digest: digestBytes(Buffer.from(text)), executable: text === 'x' });
  }
  const sealed = sealTree(top);
  listings.set(sealed.tree, sealed.entries);
  return sealed.tree;
}

function at(path: string, contents: readonly (Digest | BoundInput['contents'][number])[], writable = false) {
  return {
    path: path === '/' ? path : sandboxPath(path),
    contents: contents.map((each) =>
      typeof each === 'string' ? ({ kind: 'tree', digest: each } as const) : each,
    ),
    writable,
  } satisfies BoundInput;
}

function file(text: string, executable = false) {
  return { kind: 'file', digest: digestBytes(Buffer.from(text)), executable } as const;
}

function recipe(inputs: readonly BoundInput[], outputs: Readonly<Record<string, string>> = {}): BoundRecipe {
  return {
    commands: [run(['true'])],
    env: {},
    tools: [],
    inputs,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, path]) => [name, sandboxPath(path)])),
    platform: { os: 'linux', cpu: 'x86_64' },
  };
}

function rootOf(inputs: readonly BoundInput[], outputs: Readonly<Record<string, string>> = {}): InputRoot {
  const root = inputRoot('s/a', recipe(inputs, outputs), listings);
  if (!root.ok) throw new Error(JSON.stringify(root.failure));
  return root.value;
}

function faultsOf(inputs: readonly BoundInput[], outputs: Readonly<Record<string, string>> = {}) {
  const root = inputRoot('s/a', recipe(inputs, outputs), listings);
  if (root.ok || root.failure.reason !== 'plan-fault') throw new Error(JSON.stringify(root));
  return root.failure.faults;
}

/** Paths of a root as one tree, without those that every root has. */
function pathsOf(root: InputRoot): readonly string[] {
  const own = /^(?:bin|build|dev|etc|etc\/.*|proc|script|tmp)$/;
  return inputTree(root, listings).entries.flatMap(({ path }) => (own.test(path) ? [] : [path]));
}

describe('an input root', () => {
  it('has the same files whatever the recipe', () => {
    expect(inputTree(rootOf([]), listings).entries.map(({ path }) => path)).toEqual([
      'bin',
      'build',
      'dev',
      'etc',
      'etc/group',
      'etc/hosts',
      'etc/passwd',
      'proc',
      'script',
      'tmp',
    ]);
  });

  it('has inputs at their paths, united, with outputs and files among them', () => {
    const a = tree({ 'usr/bin/a': 'x', lib: '-> usr/lib', 'usr/lib/b': 'b' });
    const [one, two] = [tree({ same: 's', 'd/1': '1' }), tree({ same: 's', 'd/2': '2' })];
    const root = rootOf(
      [
        at('/', [a]),
        at('/src', [one, two], true),
        at('/src/d/in/one', [file('text')]),
        at('/data', [file('t', true)]),
      ],
      { out: '/build/out', own: '/out/deep', inner: '/src/dist' },
    );
    expect(pathsOf(root)).toEqual([
      'build/out',
      'data',
      'lib',
      'out',
      'out/deep',
      'src',
      'src/d',
      'src/d/1',
      'src/d/2',
      'src/d/in',
      'src/d/in/one',
      'src/same',
      'usr',
      'usr/bin',
      'usr/bin/a',
      'usr/lib',
      'usr/lib/b',
    ]);
    expect(root.outputs).toEqual({
      out: { path: '/build/out', place: '/build', inside: 'out', united: false },
      own: { path: '/out/deep', place: '/out/deep', inside: '', united: false },
      inner: { path: '/src/dist', place: '/src', inside: 'dist', united: true },
    });
  });

  it('has its tools at /tools, and its shell in /bin', () => {
    const tools = [{ kind: 'tree', digest: tree({ 'bin/sh': 'x' }) } as const];
    const root = inputRoot('s/a', { ...recipe([]), tools }, listings);
    if (!root.ok) throw new Error(JSON.stringify(root.failure));
    expect(root.value.links).toEqual({ '/bin': 'tools/bin' });
    expect(pathsOf(root.value)).toEqual(['tools', 'tools/bin', 'tools/bin/sh']);
  });

  it('hides what a tree has at the path of another one', () => {
    const root = rootOf([
      at('/src', [tree({ 'there/hidden': '', file: '' })]),
      at('/src/there', [tree({ seen: '' })]),
    ]);
    expect(pathsOf(root)).toEqual(['src', 'src/file', 'src/there', 'src/there/seen']);
  });

  it('is a fault if a recipe contradicts itself', () => {
    const given = at('/given', [tree({ file: '', link: '-> dir', 'dir/x': '' })]);
    const some = tree({ some: '' });
    expect(faultsOf([given], { out: '/given/x' })).toEqual([
      's/a: output out at /given/x is inside the read-only input /given',
    ]);
    expect(faultsOf([given, given])).toEqual(['s/a: there are two inputs at /given']);
    expect(faultsOf([], { a: '/out', b: '/out/b' })).toEqual(['s/a: output b is inside output a']);
    expect(faultsOf([at('/proc/x', [some])])).toEqual(['s/a: nothing can be mounted at /proc/x']);
    expect(faultsOf([at('/', [tree({ lib: '-> usr/lib' })]), at('/lib/x', [some])])).toEqual([
      's/a: /lib/x would be mounted over the link /lib',
    ]);
    expect(faultsOf([at('/', [tree({ lib: '-> usr/lib' })])], { out: '/lib' })).toEqual([
      's/a: /lib would be mounted over the link /lib',
    ]);
    expect(faultsOf([], { out: '/etc/x' })).toEqual(['s/a: nothing can be mounted at /etc/x']);
    for (const path of ['/given/file', '/given/file/below', '/given/link', '/given/link/below']) {
      expect(faultsOf([given, at(path, [some])])).toEqual([
        `s/a: ${path} would be mounted where /given has something other than a directory`,
      ]);
    }
    expect(faultsOf([given, at('/given/dir', [file('text')])])).toEqual([
      's/a: /given/dir would be mounted where /given has something other than a file',
    ]);
    expect(faultsOf([at('/x', [])])).toEqual(['s/a: the input at /x is empty']);
    expect(faultsOf([at('/x', [file('text'), some])])).toEqual([
      's/a: /x: a file cannot be united with others, nor be writable',
    ]);
    expect(faultsOf([at('/', [tree({ file: '' })])])).toEqual([
      's/a: a tree mounted at / contains the file /file; only directories and links may be there',
    ]);
    expect(faultsOf([at('/', [tree({ 'tools/x': '', file: '', other: '' })])])).toEqual([
      's/a: a tree mounted at / contains the file /file and 1 more; only directories and links may be there',
      's/a: a tree mounted at / contains /tools, which the sandbox reserves',
    ]);
  });

  it.each(['/', '/x'])('is a conflict if trees at %s differ, even in links', (path) => {
    for (const [one, other] of [
      [tree({ 'd/f': 'one' }), tree({ 'd/f': 'two' })],
      [tree({ 'd/f': '-> a' }), tree({ 'd/f': '-> b' })],
      [tree({ 'd/f/': '' }), tree({ 'd/f': 'file' })],
    ] as const) {
      expect(inputRoot('s/a', recipe([at(path, [one, other])]), listings)).toEqual({
        ok: false,
        failure: { reason: 'clashing-inputs', action: 's/a', path, file: 'd/f', refs: [one, other] },
      });
    }
  });

  it('needs no listing of a tree that nothing else is united with or mounted in', () => {
    const [single, outer, inner] = [tree({ a: '' }), tree({ b: '' }), tree({ c: '' })];
    const inputs = [at('/src', [single]), at('/o', [outer]), at('/o/i', [inner])];
    expect([...treesToList(recipe(inputs))]).toEqual([outer]);
  });
});

describe('the two views of an input root', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
  const content = fc.constantFrom('x', 'y', '-> a', '-> ../b');
  const someTree = fc.dictionary(path, content, { maxKeys: 6 }).map((sketch) => {
    // What leads through a file of the same sketch is left out.
    const paths = Object.keys(sketch);
    const sound = paths.filter((each) => !paths.some((other) => each.startsWith(`${other}/`)));
    return tree(Object.fromEntries(sound.map((each) => [each, sketch[each] ?? ''])));
  });
  const input = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(path, fc.array(someTree, { maxLength: 3 }), fc.boolean())
        .map(([p, t, w]) => at(`/${p}`, t, w)),
    },
    { weight: 1, arbitrary: fc.array(someTree, { maxLength: 2 }).map((trees) => at('/', trees)) },
    {
      weight: 1,
      arbitrary: fc.tuple(path, fc.boolean()).map(([p, executable]) => at(`/${p}`, [file('f', executable)])),
    },
  );
  const outputs = fc.dictionary(
    fc.constantFrom('o1', 'o2'),
    fc.oneof(
      path.map((p) => `/${p}`),
      fc.constantFrom('/build/o', '/etc/o', '/out'),
    ),
  );

  it('list the same files', () => {
    let tried = 0;
    let sound = 0;
    fc.assert(
      fc.property(fc.array(input, { maxLength: 5 }), outputs, (inputs, paths) => {
        const root = inputRoot('s/a', recipe(inputs, paths), listings);
        tried += 1;
        if (!root.ok) return;
        sound += 1;
        const merged = inputTree(root.value, listings);
        const layout = layOut(root.value, sourceOf);
        expect(mountedView(layout, listings)).toEqual(
          new Map(
            merged.entries.map((entry) => [
              entry.path,
              entry.kind === 'directory' ? 'directory' : describeLeaf(entry),
            ]),
          ),
        );
      }),
      { numRuns: runs(600) },
    );
    // Most of what is drawn at random contradicts itself.
    expect(sound / tried).toBeGreaterThan(0.1);
  });

  function describeLeaf(entry: Exclude<TreeEntry, { kind: 'directory' }>): string {
    return entry.kind === 'symlink'
      ? `-> ${entry.target}`
      : `${entry.digest} ${entry.executable ? 'x' : '-'}`;
  }
});
