import { Header, type HeaderData, type types } from 'tar';
import { bufferOf, type Bytes } from './bytes.ts';
import { decimalTime, splitTime, type Content, type Entry } from './entry.ts';

const typeNames: Readonly<Record<Content['kind'], types.EntryTypeName>> = {
  file: 'File',
  directory: 'Directory',
  symlink: 'SymbolicLink',
  link: 'Link',
  'character-device': 'CharacterDevice',
  'block-device': 'BlockDevice',
  fifo: 'FIFO',
};

/** Largest number of seconds that fits the header in octal. */
const latestSecond = 0o77777777777n;
const fieldLength = 100;

/**
 * The blocks before the content of an entry. Names of more than 100 bytes and numbers that do not fit in octal are
 * written as by GNU tar, which busybox and toybox read too; a time that is not a whole number of seconds goes into a
 * pax header.
 */
export function tarHead(entry: Entry): Buffer {
  const { content } = entry;
  const name = entryName(entry);
  const linkName =
    content.kind === 'symlink' ? content.target : content.kind === 'link' ? content.to : undefined;
  const { seconds, nanoseconds } = splitTime(entry.mtime);
  const fits = seconds >= 0n && seconds <= latestSecond;
  const blocks: Buffer[] = [];
  if (nanoseconds !== 0n || !fits) blocks.push(extendedHeader('mtime', decimalTime(entry.mtime)));
  if (linkName !== undefined && linkName.length > fieldLength) {
    blocks.push(longName('NextFileHasLongLinkpath', linkName));
  }
  if (name.length > fieldLength) blocks.push(longName('NextFileHasLongPath', name));
  blocks.push(
    header(name, linkName, {
      type: typeNames[content.kind],
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: content.kind === 'file' ? content.size : 0,
      mtime: new Date(Number(fits ? seconds : 0n) * 1000),
      ...('major' in content ? { devmaj: content.major, devmin: content.minor } : {}),
    }),
  );
  return Buffer.concat(blocks);
}

/** Padding after the content of a file of this size, up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512);
}

/** The end of an archive, padded to a whole record of twenty blocks. */
export function tarEnd(bytesBefore: number): Buffer {
  const record = 20 * 512;
  return Buffer.alloc(1024 + ((record - ((bytesBefore + 1024) % record)) % record));
}

/** As GNU tar writes it: with a slash after directories. */
function entryName(entry: Entry): Bytes {
  if (entry.content.kind !== 'directory') return entry.path;
  return (entry.path === '' ? './' : `${entry.path}/`) as Bytes;
}

/**
 * tar's own class would write names as UTF-8, and truncate them at character boundaries, so it is given the numbers
 * only.
 */
function header(name: Bytes, linkName: Bytes | undefined, fields: HeaderData): Buffer {
  const block = Buffer.alloc(512);
  new Header({ ...fields, path: '' }).encode(block);
  // Readers take a name that ends in a slash for a directory, some of them before they look at the long name.
  const cut = name.length > fieldLength ? name.slice(0, fieldLength).replace(/\/+$/, '') : name;
  bufferOf(cut as Bytes).copy(block);
  if (linkName !== undefined) bufferOf(linkName).copy(block, 157, 0, fieldLength);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function longName(type: types.EntryTypeName, name: Bytes): Buffer {
  return meta('././@LongLink' as Bytes, type, Buffer.concat([bufferOf(name), Buffer.alloc(1)]));
}

function extendedHeader(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  // The length includes its own digits.
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return meta('././@PaxHeader' as Bytes, 'ExtendedHeader', Buffer.from(`${String(length)}${rest}`));
}

function meta(name: Bytes, type: types.EntryTypeName, body: Buffer): Buffer {
  const fields = { type, mode: 0o644, uid: 0, gid: 0, size: body.length, mtime: new Date(0) };
  return Buffer.concat([header(name, undefined, fields), body, tarPadding(body.length)]);
}
