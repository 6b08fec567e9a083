import fc from 'fast-check';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findEscape, type Node } from '../../src/sources/link-check.ts';
import { runs } from '../setup/runs.ts';

const tree = (links: Readonly<Record<string, string>>, ...directories: readonly string[]) =>
  new Map<string, Node>([
    ...directories.map((path) => [path, 'directory'] as const),
    ...Object.entries(links).map(([path, target]) => [path, { target }] as const),
  ]);

describe('findEscape', () => {
  it.each<[string, ReadonlyMap<string, Node>, string | undefined]>([
    ['a link beside', tree({ l: 'x' }), undefined],
    ['a link to the top', tree({ 'a/l': '..' }, 'a'), undefined],
    ['a link over the top and back', tree({ 'a/l': '../../p/x' }, 'a'), 'a/l'],
    ['an absolute link', tree({ l: '/tmp' }), 'l'],
    ['a cycle', tree({ a: 'b', b: 'a' }), undefined],
    ['a chain outwards', tree({ a: 'b', b: 'c', c: '..' }), 'a'],
    ['dots and slashes', tree({ 'a/l': './/..//./b' }, 'a'), undefined],
    ['a way up through a link', tree({ 'd/up': '..', e: 'd/up/..' }, 'd'), 'e'],
    ['a way up that text hides', tree({ 'a/b/up': '../..', e: 'a/b/up/../x' }, 'a', 'a/b'), 'e'],
  ])('knows %s', (_what, nodes, escape) => {
    expect(findEscape(nodes)).toBe(escape);
  });

  it('agrees with the kernel', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const target = fc.array(fc.constantFrom('a', 'b', 'c', '..', '.'), { minLength: 1, maxLength: 5 });
    const links = fc.array(
      fc.tuple(
        path,
        target.map((parts) => parts.join('/')),
      ),
      { maxLength: 5 },
    );
    // In memory where there is such a place: thousands of directories take seconds on a disk.
    const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const outer = mkdtempSync(join(parent, 'bootstrap-links-'));
    let run = 0;
    try {
      fc.assert(
        fc.property(links, (all) => {
          run += 1;
          const root = join(outer, String(run), 'a/b/c/a/b/c/a/b/c/root');
          mkdirSync(root, { recursive: true });
          const nodes = new Map<string, Node>();
          for (const [at, to] of all) {
            const parents = at
              .split('/')
              .slice(0, -1)
              .map((_, index, parts) => parts.slice(0, index + 1).join('/'));
            if (
              nodes.has(at) ||
              parents.some((parent) => typeof (nodes.get(parent) ?? 'directory') === 'object')
            )
              continue;
            for (const parent of parents) nodes.set(parent, 'directory');
            mkdirSync(dirname(join(root, at)), { recursive: true });
            symlinkSync(to, join(root, at));
            nodes.set(at, { target: to });
          }
          const escape = findEscape(nodes);
          for (const [at, node] of nodes) {
            if (typeof node !== 'object' || !existsSync(join(root, at))) continue;
            // Native: node's own resolves `..` by the text, and never ends where that makes a cycle of what is none.
            const real = realpathSync.native(join(root, at));
            // What the kernel finds outside must have been noticed; the converse holds not for links to nothing.
            if (real !== root && !real.startsWith(`${root}/`)) expect(escape).toBeDefined();
          }
          writeFileSync(join(root, 'done'), '');
        }),
        { numRuns: runs(300) },
      );
    } finally {
      rmSync(outer, { recursive: true, force: true });
    }
  });
});
