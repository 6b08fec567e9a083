import type { Digest } from '../../src/core/digest.ts';
import { failed, ok } from '../../src/core/result.ts';
import { StoreFault } from '../../src/core/fault.ts';
import { canonicalTree } from '../../src/store/canonical-tree.ts';
import { decodeDirectory, digestBytes, type DirectoryMessage } from '../../src/store/directory-message.ts';
import { flattenTree } from '../../src/store/flatten.ts';
import type { ActionResult, Bytes, ContentStore } from '../../src/store/store.ts';

/** Content without a disk under it, as a cache elsewhere has it: what is not in this interface, nobody may need of one. */
export function memoryStore(): ContentStore {
  const trees = new Map<Digest, ReadonlyMap<Digest, DirectoryMessage>>();
  const blobs = new Map<Digest, Uint8Array>();
  const results = new Map<string, ActionResult>();
  const notes = new Map<string, unknown>();
  const gone = (tree: Digest, detail: string) => ({ reason: 'damaged-tree', digest: tree, detail }) as const;
  return {
    hasTree: (tree) => Promise.resolve(trees.has(tree)),
    listTree: (tree) => {
      const messages = trees.get(tree);
      if (messages === undefined) return Promise.reject(new StoreFault(gone(tree, 'it is missing')));
      return Promise.resolve(flattenTree(tree, messages));
    },
    putTree: async ({ tree, messages }, read) => {
      if (canonicalTree(tree, messages.values())?.tree !== tree) return failed(gone(tree, 'malformed'));
      const decoded = new Map<Digest, DirectoryMessage>();
      for (const [digest, bytes] of messages) {
        const message = decodeDirectory(bytes);
        if (message !== undefined) decoded.set(digest, message);
      }
      if (trees.has(tree)) return ok(undefined);
      const files = flattenTree(tree, decoded).filter((entry) => entry.kind === 'file');
      for (const blob of new Set(files.map(({ digest }) => digest))) {
        if (digestBytes(await collect(await read(blob))) !== blob) return failed(gone(tree, 'other bytes'));
      }
      trees.set(tree, decoded);
      return ok(undefined);
    },
    removeTree: (tree) => Promise.resolve(void trees.delete(tree)),
    hasBlob: (blob) => Promise.resolve(blobs.has(blob)),
    getBlob: (blob) => Promise.resolve(blobs.get(blob)),
    putBlob: (bytes) => {
      const blob = digestBytes(bytes);
      blobs.set(blob, Uint8Array.from(bytes));
      return Promise.resolve(blob);
    },
    getResult: (key) => Promise.resolve(results.get(key)),
    putResult: (key, result) => Promise.resolve(void results.set(key, structuredClone(result))),
    getNote: (kind, name) => Promise.resolve(notes.get(`${kind}/${name}`)),
    putNote: (kind, name, value) =>
      Promise.resolve(void notes.set(`${kind}/${name}`, structuredClone(value))),
  };
}

async function collect(bytes: Bytes): Promise<Uint8Array> {
  if (bytes instanceof Uint8Array) return bytes;
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}
