import fs from 'node:fs';
import path from 'node:path';

/** How many older programs are kept, so that switching between two branches does not compile each time. */
const kept = 3;
/** Milliseconds after which the process that made an incomplete directory must have ended. */
const halfDone = 3_600_000;

/**
 * Removes the results of earlier compilations, except the latest few, and old incomplete directories. A program that a
 * running process was started from is kept, since it still loads modules. So is whatever cannot be removed.
 *
 * @param {string} parent
 * @param {string} current name of the directory that was just made
 */
export function tidy(parent, current) {
  try {
    const used = directoriesInUse(parent);
    const others = fs
      .readdirSync(parent)
      .filter((name) => name !== current && !used.has(name))
      .map((name) => ({ name, time: fs.lstatSync(path.join(parent, name)).mtimeMs }))
      .sort((a, b) => b.time - a.time);
    const isHalfDone = (/** @type {{ name: string }} */ { name }) => name.startsWith('new-');
    for (const { name } of [
      ...others.filter((other) => !isHalfDone(other)).slice(kept),
      ...others.filter((other) => isHalfDone(other) && other.time < Date.now() - halfDone),
    ]) {
      fs.rmSync(path.join(parent, name), { recursive: true, force: true });
    }
  } catch {
    // Another start cleaned up at the same time, or the directory belongs to another user: the next compilation tries
    // again.
  }
}

/**
 * Names of the directories below `parent` that processes hold open: see `openPlace`.
 *
 * @param {string} parent
 */
function directoriesInUse(parent) {
  const used = new Set();
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
        const place = fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
        if (path.dirname(place) === parent) used.add(path.basename(place));
      }
    } catch {
      // The process ended, or belongs to another user, whose program is elsewhere or among the latest.
    }
  }
  return used;
}
