import { createHash } from 'node:crypto';
import { chmod, copyFile, constants, lstat, mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { compileSchema } from '../inputs/compile-schema.ts';
import type { Product } from '../plan/action.ts';
import type { Store } from '../store/store.ts';
import { contentOf, type ProductContent, type PublishedProduct } from './content.ts';
import { findObstacle } from './obstacle.ts';
import { asidePath, sumsName, temporaryPath } from './out-directory.ts';
import { swap } from './swap.ts';

/** What the store remembers of a product in an output directory. */
interface Note {
  readonly tree: string;
  readonly path: string;
  readonly content: ProductContent;
  /** Size and times of everything that was written, by relative path. */
  readonly stats: Readonly<Record<string, string>>;
}

const text = { type: 'string' } as const;
const fileFields = { sha256: text, size: { type: 'integer' }, executable: { type: 'boolean' } } as const;
const noteCheck = compileSchema({
  type: 'object',
  required: ['tree', 'path', 'content', 'stats'],
  properties: {
    tree: text,
    path: text,
    content: {
      type: 'object',
      required: ['kind'],
      discriminator: { propertyName: 'kind' },
      oneOf: [
        { required: Object.keys(fileFields), properties: { kind: { const: 'file' }, ...fileFields } },
        {
          required: ['entries'],
          properties: {
            kind: { const: 'directory' },
            entries: {
              type: 'array',
              items: {
                type: 'object',
                required: ['kind', 'path'],
                properties: { path: text, target: text, ...fileFields },
              },
            },
          },
        },
      ],
    },
    stats: { type: 'object', additionalProperties: text },
  },
});

/**
 * The contents of a product if, according to stat records, the output directory has it unchanged; undefined otherwise.
 * `tree` is the tree that it should be taken from.
 */
async function findPublished(
  store: Store,
  directory: string,
  product: Product,
  tree: Digest,
): Promise<ProductContent | undefined> {
  const note = await untouchedNote(store, directory, product.name);
  return note?.tree === tree && note.path === product.path ? note.content : undefined;
}

/** The contents of a product of any run if, according to stat records, the output directory has it unchanged. */
export async function untouchedContent(
  store: Store,
  directory: string,
  name: string,
): Promise<ProductContent | undefined> {
  return (await untouchedNote(store, directory, name))?.content;
}

async function untouchedNote(store: Store, directory: string, name: string): Promise<Note | undefined> {
  const note = readNote(await store.getNote('products', noteName(directory, name)));
  if (note === undefined) return undefined;
  const stats = await statsOf(path.join(directory, name), note.content);
  return stats !== undefined && sameStats(stats, note.stats) ? note : undefined;
}

/** A note that does not have our format is ignored: the product is copied again. */
function readNote(value: unknown): Note | undefined {
  return noteCheck()(value) ? (value as Note) : undefined;
}

/** Copies a product out of the store, and renames it into place once it is complete. */
export async function publishProduct(
  store: Store,
  directory: string,
  product: Product,
  tree: Digest,
): Promise<Result<PublishedProduct, Failure>> {
  const known = await findPublished(store, directory, product, tree);
  if (known !== undefined) return ok({ product, content: known, written: false });
  const verified = await store.verifyTree(tree);
  if (!verified.ok) return verified;
  const content = contentOf(await store.listTree(tree), product.path);
  if (content === undefined) {
    const place = `${product.ref.action}:${product.ref.output}`;
    return failed({
      reason: 'plan-fault',
      faults: [`product ${product.name}: ${place} has no ${product.path}`],
    });
  }
  const obstacle = await findObstacle(directory, product.name, content.kind);
  if (obstacle !== undefined) return failed(obstacle);
  const unfinished = temporaryPath(directory, product.name);
  const target = path.join(directory, product.name);
  try {
    await copyContent(path.join(store.treePath(tree), product.path), unfinished, content);
    // Rewritten once all products are in place: after a kill in between, a missing list is better than wrong checksums.
    await rm(path.join(directory, sumsName), { force: true });
    await swap(unfinished, target, asidePath(directory, product.name));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
  const stats = (await statsOf(target, content)) ?? {};
  const note: Note = { tree, path: product.path, content, stats };
  await store.putNote('products', noteName(directory, product.name), note);
  return ok({ product, content, written: true });
}

async function copyContent(from: string, to: string, content: ProductContent): Promise<void> {
  if (content.kind === 'file') {
    await copyOne(from, to, content.executable);
    return;
  }
  await mkdir(to, { mode: 0o755 });
  for (const entry of content.entries) {
    const place = path.join(to, entry.path);
    if (entry.kind === 'directory') await mkdir(place, { mode: 0o755 });
    else if (entry.kind === 'symlink') await symlink(entry.target, place);
    else await copyOne(path.join(from, entry.path), place, entry.executable);
  }
}

async function copyOne(from: string, to: string, executable: boolean): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, executable ? 0o755 : 0o644);
}

/** Undefined if something is missing or has another type. */
async function statsOf(target: string, content: ProductContent): Promise<Note['stats'] | undefined> {
  const paths = content.kind === 'file' ? [''] : ['', ...content.entries.map((entry) => entry.path)];
  const stats: Record<string, string> = {};
  for (const relative of paths) {
    const found = await lstat(path.join(target, relative), { bigint: true }).catch(() => undefined);
    if (found === undefined) return undefined;
    // A directory's time changes when a name is added or removed in it, which has to be noticed.
    stats[relative] =
      `${found.mode.toString(8)} ${found.size} ${found.ino} ${found.mtimeNs} ${found.ctimeNs}`;
  }
  return stats;
}

function sameStats(a: Note['stats'], b: Note['stats']): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function noteName(directory: string, name: string): string {
  return createHash('sha256').update(path.join(directory, name)).digest('hex');
}
