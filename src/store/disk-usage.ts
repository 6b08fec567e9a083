import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { errorCode } from '../core/fault.ts';
import { TimeSlice } from './time-slice.ts';

/** What disappears meanwhile or may not be read (overlay work directories) counts as nothing. */
const invisible: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/** Space on disk taken by a file, or by a directory with everything in it. */
export interface DiskUsage {
  readonly bytes: number;
  /** Latest modification time of anything in it, in milliseconds since 1970. */
  readonly modified: number;
}

/**
 * Blocks rather than lengths: small files take more space than their length, and sparse ones less. A store has no hard
 * links.
 */
export async function diskUsage(path: string): Promise<DiskUsage> {
  const slice = new TimeSlice();
  let bytes = 0;
  let modified = 0;
  const visit = async (place: string): Promise<void> => {
    if (slice.spent) await slice.giveWay();
    const stats = seen(() => lstatSync(place));
    if (stats === undefined) return;
    bytes += stats.blocks * 512;
    modified = Math.max(modified, stats.mtimeMs);
    if (!stats.isDirectory()) return;
    for (const name of seen(() => readdirSync(place)) ?? []) await visit(`${place}/${name}`);
  };
  await visit(path);
  return { bytes, modified };
}

/** Names in a directory; none if it does not exist. */
export function namesIn(directory: string): readonly string[] {
  return seen(() => readdirSync(directory)) ?? [];
}

export function statsOf(path: string): Stats | undefined {
  return seen(() => lstatSync(path));
}

function seen<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch (error) {
    if (invisible.has(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}
