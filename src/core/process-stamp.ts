import { readFileSync, readlinkSync } from 'node:fs';
import { errorCode } from './system-error.ts';

/**
 * Identity of a process as a piece of a file name: `<pid>.<start time>.<pid namespace>`. The start
 * time (clock ticks since boot) distinguishes processes that had the same pid one after the other. `pid` must be that of a process
 * that is still there, such as a child which nobody has waited for.
 */
export function processStamp(pid: number = process.pid): string {
  return pid === process.pid ? (ownStamp ??= stampOf(pid, 'self')) : stampOf(pid, String(pid));
}

/** Neither part of it changes while this process lives, and the kernel takes a while to answer. */
let ownStamp: string | undefined;

function stampOf(pid: number, entry: string): string {
  return `${String(pid)}.${startTime(entry) ?? '0'}.${pidNamespace()}`;
}

/**
 * What is known of the process that a stamp names. `foreign`: it lived in another pid namespace (a
 * container sharing this directory), so nothing can be said. Undefined: no stamp.
 */
export function probeProcess(stamp: string): 'alive' | 'dead' | 'foreign' | undefined {
  const match = /^([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(stamp);
  if (match === null) return undefined;
  const [, pid = '', start, namespace] = match;
  if (namespace !== pidNamespace()) return 'foreign';
  return startTime(pid) === start ? 'alive' : 'dead';
}

function pidNamespace(): string {
  return /[0-9]+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
}

/** Field 22 of /proc/PID/stat; undefined when there is no such process, or it has ended and its parent has not noticed. */
function startTime(pid: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
  // The second field, the program's name in parentheses, may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}
