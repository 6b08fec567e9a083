import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Under this a file system counts as full: some of what filled it may have been cleaned up in the meantime. */
const least = { bytes: 16 * 1024 * 1024, inodes: 64 };

/** What the file system of `path` is short of, in words; undefined if it is short of nothing, or if that is unknown. */
export function shortageAt(path: string): string | undefined {
  const room = roomAt(path);
  if (room === undefined) return undefined;
  return room.bytes < least.bytes ? `${mebibytes(room.bytes)} MiB are left` : shortageOfInodes(room);
}

/** A text if a file system that reports being full has space for bytes but not for files. */
export function inodeShortageAt(path: string): string | undefined {
  const room = roomAt(path);
  return room === undefined ? undefined : shortageOfInodes(room);
}

interface Room {
  readonly bytes: number;
  /** Files that still fit; undefined on file systems that have no such limit. */
  readonly inodes: number | undefined;
}

function shortageOfInodes({ bytes, inodes }: Room): string | undefined {
  if (inodes === undefined || inodes >= least.inodes || mebibytes(bytes) === 0) return undefined;
  return `it is out of inodes: ${mebibytes(bytes)} MiB are left, but it can hold no more files`;
}

/** The path itself may not exist: its parents are on the same file system. */
function roomAt(path: string): Room | undefined {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(path);
    return { bytes: bavail * bsize, inodes: files > 0 ? ffree : undefined };
  } catch {
    return dirname(path) === path ? undefined : roomAt(dirname(path));
  }
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}
