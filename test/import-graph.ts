import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import typescript from 'typescript';

/** What each module imports of the others, types like values; paths relative to the root. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** What each room may import beside itself. */
export type Rooms = Readonly<Record<string, readonly string[]>>;

/** Reads the imports of all modules below some directories. What is imported from packages is left out. */
export function readImports(root: string, directories: readonly string[]): ImportGraph {
  const graph = new Map<string, readonly string[]>();
  for (const directory of directories) {
    for (const entry of readdirSync(path.join(root, directory), { recursive: true, encoding: 'utf8' })) {
      const module = path.join(directory, entry);
      if (!/\.[cm]?[jt]s$/.test(module) || module.endsWith('.d.ts')) continue;
      const { importedFiles } = typescript.preProcessFile(readFileSync(path.join(root, module), 'utf8'));
      const local = importedFiles
        .map(({ fileName }) => fileName)
        .filter((name) => name.startsWith('.'))
        .map((name) => path.join(path.dirname(module), name));
      const missing = local.find((name) => !existsSync(path.join(root, name)));
      if (missing !== undefined) throw new Error(`${module} imports ${missing}, which is not there`);
      graph.set(module, [...new Set(local)]);
    }
  }
  return graph;
}

/** The room of a module: `src/core`, `stages`. */
export function roomOf(module: string): string {
  const [first = '', second = ''] = module.split('/');
  return first === 'src' ? `${first}/${second}` : first;
}

/** Imports that the table does not allow, each as a sentence. `top` is the room that may import all others. */
export function forbiddenImports(graph: ImportGraph, rooms: Rooms, top: string): readonly string[] {
  return [...graph].flatMap(([module, imported]) => {
    const room = roomOf(module);
    if (room === top) return [];
    const allowed = rooms[room];
    if (allowed === undefined) return [`${module} is in a room that the table does not have`];
    return imported
      .filter((other) => roomOf(other) !== room && !allowed.includes(roomOf(other)))
      .map((other) => `${module} imports ${other}, and ${room} may not import ${roomOf(other)}`);
  });
}

/** Cycles in a graph, one for each set of nodes that reach each other, as a way from a node back to itself. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const cycles: (readonly string[])[] = [];
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): void => {
    const at = way.indexOf(node);
    if (at >= 0) {
      cycles.push([...way.slice(at), node]);
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return cycles;
}

/** Everything that can be reached from a node, itself aside. */
export function reachableFrom(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = [...(graph.get(start) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    waiting.push(...(graph.get(next) ?? []));
  }
  return found;
}
