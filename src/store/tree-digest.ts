import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  lutimesSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { digest, type Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import {
  digestBytes,
  encodeDirectory,
  encodeTree,
  type DirectoryNode,
  type FileNode,
  type SymlinkNode,
} from './directory-message.ts';
import { catchFailures, StoreFault } from '../core/fault.ts';
import { TimeSlice } from './time-slice.ts';

export interface DigestOptions {
  /**
   * Seconds since 1970. If given, every file gets this modification time and mode 0644 or 0755 (0755 if its owner may
   * execute it), every directory mode 0755; links get the time only.
   */
  readonly normalise?: number;
}

/** A directory as seen by `digestDirectory`. */
export interface DigestedDirectory {
  /** Digest of the root's `Directory` message. */
  readonly tree: Digest;
  /** Encoded `Tree` message: the root and every distinct directory below it, parents first. */
  readonly message: Uint8Array;
  /** Number of files, not counting links. */
  readonly files: number;
  /** Total size of all files, in bytes. */
  readonly bytes: number;
}

/**
 * Canonical digest of a directory: names, bytes, executable bits and link targets; no times, owners or other modes.
 * Everything is read; nothing is changed unless `normalise` is given.
 *
 * Fails with `unfit-tree` on sockets, devices, pipes, and on names or link targets that are not UTF-8 (the messages
 * cannot hold those). The directory must exist and must not change meanwhile.
 */
export async function digestDirectory(
  directory: string,
  options: DigestOptions = {},
): Promise<Result<DigestedDirectory, Failure>> {
  return catchFailures(directory, async () => {
    const walk = new Walk(options.normalise);
    const root = await walk.directory(directory, lstatSync(directory));
    const children = [...walk.messages.values()].reverse().filter((child) => child !== root.message);
    return ok({
      tree: root.digest,
      message: encodeTree(root.message, children),
      files: walk.files,
      bytes: walk.bytes,
    });
  });
}

/** Digest of the contents of one file, read in pieces. */
export async function digestFile(path: string): Promise<Digest> {
  return new Walk(undefined).contents(path);
}

/** One pass over a directory; throws a `StoreFault` for errors that the user can do something about. */
class Walk {
  /** Encoded messages by digest, children before their parents. */
  readonly messages = new Map<Digest, Uint8Array>();
  files = 0;
  bytes = 0;
  readonly #time: number | undefined;
  readonly #slice = new TimeSlice();
  readonly #buffer = Buffer.allocUnsafe(1 << 18);

  constructor(time: number | undefined) {
    this.#time = time;
  }

  async directory(path: string, stats: Stats): Promise<{ digest: Digest; message: Uint8Array }> {
    if (!stats.isDirectory()) throw unfit(path, 'is not a directory');
    // Set modes before reading: a directory that its owner may not enter would stop the walk.
    this.#setMode(path, stats, 0o755);
    const files: FileNode[] = [];
    const directories: DirectoryNode[] = [];
    const symlinks: SymlinkNode[] = [];
    for (const name of readNames(path)) {
      if (this.#slice.spent) await this.#slice.giveWay();
      const entry = `${path}/${name}`;
      const found = lstatSync(entry);
      if (found.isFile()) {
        const executable = (found.mode & 0o100) !== 0;
        this.#setMode(entry, found, executable ? 0o755 : 0o644);
        const content = found.size < this.#buffer.length ? this.#small(entry) : await this.contents(entry);
        files.push({ name, digest: content, executable });
        this.#setTime(entry, found);
      } else if (found.isDirectory()) {
        directories.push({ name, digest: (await this.directory(entry, found)).digest });
      } else if (found.isSymbolicLink()) {
        symlinks.push({ name, target: readTarget(entry) });
        this.#setTime(entry, found);
      } else {
        throw unfit(entry, `is ${kindOf(found)}`);
      }
    }
    this.#setTime(path, stats);
    const message = encodeDirectory({ files, directories, symlinks });
    const own = digestBytes(message);
    // Identical directories share one message. It keeps its first position, so that children precede all their parents.
    const known = this.messages.get(own);
    if (known === undefined) this.messages.set(own, message);
    return { digest: own, message: known ?? message };
  }

  /** Digest of a file of any size. */
  async contents(path: string): Promise<Digest> {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const hash = createHash('sha256');
      let size = 0;
      for (;;) {
        if (this.#slice.spent) await this.#slice.giveWay();
        // The buffer is shared, but nothing else in this walk runs while a file is read.
        const count = readSync(descriptor, this.#buffer, 0, this.#buffer.length, null);
        if (count === 0) break;
        hash.update(this.#buffer.subarray(0, count));
        size += count;
      }
      return this.#counted(hash.digest('hex'), size);
    } finally {
      closeSync(descriptor);
    }
  }

  /** The same for a file that should fit the buffer, with as few system calls as possible. */
  #small(path: string): Digest {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const hash = createHash('sha256');
      let size = 0;
      let count: number;
      do {
        count = readSync(descriptor, this.#buffer, 0, this.#buffer.length, null);
        hash.update(this.#buffer.subarray(0, count));
        size += count;
      } while (count === this.#buffer.length);
      return this.#counted(hash.digest('hex'), size);
    } finally {
      closeSync(descriptor);
    }
  }

  #counted(hash: string, size: number): Digest {
    this.files += 1;
    this.bytes += size;
    return digest(`${hash}-${String(size)}`);
  }

  #setMode(path: string, stats: Stats, mode: number): void {
    if (this.#time !== undefined && (stats.mode & 0o7777) !== mode) chmodSync(path, mode);
  }

  #setTime(path: string, stats: Stats): void {
    if (this.#time !== undefined && stats.mtimeMs !== this.#time * 1000) {
      lutimesSync(path, this.#time, this.#time);
    }
  }
}

/** Node replaces bytes that are not UTF-8 by U+FFFD; only names that contain it need a second look. */
function readNames(directory: string): string[] {
  const names = readdirSync(directory);
  if (!names.some((name) => name.includes('\ufffd'))) return names;
  for (const bytes of readdirSync(directory, { encoding: 'buffer' })) {
    if (!Buffer.from(bytes.toString()).equals(bytes)) {
      throw unfit(`${directory}/${bytes.toString()}`, 'has a name that is not UTF-8');
    }
  }
  return names;
}

function readTarget(path: string): string {
  const target = readlinkSync(path);
  if (target.includes('\ufffd')) {
    const bytes = readlinkSync(path, { encoding: 'buffer' });
    if (!Buffer.from(target).equals(bytes)) throw unfit(path, 'links to a name that is not UTF-8');
  }
  return target;
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) return 'a socket';
  if (stats.isFIFO()) return 'a pipe';
  return 'a device';
}

function unfit(path: string, why: string): StoreFault {
  return new StoreFault({ reason: 'unfit-tree', path, why });
}
