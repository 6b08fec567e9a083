import { digestParts, type Digest } from '../core/digest.ts';
import type { Product } from '../plan/action.ts';
import type { TreeEntry } from '../store/store.ts';

/** The contents of a finished product as a list of files: enough to copy, check and describe it. Plain data. */
export type ProductContent =
  | { readonly kind: 'file'; readonly sha256: string; readonly size: number; readonly executable: boolean }
  | { readonly kind: 'directory'; readonly entries: readonly ContentEntry[] };

/** One entry of a directory product; paths are relative to it, parents before children. */
export type ContentEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly sha256: string;
      readonly size: number;
      readonly executable: boolean;
    }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string };

/** A product that is in the output directory now. */
export interface PublishedProduct {
  readonly product: Product;
  readonly content: ProductContent;
  /** Whether it had to be copied. */
  readonly written: boolean;
}

/**
 * The part of a tree that is a product.
 *
 * @param at path inside the tree; empty for the whole tree
 * @returns undefined if the tree contains nothing there that can be a product
 */
export function contentOf(entries: readonly TreeEntry[], at: string): ProductContent | undefined {
  if (at !== '') {
    const entry = entries.find(({ path }) => path === at);
    if (entry?.kind === 'file') return { kind: 'file', ...fileFacts(entry) };
    if (entry?.kind !== 'directory') return undefined;
  }
  const prefix = at === '' ? '' : `${at}/`;
  const inside = entries.filter(({ path }) => path.startsWith(prefix));
  return {
    kind: 'directory',
    entries: inside.map((entry) => contentEntry(entry, entry.path.slice(prefix.length))),
  };
}

/** Total size of a product's files, in bytes. */
export function sizeOf(content: ProductContent): number {
  if (content.kind === 'file') return content.size;
  return content.entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
}

function contentEntry(entry: TreeEntry, path: string): ContentEntry {
  if (entry.kind === 'directory') return { kind: 'directory', path };
  if (entry.kind === 'symlink') return { kind: 'symlink', path, target: entry.target };
  return { kind: 'file', path, ...fileFacts(entry) };
}

function fileFacts(file: { readonly digest: Digest; readonly executable: boolean }): {
  readonly sha256: string;
  readonly size: number;
  readonly executable: boolean;
} {
  const { hash, size } = digestParts(file.digest);
  return { sha256: hash, size, executable: file.executable };
}
