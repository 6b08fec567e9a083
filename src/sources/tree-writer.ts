import {
  closeSync,
  copyFileSync,
  constants,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Node } from './link-check.ts';

/** Why an entry was refused; thrown only inside the unpacker, which turns it into a failure. */
export class RefusedEntry extends Error {
  readonly entry: string;
  constructor(entry: string, why: string) {
    super(why);
    this.entry = entry;
  }
}

/**
 * Writes the entries of an archive below an empty directory that no other process uses. It remembers every path it
 * made, so that a path through a link or a file is detected without asking the file system. Everything is synchronous:
 * this runs in a thread of its own, and 80 thousand promises cost more than the writes.
 */
export class TreeWriter {
  readonly #root: string;
  readonly nodes = new Map<string, Node>();

  constructor(root: string) {
    this.#root = root;
  }

  directory(parts: readonly string[], entry: string): void {
    let path = '';
    for (const part of parts) {
      path = path === '' ? part : `${path}/${part}`;
      const node = this.nodes.get(path);
      if (node === 'directory') continue;
      if (node === 'file') throw new RefusedEntry(entry, `its directory ${path} is a file of the archive`);
      if (node !== undefined) throw new RefusedEntry(entry, `it would be written through the link ${path}`);
      mkdirSync(join(this.#root, path), { mode: 0o755 });
      this.nodes.set(path, 'directory');
    }
  }

  /** Opens a new file; the caller writes and closes it. An existing file is replaced, as tar does. */
  file(parts: readonly string[], entry: string, executable: boolean): OpenFile {
    const path = this.#place(parts, entry, 'file');
    const fd = openSync(join(this.#root, path), 'wx', executable ? 0o755 : 0o644);
    return new OpenFile(fd);
  }

  symlink(parts: readonly string[], entry: string, target: string): void {
    const path = this.#place(parts, entry, { target });
    symlinkSync(target, join(this.#root, path));
  }

  /** A hard link becomes a copy, because trees have no inodes. */
  hardlink(parts: readonly string[], entry: string, targetParts: readonly string[]): void {
    const target = targetParts.join('/');
    const node = this.nodes.get(target);
    if (node === undefined)
      throw new RefusedEntry(entry, `a hard link to ${target}, which is not in the archive`);
    if (node === 'directory') throw new RefusedEntry(entry, `a hard link to the directory ${target}`);
    if (target === parts.join('/')) return;
    if (typeof node === 'object') {
      this.symlink(parts, entry, readlinkSync(join(this.#root, target)));
      return;
    }
    const path = this.#place(parts, entry, 'file');
    copyFileSync(join(this.#root, target), join(this.#root, path), constants.COPYFILE_EXCL);
  }

  /** Removes a path with everything below it, if it exists. */
  drop(path: string): void {
    if (!this.nodes.has(path)) return;
    rmSync(join(this.#root, path), { recursive: true, force: true });
    for (const known of [...this.nodes.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.nodes.delete(known);
    }
  }

  #place(parts: readonly string[], entry: string, node: Node): string {
    this.directory(parts.slice(0, -1), entry);
    const path = parts.join('/');
    const before = this.nodes.get(path);
    if (before !== undefined) {
      if (before === 'directory' || typeof before !== typeof node) {
        throw new RefusedEntry(entry, 'it occurs twice, as different kinds of entry');
      }
      rmSync(join(this.#root, path));
    }
    this.nodes.set(path, node);
    return path;
  }
}

/** A file being written. */
export class OpenFile {
  readonly #fd: number;
  constructor(fd: number) {
    this.#fd = fd;
  }
  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
  }
  close(): void {
    closeSync(this.#fd);
  }
}
