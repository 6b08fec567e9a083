import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { pureRooms, rooms } from '../rooms.js';
import { temporaryDirectory } from './cli/rig.ts';
import {
  findCycles,
  forbiddenImports,
  reachableFrom,
  readImports,
  roomOf,
  type ImportGraph,
} from './import-graph.ts';

const root = path.resolve(import.meta.dirname, '..');

/** The imports of modules that a test writes, by path. */
function importsOf(modules: Readonly<Record<string, string>>): ImportGraph {
  const directory = temporaryDirectory();
  for (const [module, text] of Object.entries(modules)) {
    mkdirSync(path.join(directory, path.dirname(module)), { recursive: true });
    writeFileSync(path.join(directory, module), text);
  }
  return readImports(
    directory,
    ['src', 'stages'].filter((room) => Object.keys(modules).some((module) => module.startsWith(room))),
  );
}

describe('the modules', () => {
  const graph = readImports(root, ['src', 'stages', 'arches']);

  test('are those of the program', () => {
    expect(graph.size).toBeGreaterThan(250);
    expect(graph.get('src/cli/main.ts')).toContain('src/cli/program.ts');
    expect(graph.get('stages/index.ts')).not.toEqual([]);
  });

  test('import what the table of rooms allows, and no more', () => {
    expect(forbiddenImports(graph, rooms, 'src/cli')).toEqual([]);
  });

  test('import each other in no cycle, types included', () => {
    expect(findCycles(graph)).toEqual([]);
  });

  test('of the tests import each other in no cycle either', () => {
    const all = readImports(root, ['src', 'stages', 'arches', 'test', 'bench']);
    expect(all.get('test/import-graph.test.ts')).toContain('test/import-graph.ts');
    expect(findCycles(all)).toEqual([]);
  });
});

describe('the table of rooms', () => {
  const table = new Map(Object.entries(rooms));

  test('has no cycle, so that nothing reaches a room above it by way of others', () => {
    expect(findCycles(table)).toEqual([]);
  });

  test('lets pure rooms reach pure rooms and the core alone', () => {
    for (const room of pureRooms) {
      const reached = [...reachableFrom(table, room)].filter((other) => !pureRooms.includes(other));
      expect(reached.filter((other) => other !== 'src/core')).toEqual([]);
    }
  });

  test('has the rooms that there are, and so has the map in docs/architecture.md', () => {
    const known = [...table.keys(), 'src/cli'].sort();
    const modules = readImports(root, ['src', 'stages', 'arches']).keys();
    expect([...new Set([...modules].map(roomOf))].sort()).toEqual(known);
    const page = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8');
    const drawn = [...page.matchAll(/^\| `([^`<]+)\/` /gm)].map(([, room = '']) => room);
    expect(drawn.filter((room) => room !== 'target').sort()).toEqual(known);
  });

  test('lets the command line alone import the texts', () => {
    expect([...table].filter(([, allowed]) => allowed.includes('src/report'))).toEqual([]);
    expect([...table].filter(([, allowed]) => allowed.includes('src/cli'))).toEqual([]);
  });
});

describe('the check of imports', () => {
  test.each([
    ['an import', "import { a } from '../high/a.ts';\n"],
    ['an import of a type', "import type { A } from '../high/a.ts';\n"],
    ['an inline import of a type', "import { type A } from '../high/a.ts';\n"],
    ['a type that is imported where it is used', "export type B = import('../high/a.ts').A;\n"],
    ['an export', "export { a } from '../high/a.ts';\n"],
    ['an export of everything', "export type * from '../high/a.ts';\n"],
    ['a dynamic import', "export const a = () => import('../high/a.ts');\n"],
    ['an import for its effects', "import '../high/a.ts';\n"],
  ])('sees %s upwards', (_, text) => {
    const graph = importsOf({
      'src/low/b.ts': text,
      'src/high/a.ts': 'export const a = 1;\nexport type A = 1;\n',
    });
    expect(forbiddenImports(graph, { 'src/low': [], 'src/high': ['src/low'] }, 'src/cli')).toEqual([
      'src/low/b.ts imports src/high/a.ts, and src/low may not import src/high',
    ]);
  });

  test('sees a cycle of types alone, within a room', () => {
    const graph = importsOf({
      'src/low/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
      'src/low/b.ts': "import { type C } from './c.ts';\nexport type B = C;\n",
      'src/low/c.ts': "import type { A } from './a.ts';\nexport type C = A;\n",
    });
    expect(findCycles(graph)).toEqual([['src/low/a.ts', 'src/low/b.ts', 'src/low/c.ts', 'src/low/a.ts']]);
  });

  test('sees a room that the table does not have', () => {
    const graph = importsOf({ 'src/attic/a.ts': '' });
    expect(forbiddenImports(graph, { 'src/low': [] }, 'src/cli')).toEqual([
      'src/attic/a.ts is in a room that the table does not have',
    ]);
  });

  test('lets the top import everything, and modules of a room each other', () => {
    const graph = importsOf({
      'src/low/a.ts': '',
      'src/low/b.ts': "import './a.ts';\n",
      'src/cli/main.ts': "import '../low/b.ts';\n",
    });
    expect(forbiddenImports(graph, { 'src/low': [] }, 'src/cli')).toEqual([]);
    expect(findCycles(graph)).toEqual([]);
  });
});
