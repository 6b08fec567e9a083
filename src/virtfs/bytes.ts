import type { Brand } from '../core/brand.ts';

/**
 * A name, path or link target as on Linux: any bytes except NUL, each represented by the character of the same number.
 * Names that are not UTF-8 are therefore preserved, and code-unit order is byte order.
 */
export type Bytes = Brand<'Bytes'>;

/** From bytes as stored in a file, or from text, as UTF-8. */
export function toBytes(source: Uint8Array | string): Bytes {
  const buffer = typeof source === 'string' ? Buffer.from(source) : Buffer.from(source);
  return buffer.toString('latin1') as Bytes;
}

/** For file system calls and file contents. */
export function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** For display: UTF-8 if it is valid, and nothing that would move a terminal's cursor. */
export function textOf(bytes: Bytes): string {
  const control = (character: string): string =>
    `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
  return bufferOf(bytes)
    .toString('utf8')
    .replace(/[\0-\x1f\x7f-\x9f]/g, control);
}

/** Joins the parts of a path; empty ones are left out, so that an empty path is the root of what it is relative to. */
export function joinBytes(...parts: readonly Bytes[]): Bytes {
  return parts.filter((part) => part !== '').join('/') as Bytes;
}

/** Directory and last component of a relative path; the directory is empty for a name at the root. */
export function splitPath(path: Bytes): { readonly directory: Bytes; readonly name: Bytes } {
  const cut = path.lastIndexOf('/');
  return { directory: path.slice(0, Math.max(cut, 0)) as Bytes, name: path.slice(cut + 1) as Bytes };
}

/** What precedes the first NUL, as in a field of fixed length. */
export function fieldBytes(field: Uint8Array): Bytes {
  const end = field.indexOf(0);
  return toBytes(end < 0 ? field : field.subarray(0, end));
}
