import type { Brand } from '../core/brand.ts';

/**
 * A name, path or link target as Linux has them: any bytes but NUL, each as the character of the same number. So
 * names that are no UTF-8 stay what they are, and order by code unit is order by byte.
 */
export type Bytes = Brand<'Bytes'>;

/** From bytes as they lie in a file, or from text, as UTF-8. */
export function toBytes(source: Uint8Array | string): Bytes {
  const buffer = typeof source === 'string' ? Buffer.from(source) : Buffer.from(source);
  return buffer.toString('latin1') as Bytes;
}

/** For the file system and for files. */
export function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** For people: UTF-8 where it is that, and nothing that would move a terminal's cursor. */
export function textOf(bytes: Bytes): string {
  const control = (character: string): string =>
    `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
  return bufferOf(bytes)
    .toString('utf8')
    .replace(/[\0-\x1f\x7f-\x9f]/g, control);
}

/** A path of these parts; empty ones are left out, so that an empty path is the root of what it is relative to. */
export function joinBytes(...parts: readonly Bytes[]): Bytes {
  return parts.filter((part) => part !== '').join('/') as Bytes;
}

/** Directory and last name of a relative path; the directory is empty for a name at the root. */
export function splitPath(path: Bytes): { readonly directory: Bytes; readonly name: Bytes } {
  const cut = path.lastIndexOf('/');
  return { directory: path.slice(0, Math.max(cut, 0)) as Bytes, name: path.slice(cut + 1) as Bytes };
}

/** What stands before the first NUL, as in a field of fixed length. */
export function fieldBytes(field: Uint8Array): Bytes {
  const end = field.indexOf(0);
  return toBytes(end < 0 ? field : field.subarray(0, end));
}
