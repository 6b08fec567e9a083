import { failed, ok, type Result } from '../core/result.ts';
import { toBytes, type Bytes } from './bytes.ts';
import type { Kind } from './entry.ts';

/** Directory, in each directory of a share, with a file for each name in that directory. The guest never sees it. */
export const metadataDirectory = toBytes('.virtfs_metadata');
/** The file for the share's own directory, in that directory. */
export const rootMetadata = toBytes('.virtfs_metadata_root');

/** Whether a guest can neither see nor create the name, in any directory. */
export function isReserved(name: Bytes): boolean {
  return name === metadataDirectory || name === rootMetadata;
}

/** Bits of `st_mode` for the file type. */
const kindBits = 0o170000;
const kindsByBits: Readonly<Record<number, Kind>> = {
  0o010000: 'fifo',
  0o020000: 'character-device',
  0o040000: 'directory',
  0o060000: 'block-device',
  0o100000: 'file',
  0o120000: 'symlink',
  0o140000: 'socket',
};
const bitsByKind = Object.fromEntries(
  Object.entries(kindsByBits).map(([bits, kind]) => [kind, Number(bits)]),
) as Readonly<Record<Kind, number>>;

/** Undefined for a mode without a file type, or with an unknown one. */
export function kindOf(mode: number): Kind | undefined {
  return kindsByBits[mode & kindBits];
}

export function hasKind(mode: number): boolean {
  return (mode & kindBits) !== 0;
}

export function modeOf(kind: Kind, permissions: number): number {
  return bitsByKind[kind] | permissions;
}

/** Attributes that qemu stores for a file. What is missing is taken from the host's file. */
export interface Metadata {
  /** 0 to 2^32-1, as is `gid`. */
  readonly uid?: number;
  readonly gid?: number;
  /** `st_mode`, including the file type. */
  readonly mode?: number;
  /** Device number as the kernel packs it into 32 bits. */
  readonly rdev?: number;
}

const line = /^virtfs\.(uid|gid|mode|rdev)=(-?[0-9]{1,10})$/;

/**
 * Parses a metadata file. Numbers are those of C's `%d`, so that large ones are negative. If qemu was killed while
 * writing it, the file is empty and defines nothing.
 */
export function parseMetadata(text: string): Result<Metadata, string> {
  const found: Record<string, number> = {};
  for (const [index, each] of text.replace(/\n$/, '').split('\n').entries()) {
    if (text === '') break;
    const [, name, digits] = line.exec(each) ?? [];
    const number = Number(digits);
    if (name === undefined || number < -(2 ** 31) || number >= 2 ** 32) {
      return failed(`line ${String(index + 1)} is not of the form virtfs.uid=NUMBER`);
    }
    found[name] = number >>> 0;
  }
  return ok(found);
}

/** What qemu would write. */
export function formatMetadata(metadata: Metadata): string {
  const fields = ['uid', 'gid', 'mode', 'rdev'] as const;
  return fields
    .map((name) => {
      const number = metadata[name];
      return number === undefined ? '' : `virtfs.${name}=${String(number | 0)}\n`;
    })
    .join('');
}

/** Maximum of a device's major number; larger ones cannot be created on Linux. */
export const largestMajor = 0xfff;
export const largestMinor = 0xfffff;

/** Packs a device number into 32 bits as Linux does: the bits of the minor number surround those of the major one. */
export function packDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function unpackDevice(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
