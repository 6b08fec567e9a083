/** What is at a path of an unpacked tree; a symbolic link has a target. */
export type Node = 'file' | 'directory' | { readonly target: string };

/**
 * The first symbolic link that leads out of the tree, if any. `..` is resolved as the kernel does, through other links:
 * `x/up -> ../..` and `evil -> x/up/../secret` each stay inside as text, but together they lead outside. Dangling links
 * inside the tree and cycles are harmless.
 */
export function findEscape(nodes: ReadonlyMap<string, Node>): string | undefined {
  for (const [path, node] of nodes) {
    if (typeof node === 'object' && escapes(path, nodes)) return path;
  }
  return undefined;
}

function escapes(path: string, nodes: ReadonlyMap<string, Node>): boolean {
  const todo = path.split('/').reverse();
  const at: string[] = [];
  let followed = 0;
  while (todo.length > 0) {
    const part = todo.pop();
    if (part === undefined || part === '' || part === '.') continue;
    if (part === '..') {
      if (at.length === 0) return true;
      at.pop();
      continue;
    }
    at.push(part);
    const node = nodes.get(at.join('/'));
    if (typeof node !== 'object') continue;
    if (node.target.startsWith('/')) return true;
    followed += 1;
    if (followed > 40) return false;
    at.pop();
    todo.push(...node.target.split('/').reverse());
  }
  return false;
}
