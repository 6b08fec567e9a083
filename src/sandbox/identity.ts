import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** The user and group on the machine that uid and gid 0 of a sandbox map to. */
export interface Identity {
  readonly user: number;
  readonly group: number;
  /**
   * Directory whose files belong to root on disk, and to this user within the sandbox. Undefined: files keep their
   * on-disk owners.
   */
  readonly lent?: string;
}

/**
 * The uid of a build started by root: a number that no system assigns to any user, so that no file and no other process
 * of the machine belongs to it.
 */
export const unassignedId = 2_000_000_000;

/**
 * The identities an action can have, best first. An ordinary user can only use their own. For root it is the unassigned
 * uid if the system can mount the store with mapped ids, or else root itself.
 */
export async function findIdentities(store: string): Promise<readonly Identity[]> {
  const self = { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 };
  if (self.user !== 0 || (await stat(store)).uid !== 0 || !isMapped(unassignedId)) return [self];
  return [{ user: unassignedId, group: unassignedId, lent: store }, self];
}

/** On-disk owner of the action's own files. */
export function ownerOnDisk(identity: Identity): number {
  return identity.lent === undefined ? identity.user : 0;
}

/** Whether the user namespace of this process maps this id; in a container, few may be mapped. */
function isMapped(id: number): boolean {
  return ['uid_map', 'gid_map'].every((name) =>
    readFileSync(`/proc/self/${name}`, 'utf8')
      .trim()
      .split('\n')
      .some((line) => {
        const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
        return id >= first && id < first + count;
      }),
  );
}
