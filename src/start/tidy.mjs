import fs from 'node:fs';
import path from 'node:path';

/** How many older programs are kept: who went back and forth between two branches does not compile each time. */
const kept = 3;
/** Milliseconds after which whoever made a half-done directory must have ended. */
const halfDone = 3_600_000;

/**
 * Removes what earlier compilations left: all but the latest few, and half-done ones that are old. A program that a
 * running process was started from stays, since it still loads modules. Whatever cannot be removed stays too.
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
    // Another start tidied at the same time, or the directory is somebody else's: the next compilation tries again.
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
      // It ended, or belongs to somebody else, whose program lies elsewhere or is among the latest.
    }
  }
  return used;
}
