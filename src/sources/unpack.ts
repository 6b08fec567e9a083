import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Parser, type ReadEntry } from 'tar';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { noRoomAt } from '../core/fault.ts';
import { compressionOf, DamagedStream, decompressed } from './decompress.ts';
import { nameParts } from './entry-name.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { findEscape } from './link-check.ts';
import { RefusedEntry, TreeWriter, type OpenFile } from './tree-writer.ts';

export interface UnpackRequest {
  /** The archive's file: a tar archive, uncompressed or in gzip, xz or bzip2. Its hash has been verified. */
  readonly archive: string;
  /** Name of the archive in failures. */
  readonly name: string;
  /** An empty directory to work in. */
  readonly into: string;
  /** File name of an archive inside this one that is the actual source. */
  readonly inner?: string;
  /** Directory below the top one that is the source, where the archive bundles it with something else. */
  readonly directory?: string;
  /** Paths below the source's directory to leave out, with everything under them. */
  readonly drop?: readonly string[];
  readonly limits?: Limits;
  /** Whether symbolic links may lead out of the tree. Undefined: they are refused. No entry is written through one in any case. */
  readonly anyLinks?: boolean;
}

/**
 * Unpacks an archive without the machine's tools, and returns the directory of the source: the archive's single top
 * directory, or everything if it has more, or what `directory` names below it. Of modes, only the owner's executable bit is kept; owners and times are not.
 */
export async function unpack(request: UnpackRequest): Promise<Result<string, Failure>> {
  let archive = request.archive;
  if (request.inner !== undefined) {
    const outer = join(request.into, 'outer');
    await mkdir(outer);
    const only = request.inner;
    const read = await readInto(request, archive, outer, (parts) => parts.at(-1) === only);
    if (!read.ok) return read;
    const found = [...read.value.nodes].filter(([, node]) => node === 'file');
    const [path] = found[0] ?? [];
    if (found.length !== 1 || path === undefined) {
      return failed({ reason: 'bad-archive', archive: request.name, why: `it does not hold ${only}` });
    }
    archive = join(outer, path);
  }
  const root = join(request.into, 'tree');
  await mkdir(root);
  const read = await readInto(request, archive, root, () => true);
  if (!read.ok) return read;
  const writer = read.value;
  const top = await readdir(root);
  const single = top.length === 1 && top[0] !== undefined && writer.nodes.get(top[0]) === 'directory';
  const prefix = [
    ...(single ? top : []),
    ...(request.directory === undefined ? [] : [request.directory]),
  ].join('/');
  if (request.directory !== undefined && writer.nodes.get(prefix) !== 'directory') {
    const why = `it has no directory ${request.directory}`;
    return failed({ reason: 'bad-archive', archive: request.name, why });
  }
  const source = join(root, prefix);
  for (const path of request.drop ?? []) writer.drop(prefix === '' ? path : `${prefix}/${path}`);
  const inside = new Map(
    [...writer.nodes]
      .filter(([path]) => prefix === '' || path.startsWith(`${prefix}/`))
      .map(([path, node]) => [prefix === '' ? path : path.slice(prefix.length + 1), node]),
  );
  const escape = request.anyLinks === true ? undefined : findEscape(inside);
  if (escape !== undefined) {
    const node = inside.get(escape);
    const target = typeof node === 'object' ? node.target : '';
    return failed(hostile(request, escape, `a link that leaves the tree, to ${target}`));
  }
  return ok(source);
}

function hostile(request: UnpackRequest, entry: string, why: string): Failure {
  return { reason: 'hostile-archive', archive: request.name, entry, why };
}

async function readInto(
  request: UnpackRequest,
  archive: string,
  root: string,
  wanted: (parts: readonly string[]) => boolean,
): Promise<Result<TreeWriter, Failure>> {
  const limits = request.limits ?? defaultLimits;
  const compression = await compressionOf(archive);
  if (compression === undefined) {
    return failed({
      reason: 'bad-archive',
      archive: request.name,
      why: 'it is not a tar archive compressed with gzip, xz or bzip2',
    });
  }
  const writer = new TreeWriter(root);
  const reader = new ArchiveReader(writer, limits, wanted);
  try {
    let bytes = 0;
    for await (const chunk of decompressed(archive, compression)) {
      bytes += chunk.length;
      if (bytes > limits.totalBytes + limits.entries * 1024) {
        throw new RefusedEntry('', `more than ${String(limits.totalBytes)} bytes in all`);
      }
      reader.push(chunk);
    }
    reader.finish();
  } catch (error) {
    reader.close();
    return failed(failureOf(error, request, root));
  }
  return ok(writer);
}

/** Drives tar's parser. All its callbacks are synchronous; faults are kept and thrown from `push` and `finish`. */
class ArchiveReader {
  readonly #parser: Parser;
  readonly #writer: TreeWriter;
  readonly #limits: Limits;
  readonly #wanted: (parts: readonly string[]) => boolean;
  #fault: unknown;
  #entries = 0;
  #bytes = 0;
  #sawEnd = false;
  #open: OpenFile | undefined;

  constructor(writer: TreeWriter, limits: Limits, wanted: (parts: readonly string[]) => boolean) {
    this.#writer = writer;
    this.#limits = limits;
    this.#wanted = wanted;
    this.#parser = new Parser({
      onReadEntry: (entry) => {
        this.#guarded(() => {
          this.#entry(entry);
        });
        entry.resume();
      },
      onwarn: (_code, message) => {
        this.#fault ??= new BadArchive(String(message));
      },
    });
    this.#parser.on('eof', () => {
      this.#sawEnd = true;
    });
    this.#parser.on('ignoredEntry', (entry: ReadEntry) => {
      this.#fault ??= new RefusedEntry(
        entry.path,
        `an entry of unknown type ${entry.type}, or a header that is too large`,
      );
    });
  }

  push(chunk: Uint8Array): void {
    this.#parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (this.#fault !== undefined) throw this.#fault;
  }

  finish(): void {
    this.#parser.end();
    if (this.#fault !== undefined) throw this.#fault;
    if (!this.#sawEnd) throw new BadArchive('its end is missing');
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  #guarded(step: () => void): void {
    if (this.#fault !== undefined) return;
    try {
      step();
    } catch (error) {
      this.#fault = error;
    }
  }

  #entry(entry: ReadEntry): void {
    this.#entries += 1;
    this.#bytes += entry.size;
    if (this.#entries > this.#limits.entries) throw new RefusedEntry(entry.path, 'too many entries');
    if (entry.size > this.#limits.fileBytes)
      throw new RefusedEntry(entry.path, `too large: ${String(entry.size)} bytes`);
    if (this.#bytes > this.#limits.totalBytes)
      throw new RefusedEntry(entry.path, 'the total size is too large');
    const parts = partsOf(entry.path, entry.path);
    switch (entry.type) {
      case 'Directory':
        if (this.#wanted(parts)) this.#writer.directory(parts, entry.path);
        return;
      case 'File':
      case 'OldFile':
      case 'ContiguousFile':
        if (parts.length === 0) throw new RefusedEntry(entry.path, 'a file without a name');
        if (this.#wanted(parts)) this.#file(entry, parts);
        return;
      case 'SymbolicLink':
        if (parts.length === 0) throw new RefusedEntry(entry.path, 'a link without a name');
        if (this.#wanted(parts)) this.#writer.symlink(parts, entry.path, linkTarget(entry));
        return;
      case 'Link':
        if (parts.length === 0) throw new RefusedEntry(entry.path, 'a link without a name');
        if (this.#wanted(parts))
          this.#writer.hardlink(parts, entry.path, partsOf(linkTarget(entry), entry.path));
        return;
      case 'CharacterDevice':
      case 'BlockDevice':
      case 'FIFO':
        throw new RefusedEntry(entry.path, 'a device or pipe');
      default:
        throw new RefusedEntry(entry.path, `an entry of type ${entry.type}`);
    }
  }

  #file(entry: ReadEntry, parts: readonly string[]): void {
    const open = this.#writer.file(parts, entry.path, ((entry.mode ?? 0) & 0o100) !== 0);
    this.#open = open;
    entry.on('data', (bytes) => {
      this.#guarded(() => {
        open.write(bytes);
      });
    });
    entry.on('end', () => {
      if (this.#open !== open) return;
      this.#open = undefined;
      open.close();
    });
  }
}

class BadArchive extends Error {}

function partsOf(name: string, entry: string): readonly string[] {
  const parts = nameParts(name);
  if (!parts.ok) throw new RefusedEntry(entry, parts.failure);
  return parts.value;
}

function linkTarget(entry: ReadEntry): string {
  const target = entry.linkpath ?? '';
  if (
    target === '' ||
    target.includes('\0') ||
    target.includes('\ufffd') ||
    Buffer.byteLength(target) > 4000
  ) {
    throw new RefusedEntry(entry.path, 'a link whose target is empty, too long or not UTF-8');
  }
  return target;
}

function failureOf(error: unknown, request: UnpackRequest, root: string): Failure {
  if (error instanceof RefusedEntry) return hostile(request, error.entry, error.message);
  if (error instanceof BadArchive || error instanceof DamagedStream) {
    return { reason: 'bad-archive', archive: request.name, why: error.message };
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const detail = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return noRoomAt(root, detail);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return { reason: 'unwritable', path: root, detail };
  throw error;
}
