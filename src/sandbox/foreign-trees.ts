import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TimeSlice } from '../store/time-slice.ts';
import type { Layout, Mount } from './layout.ts';

/** Marks what cannot be mounted because another user owns it; `owner` is the uid whose files the sandbox can own. */
export type CopyForeign = (layout: Layout, owner: number) => Promise<Layout>;

/**
 * Files whose owner is not mapped in a sandbox can neither be written there, even through an overlay, nor be copied
 * with their owner. Such trees are copied into the sandbox instead. They occur if a store is shared, was filled with
 * sudo, or was unpacked from an archive. Each directory is examined once.
 */
export function createForeignCheck(): CopyForeign {
  const known = new Map<string, Promise<boolean>>();
  const isForeign = (directory: string, owner: number): Promise<boolean> => {
    const answer = known.get(directory) ?? hasForeign(directory, owner, new TimeSlice());
    known.set(directory, answer);
    return answer;
  };
  return async (layout, owner) => {
    const mounts: Mount[] = [];
    for (const mount of layout.mounts) {
      const lowers = mount.kind === 'tree' ? [mount.source] : mount.kind === 'union' ? mount.lowers : [];
      const foreign = await Promise.all(lowers.map((lower) => isForeign(lower, owner)));
      mounts.push(foreign.includes(true) ? copied(mount) : mount);
    }
    return { ...layout, mounts };
  };
}

function copied(mount: Mount): Mount {
  if (mount.kind === 'union') return { ...mount, copied: true };
  if (mount.kind !== 'tree') return mount;
  const { target, source } = mount;
  return {
    kind: 'union',
    target,
    lowers: [source],
    texts: {},
    writable: false,
    directories: [],
    files: [],
    copied: true,
  };
}

async function hasForeign(directory: string, owner: number, slice: TimeSlice): Promise<boolean> {
  if (lstatSync(directory).uid !== owner) return true;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (slice.spent) await slice.giveWay();
    const path = join(directory, entry.name);
    if (entry.isDirectory() ? await hasForeign(path, owner, slice) : lstatSync(path).uid !== owner)
      return true;
  }
  return false;
}
