import { Header, types } from 'tar';
import { fieldBytes, textOf, toBytes, type Bytes } from './bytes.ts';
import { parseDecimalTime, type Content, type Entry } from './entry.ts';
import { archivePath } from './archive-path.ts';
import { BlockReader } from './block-reader.ts';
import { TarFault } from './fault.ts';
import { largestMajor, largestMinor } from './metadata.ts';

/** An entry of a tarball, with the content of a file; content that is not read is skipped. */
export interface TarMember {
  readonly entry: Entry;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Preceding headers with values that do not fit the entry's own header: pax fields and GNU tar's long names. */
type Extended = Map<string, Bytes>;

const largestExtension = 1 << 20;
const largestOwner = 2 ** 32 - 1;

/**
 * Reads an uncompressed tarball: ustar, pax, and GNU tar's extensions except for sparse files. tar's own parser
 * converts names to UTF-8 and times to milliseconds, and splits pax values at newlines; only that package's decoding of
 * header numbers is used. Throws TarFault.
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember> {
  const reader = new BlockReader(chunks);
  try {
    yield* members(reader);
    await reader.drain();
  } finally {
    await reader.close();
  }
}

async function* members(reader: BlockReader): AsyncGenerator<TarMember> {
  const global: Extended = new Map();
  let extended: Extended = new Map();
  for (;;) {
    const block = await reader.take(512);
    const header = decode(block);
    if (header.nullBlock) return;
    const type = typeOf(block);
    const own = fieldBytes(block.subarray(0, 100));
    switch (type) {
      case 'GlobalExtendedHeader':
      case 'ExtendedHeader':
      case 'OldExtendedHeader': {
        const into = type === 'GlobalExtendedHeader' ? global : extended;
        for (const [key, value] of extendedFields(await takeExtension(reader, header, own)))
          into.set(key, value);
        if (global.has('path') || global.has('linkpath') || global.has('size')) {
          throw new TarFault(own, 'a global header that names files');
        }
        continue;
      }
      case 'NextFileHasLongPath':
        extended.set('path', fieldBytes(await takeExtension(reader, header, own)));
        continue;
      case 'NextFileHasLongLinkpath':
        extended.set('linkpath', fieldBytes(await takeExtension(reader, header, own)));
        continue;
    }
    const fields = new Map([...global, ...extended]);
    extended = new Map();
    const entry = entryOf(block, header, fields);
    const size = entry.content.kind === 'file' ? entry.content.size : 0;
    const body = reader.body(size);
    yield { entry, body };
    // Skip content that the caller did not read.
    while ((await body.next()).done !== true) continue;
    await reader.take((512 - (size % 512)) % 512);
  }
}

function decode(block: Buffer): Header {
  let header: Header;
  try {
    // With a dummy name, because a file whose own name is truncated here, right after a slash, would become a
    // directory.
    header = new Header(block, 0, { path: 'name' });
  } catch {
    // A number beyond 2^53.
    throw new TarFault(fieldBytes(block.subarray(0, 100)), 'a header with an impossible number');
  }
  if (!header.nullBlock && !header.cksumValid) {
    throw new TarFault(toBytes(''), 'it is damaged or not a tar archive: the checksum of a header is wrong');
  }
  return header;
}

function typeOf(block: Buffer): types.EntryTypeName {
  const code = fieldBytes(block.subarray(156, 157)) as string;
  return (types.isCode(code) ? types.name.get(code) : undefined) ?? 'Unsupported';
}

async function takeExtension(reader: BlockReader, header: Header, name: Bytes): Promise<Buffer> {
  const size = header.size ?? 0;
  if (size > largestExtension) throw new TarFault(name, 'a header that is too large');
  const body = await reader.take(size);
  await reader.take((512 - (size % 512)) % 512);
  return body;
}

/**
 * `LENGTH KEY=VALUE` lines, where the length is that of the whole line in bytes, so that values may contain newlines.
 */
function extendedFields(body: Buffer): [string, Bytes][] {
  const fields: [string, Bytes][] = [];
  for (let at = 0; at < body.length;) {
    const length = Number(/^[0-9]{1,7}(?= )/.exec(body.toString('latin1', at, at + 8))?.[0]);
    const record = body.toString('latin1', at, at + length);
    const match = /^[0-9]+ ([^=\n]+)=([^]*)\n$/.exec(record);
    if (match === null || record.length !== length) {
      throw new TarFault(toBytes(''), 'it is damaged: an extended header cannot be read');
    }
    const [, key = '', value = ''] = match;
    fields.push([key, value as Bytes]);
    at += length;
  }
  return fields;
}

function entryOf(block: Buffer, header: Header, fields: Extended): Entry {
  const raw = field(fields, 'path') ?? headerPath(block);
  for (const key of fields.keys()) {
    if (key.startsWith('GNU.sparse.')) throw sparse(raw);
  }
  const path = archivePath(raw, raw);
  const number = (key: 'uid' | 'gid' | 'size', own: number | undefined): number => {
    const text = field(fields, key);
    return text === undefined ? (own ?? 0) : /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
  };
  const uid = number('uid', header.uid);
  const gid = number('gid', header.gid);
  if (!isOwner(uid) || !isOwner(gid)) throw new TarFault(raw, 'an owner that is not a number below 2^32');
  const size = number('size', header.size);
  if (!Number.isSafeInteger(size) || size < 0) throw new TarFault(raw, 'an impossible size');
  return {
    path,
    mode: (header.mode ?? 0) & 0o7777,
    uid,
    gid,
    mtime: timeOf(header, fields, raw),
    content: contentOf(block, fields, { raw, path, size }),
  };
}

/** A pax field with an empty value counts as missing. */
function field(fields: Extended, key: string): Bytes | undefined {
  const value = fields.get(key);
  return value === '' ? undefined : value;
}

/** POSIX's header has a field for the first part of a long name; GNU's has other data there. */
function headerPath(block: Buffer): Bytes {
  const name = fieldBytes(block.subarray(0, 100));
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? fieldBytes(block.subarray(345, 500)) : '';
  return (prefix === '' ? name : `${prefix}/${name}`) as Bytes;
}

function isOwner(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= largestOwner;
}

function timeOf(header: Header, fields: Extended, raw: Bytes): bigint {
  const text = field(fields, 'mtime');
  const seconds = (header.mtime?.getTime() ?? 0) / 1000;
  const time = text !== undefined ? parseDecimalTime(text) : parseDecimalTime(String(seconds));
  if (time === undefined) throw new TarFault(raw, 'a time that cannot be read');
  return time;
}

function contentOf(
  block: Buffer,
  fields: Extended,
  { raw, path, size }: { readonly raw: Bytes; readonly path: Bytes; readonly size: number },
): Content {
  const linkName = (): Bytes => {
    const name = field(fields, 'linkpath') ?? fieldBytes(block.subarray(157, 257));
    if (name === '') throw new TarFault(raw, 'a link to nothing');
    return name;
  };
  const type = typeOf(block);
  if (path === '' && type !== 'Directory') throw new TarFault(raw, 'an entry without a name');
  switch (type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      // Archives from before POSIX mark directories with a trailing slash only.
      if (raw.endsWith('/')) return { kind: 'directory' };
      return { kind: 'file', size };
    case 'Directory':
      return { kind: 'directory' };
    case 'SymbolicLink': {
      const target = linkName();
      if (target.length > 4095 || target.includes('\0'))
        throw new TarFault(raw, 'a link target that is too long');
      return { kind: 'symlink', target };
    }
    case 'Link':
      if (size !== 0) throw new TarFault(raw, 'a hard link with content of its own');
      return { kind: 'link', to: archivePath(linkName(), raw) };
    case 'CharacterDevice':
    case 'BlockDevice': {
      // tar's class reads these only from POSIX headers, although GNU's have them in the same place.
      const major = octal(block.subarray(329, 337));
      const minor = octal(block.subarray(337, 345));
      if (!(major <= largestMajor && minor <= largestMinor)) {
        throw new TarFault(
          raw,
          `a device number that Linux does not have: ${String(major)}:${String(minor)}`,
        );
      }
      return { kind: type === 'CharacterDevice' ? 'character-device' : 'block-device', major, minor };
    }
    case 'FIFO':
      return { kind: 'fifo' };
    case 'SparseFile':
      throw sparse(raw);
    default:
      throw new TarFault(
        raw,
        `an entry of type '${textOf(toBytes(block.subarray(156, 157)))}', which is not a file`,
      );
  }
}

/** Zero for a blank field, NaN if it is not a number. */
function octal(bytes: Uint8Array): number {
  const text = fieldBytes(bytes).trim();
  return /^[0-7]*$/.test(text) ? Number(`0o0${text}`) : NaN;
}

function sparse(raw: Bytes): TarFault {
  return new TarFault(raw, 'a sparse file: make the tarball without --sparse');
}
