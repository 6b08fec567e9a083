import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { bufferOf, joinBytes, splitPath, textOf, toBytes, type Bytes } from './bytes.ts';
import type { Content, Entry, Kind } from './entry.ts';
import { atFile, badShare } from './fault.ts';
import {
  hasKind,
  isReserved,
  kindOf,
  metadataDirectory,
  parseMetadata,
  unpackDevice,
  type Metadata,
} from './metadata.ts';
import type { ShareRoot } from './share-root.ts';

/** An entry of a share, with the host's file that holds its content. */
export interface ShareMember {
  readonly entry: Entry;
  /** Absolute path. */
  readonly file: Bytes;
}

/** A socket, which a tarball cannot contain. */
export interface ShareSocket {
  readonly socket: Bytes;
}

const largestMetadata = 4096;
/** The kernel's limit, without the terminating NUL. */
const longestTarget = 4095;
const changing = 'Pack a share after its guest has ended.';

/**
 * Everything in a share as its guest sees it, directories before their contents, names in byte order. If a file has
 * several names, all but the first are links to it. Throws ShareFault.
 */
export function* readShare(root: ShareRoot): Generator<ShareMember | ShareSocket> {
  const firstNames = new Map<string, Bytes>();
  const pending: Bytes[] = ['' as Bytes];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const file = hostPath(root, path);
    const host = atFile(file, () => lstatSync(bufferOf(file), { bigint: true }));
    const hostKind = kindOf(Number(host.mode)) ?? 'file';
    const metadata = readMetadata(metadataFile(root, path));
    const kind = mappedKind(metadata, hostKind, file);
    if (kind === 'socket') {
      yield { socket: path };
      continue;
    }
    const attributes = {
      path,
      mode: (metadata.mode ?? Number(host.mode)) & 0o7777,
      uid: metadata.uid ?? Number(host.uid),
      gid: metadata.gid ?? Number(host.gid),
      mtime: host.mtimeNs,
    };
    const content = contentOf(kind, { file, host, hostKind, metadata });
    if (kind === 'directory') {
      yield { entry: { ...attributes, content }, file };
      pending.push(...namesIn(file).map((name) => joinBytes(path, name)));
      continue;
    }
    // Names with different attributes are not the same file to the guest.
    const { mode, uid, gid } = attributes;
    const identity = [host.dev, host.ino, kind, mode, uid, gid, metadata.rdev].join(':');
    const to = host.nlink > 1n ? firstNames.get(identity) : undefined;
    if (to !== undefined) {
      yield { entry: { ...attributes, content: { kind: 'link', to } }, file };
      continue;
    }
    if (host.nlink > 1n) firstNames.set(identity, path);
    yield { entry: { ...attributes, content }, file };
  }
}

/** The content of a regular file in pieces. Throws ShareFault if it no longer matches `entry`. */
export function* readContent({ entry, file }: ShareMember, pieceSize: number): Generator<Buffer> {
  if (entry.content.kind !== 'file') return;
  const { size } = entry.content;
  const fd = atFile(file, () => openPlain(file));
  try {
    for (let done = 0; done < size;) {
      // A separate buffer for each piece, because a stream may still hold the previous one.
      const piece = Buffer.allocUnsafe(Math.min(pieceSize, size - done));
      const read = atFile(file, () => readSync(fd, piece));
      if (read === 0) throw badShare(file, 'it shrank while it was being read', changing);
      done += read;
      yield piece.subarray(0, read);
    }
    const after = atFile(file, () => fstatSync(fd, { bigint: true }));
    if (after.mtimeNs !== entry.mtime || after.size !== BigInt(size)) {
      throw badShare(file, 'it changed while it was being read', changing);
    }
  } finally {
    closeSync(fd);
  }
}

function hostPath(root: ShareRoot, path: Bytes): Bytes {
  return path === '' ? root.path : (`${root.path === '/' ? '' : root.path}/${path}` as Bytes);
}

function metadataFile(root: ShareRoot, path: Bytes): Bytes {
  if (path === '') return root.metadata;
  const { directory, name } = splitPath(path);
  return hostPath(root, joinBytes(directory, metadataDirectory, name));
}

/** Last name first, because names are taken from the end. */
function namesIn(directory: Bytes): Bytes[] {
  const names = atFile(directory, () => readdirSync(bufferOf(directory), { encoding: 'latin1' })) as Bytes[];
  if (names.includes(metadataDirectory)) {
    const place = `${directory}/${metadataDirectory}` as Bytes;
    // With a link, attributes would come from outside the share; qemu does not follow one either.
    if (!atFile(place, () => lstatSync(bufferOf(place)).isDirectory())) {
      throw badShare(
        place,
        'it is not a directory',
        'qemu keeps owners and modes in it: remove what is there instead.',
      );
    }
  }
  return names
    .filter((name) => !isReserved(name))
    .sort()
    .reverse();
}

/** Neither follows a link nor waits for the other end of a pipe. */
function openPlain(file: Bytes): number {
  return openSync(bufferOf(file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

function readMetadata(file: Bytes): Metadata {
  const text = readSmall(file, largestMetadata);
  if (text === undefined) return {};
  const parsed = typeof text === 'string' ? parseMetadata(text) : undefined;
  if (parsed?.ok === true) return parsed.value;
  throw badShare(
    file,
    parsed === undefined ? 'it is not the metadata of a share' : parsed.failure,
    "Fix it, or remove it to use the owner and mode of the host's file.",
  );
}

/**
 * The whole content of a regular file; undefined if it does not exist, false if it is not a regular file or is larger
 * than `largest`.
 */
function readSmall(file: Bytes, largest: number): Bytes | false | undefined {
  try {
    const fd = openPlain(file);
    try {
      if (!fstatSync(fd).isFile()) return false;
      const buffer = Buffer.alloc(largest + 1);
      const size = readSync(fd, buffer);
      return size <= largest && toBytes(buffer.subarray(0, size));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'ENXIO') return false;
    return atFile(file, () => {
      throw error;
    });
  }
}

function mappedKind(metadata: Metadata, hostKind: Kind, file: Bytes): Kind {
  if (metadata.mode === undefined || !hasKind(metadata.mode)) return hostKind;
  const kind = kindOf(metadata.mode);
  // Everything except directories is a regular file on the host.
  if (kind !== undefined && (kind === hostKind || (hostKind === 'file' && kind !== 'directory'))) return kind;
  throw badShare(
    file,
    `it is a ${hostKind}, but its metadata has the mode ${metadata.mode.toString(8)} (octal)`,
    `Remove its file in ${textOf(metadataDirectory)} to use the owner and mode of the host's file.`,
  );
}

interface HostFile {
  readonly file: Bytes;
  readonly host: { readonly size: bigint; readonly rdev: bigint };
  readonly hostKind: Kind;
  readonly metadata: Metadata;
}

function contentOf(kind: Exclude<Kind, 'socket'>, { file, host, hostKind, metadata }: HostFile): Content {
  switch (kind) {
    case 'file':
      return { kind, size: Number(host.size) };
    case 'symlink':
      return { kind, target: linkTarget(file, hostKind) };
    case 'character-device':
    case 'block-device':
      return { kind, ...unpackDevice(metadata.rdev ?? (hostKind === 'file' ? 0 : Number(host.rdev))) };
    case 'directory':
    case 'fifo':
      return { kind };
  }
}

/** Links made by the guest are regular files; one made on the host is a link, and keeps its target. */
function linkTarget(file: Bytes, hostKind: Kind): Bytes {
  const target =
    hostKind === 'symlink'
      ? toBytes(atFile(file, () => readlinkSync(bufferOf(file), { encoding: 'buffer' })))
      : readSmall(file, longestTarget);
  if (target === undefined) throw badShare(file, 'it vanished while the share was being read', changing);
  if (target === false || target === '' || target.includes('\0')) {
    throw badShare(
      file,
      'it should contain the target of a symbolic link, but does not',
      'Create the link again in the guest, or remove it.',
    );
  }
  return target;
}
