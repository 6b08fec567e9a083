import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { errorCode } from '../core/fault.ts';
import { TimeSlice } from './time-slice.ts';

/** What vanishes meanwhile, and what one may not look into (overlay work directories), counts as nothing. */
const invisible: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/** Room on the disk that a file or a directory with everything in it takes. */
export interface DiskUsage {
  readonly bytes: number;
  /** Latest modification of anything in it, in milliseconds since 1970. */
  readonly modified: number;
}

/** Blocks and not lengths: small files take more room than their bytes, and sparse ones less. A store has no hard links. */
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

/** Names in a directory; none where there is no directory. */
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
