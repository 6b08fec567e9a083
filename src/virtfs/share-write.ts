import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { bufferOf, joinBytes, splitPath, textOf, type Bytes } from './bytes.ts';
import type { Content, Entry } from './entry.ts';
import { setTime, touchExactly } from './exact-times.ts';
import { atFile, badShare, systemCode, TarFault } from './fault.ts';
import { formatMetadata, metadataDirectory, modeOf, packDevice } from './metadata.ts';
import type { ShareRoot } from './share-root.ts';

type Attributes = Pick<Entry, 'mode' | 'uid' | 'gid'> & { readonly mtime?: bigint };

/** Attributes of directories that no entry of the tarball describes. */
const unnamed: Attributes = { mode: 0o755, uid: 0, gid: 0 };

/**
 * Writes entries into a share as the guest's root would have created them. It remembers every path it made, replaces
 * only those, and never follows a link of the host. Methods throw TarFault for entries that they refuse, and ShareFault
 * for errors of the file system.
 */
export class ShareWriter {
  readonly #root: ShareRoot;
  readonly #known = new Map<string, 'directory' | 'other'>([['', 'directory']]);
  /** Directories whose attributes must be set once everything in them is written. */
  readonly #directories = new Map<Bytes, Attributes>();
  readonly #metadataDirectories = new Set<Bytes>();
  /** Times that Node could not set exactly. */
  readonly #inexact = new Map<Bytes, bigint>();
  /** What to remove, last first, if the tarball has to be refused. */
  readonly #made: { readonly file: Bytes; readonly isDirectory: boolean }[] = [];

  constructor(root: ShareRoot) {
    this.#root = root;
  }

  async add(entry: Entry, body: AsyncIterable<Uint8Array>): Promise<void> {
    const { content, path } = entry;
    switch (content.kind) {
      case 'directory':
        this.#enter(path, entry);
        this.#directories.set(path, entry);
        return;
      case 'link':
        this.#link(entry, content.to);
        return;
      case 'file':
        await this.#file(entry, body);
        return;
      case 'symlink':
      case 'character-device':
      case 'block-device':
      case 'fifo':
        await this.#file(entry, content.kind === 'symlink' ? [bufferOf(content.target)] : []);
        return;
    }
  }

  /** Sets the attributes of directories and the times of all files. Returns how many times could not be set exactly. */
  async finish(): Promise<number> {
    const root = this.#directories.get('' as Bytes);
    for (const [path, attributes] of this.#directories) {
      if (path !== '') this.#describe(path, attributes, { kind: 'directory' });
    }
    if (root !== undefined) this.#writeMetadata(this.#root.metadata, metadataOf(root, { kind: 'directory' }));
    for (const [path, { mtime }] of this.#directories) {
      if (mtime !== undefined) this.#setTime(this.#host(path), mtime);
    }
    return touchExactly(this.#inexact);
  }

  /** Removes what was written, as far as possible. */
  undo(): void {
    for (const { file, isDirectory } of this.#made.toReversed()) {
      try {
        if (isDirectory) rmdirSync(bufferOf(file));
        else unlinkSync(bufferOf(file));
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
      }
    }
  }

  #host(path: Bytes): Bytes {
    return path === ''
      ? this.#root.path
      : (`${this.#root.path === '/' ? '' : this.#root.path}/${path}` as Bytes);
  }

  #metadataOf(path: Bytes): Bytes {
    const { directory, name } = splitPath(path);
    return this.#host(joinBytes(directory, metadataDirectory, name));
  }

  /** Makes a directory and its parents if they do not exist. */
  #enter(path: Bytes, entry: Entry): void {
    const known = this.#known.get(path);
    if (known === 'directory') return;
    if (known === 'other') {
      throw new TarFault(
        entry.path,
        path === entry.path ? twice : `its directory ${textOf(path)} is not a directory in the tarball`,
      );
    }
    this.#enter(splitPath(path).directory, entry);
    const file = this.#host(path);
    if (atFile(file, () => makeDirectory(file))) {
      this.#made.push({ file, isDirectory: true });
      this.#directories.set(path, unnamed);
    } else if (!atFile(file, () => lstatSync(bufferOf(file)).isDirectory())) {
      throw new TarFault(
        entry.path,
        path === entry.path ? exists : `its directory ${textOf(path)} is not a directory in the share`,
      );
    }
    this.#known.set(path, 'directory');
  }

  /** Makes room for a name that is not a directory. A later entry replaces an earlier one, as with tar. */
  #place(entry: Entry): Bytes {
    const { path } = entry;
    const known = this.#known.get(path);
    if (known === 'directory') throw new TarFault(path, twice);
    this.#enter(splitPath(path).directory, entry);
    const file = this.#host(path);
    if (known === 'other') {
      atFile(file, () => {
        unlinkSync(bufferOf(file));
      });
      this.#inexact.delete(file);
    }
    this.#known.set(path, 'other');
    return file;
  }

  async #file(entry: Entry, body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const file = this.#place(entry);
    const fd = this.#create(file, () => new TarFault(entry.path, exists));
    try {
      for await (const piece of body) atFile(file, () => writeAll(fd, piece));
    } finally {
      closeSync(fd);
    }
    this.#describe(entry.path, entry, entry.content);
    this.#setTime(file, entry.mtime);
  }

  #link(entry: Entry, to: Bytes): void {
    const known = this.#known.get(to);
    if (known !== 'other') {
      const what = known === undefined ? 'which has not appeared in the tarball before' : 'a directory';
      throw new TarFault(entry.path, `a hard link to ${textOf(to)}, ${what}`);
    }
    if (to === entry.path) return;
    const file = this.#place(entry);
    try {
      atFile(file, () => {
        linkSync(bufferOf(this.#host(to)), bufferOf(file));
      });
    } catch (error) {
      throw this.#isThere(file) ? new TarFault(entry.path, exists) : error;
    }
    this.#made.push({ file, isDirectory: false });
    const metadata = this.#metadataOf(entry.path);
    this.#makeMetadataDirectory(entry.path);
    removeFile(metadata);
    atFile(metadata, () => {
      linkSync(bufferOf(this.#metadataOf(to)), bufferOf(metadata));
    });
    this.#made.push({ file: metadata, isDirectory: false });
    // Under this name too, because the other one may still be replaced.
    const time = this.#inexact.get(this.#host(to));
    if (time !== undefined) this.#inexact.set(file, time);
  }

  #describe(path: Bytes, attributes: Attributes, content: Content): void {
    this.#makeMetadataDirectory(path);
    this.#writeMetadata(this.#metadataOf(path), metadataOf(attributes, content));
  }

  /** Makes the directory that contains the attributes of this path. */
  #makeMetadataDirectory(path: Bytes): void {
    const { directory } = splitPath(path);
    if (this.#metadataDirectories.has(directory)) return;
    const place = this.#host(joinBytes(directory, metadataDirectory));
    if (atFile(place, () => makeDirectory(place))) {
      this.#made.push({ file: place, isDirectory: true });
    } else if (!atFile(place, () => lstatSync(bufferOf(place)).isDirectory())) {
      throw badShare(
        place,
        'it is not a directory',
        'qemu keeps owners and modes in it: remove what is there instead.',
      );
    }
    this.#metadataDirectories.add(directory);
  }

  #writeMetadata(file: Bytes, text: string): void {
    // One may be left of a file that was removed on the host.
    removeFile(file);
    const fd = this.#create(file, () =>
      badShare(file, 'it cannot be replaced', 'Do not run a guest meanwhile.'),
    );
    try {
      atFile(file, () => writeAll(fd, Buffer.from(text)));
    } finally {
      closeSync(fd);
    }
  }

  /** Creates a file that only its owner can access, as qemu does. */
  #create(file: Bytes, onExisting: () => Error): number {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = atFile(file, () => {
      try {
        return openSync(bufferOf(file), flags, 0o600);
      } catch (error) {
        throw systemCode(error) === 'EEXIST' ? onExisting() : error;
      }
    });
    this.#made.push({ file, isDirectory: false });
    return fd;
  }

  #setTime(file: Bytes, time: bigint): void {
    if (!atFile(file, () => setTime(file, time))) this.#inexact.set(file, time);
  }

  #isThere(file: Bytes): boolean {
    return lstatSync(bufferOf(file), { throwIfNoEntry: false }) !== undefined;
  }
}

const twice = 'it occurs twice, as different kinds of entry';
const exists = 'the share already has an entry with that name';

function metadataOf({ mode, uid, gid }: Attributes, content: Content): string {
  if (content.kind === 'link') throw new Error('a hard link has no metadata of its own');
  return formatMetadata({
    uid,
    gid,
    // As on every Linux file system, whatever the tarball says.
    mode: modeOf(content.kind, content.kind === 'symlink' ? 0o777 : mode),
    ...('major' in content ? { rdev: packDevice(content.major, content.minor) } : {}),
  });
}

/** False if the name exists already. */
function makeDirectory(file: Bytes): boolean {
  try {
    mkdirSync(bufferOf(file), 0o700);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function removeFile(file: Bytes): void {
  atFile(file, () => {
    try {
      unlinkSync(bufferOf(file));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  });
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
