import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Who uid and gid 0 of a sandbox are on the machine. */
export interface Identity {
  readonly user: number;
  readonly group: number;
  /**
   * Directory whose files belong to root on disk, and to this user within the sandbox. Undefined: files are whose they are
   * on disk.
   */
  readonly lent?: string;
}

/**
 * Whom a build works as that root started: nobody at all, a number that no system gives to anybody. No file and no other
 * process of the machine is its own.
 */
export const nobodyAtAll = 2_000_000_000;

/**
 * Who an action can be, best first. An ordinary user can be nobody else. Root is nobody at all where the system can mount
 * the store with mapped ids, or else itself.
 */
export async function findIdentities(store: string): Promise<readonly Identity[]> {
  const self = { user: process.geteuid?.() ?? 0, group: process.getegid?.() ?? 0 };
  if (self.user !== 0 || (await stat(store)).uid !== 0 || !isMapped(nobodyAtAll)) return [self];
  return [{ user: nobodyAtAll, group: nobodyAtAll, lent: store }, self];
}

/** On-disk owner of what is the action's own. */
export function ownerOnDisk(identity: Identity): number {
  return identity.lent === undefined ? identity.user : 0;
}

/** Whether there is such a number in the user namespace of this process: in a container's there may be few. */
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
