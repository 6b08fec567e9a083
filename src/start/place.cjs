'use strict';
// Finds the compiled program. This runs at every start, before anything else is loaded: it reads names, sizes and times
// from the file system, and one small file.
const fs = require('node:fs');
const path = require('node:path');
const { createHash } = require('node:crypto');
const { homedir } = require('node:os');
const { StartFault } = require('./fault.cjs');
const { isWhole } = require('./whole.cjs');

/**
 * @typedef {object} Place
 * @property {string} repository absolute path of the checkout
 * @property {string} compiled absolute path of the directory with its compiled modules
 */

/** Directories whose modules are compiled, and other files that affect the result. */
const sourceDirectories = ['arches', 'src', 'stages'];
const sourceFiles = ['package.json', 'package-lock.json'];
const isSource = /^[^.].*\.(?:ts|json|mjs|cjs)$/;

/**
 * Digest of the names, sizes and times of all sources: if it changes, they must be compiled again. It includes inode
 * change times, because copies and archives may carry older modification times.
 *
 * @param {string} repository
 */
function sourcesStamp(repository) {
  const lines = [repository];
  /** @param {string} name */
  const add = (name) => {
    const stats = fs.statSync(path.join(repository, name), { throwIfNoEntry: false });
    lines.push(
      stats === undefined ? `${name}\0absent` : `${name}\0${stats.size}\0${stats.mtimeMs}\0${stats.ctimeMs}`,
    );
  };
  /** @param {string} directory */
  const visit = (directory) => {
    for (const entry of fs.readdirSync(path.join(repository, directory), { withFileTypes: true })) {
      const name = `${directory}/${entry.name}`;
      if (entry.isDirectory()) visit(name);
      else if (isSource.test(entry.name)) add(name);
    }
  };
  for (const name of sourceFiles) add(name);
  for (const directory of sourceDirectories) visit(directory);
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 32);
}

/**
 * The directory with the compiled programs of this checkout: its own `.compiled`, or, if that is not writable, one in
 * the user's cache directory. Never one that another user could have filled. Throws StartFault.
 *
 * @param {string} repository
 * @param {string} stamp
 * @returns {{ parent: string, ready: boolean }}
 */
function findParent(repository, stamp) {
  const own = path.join(repository, '.compiled');
  const there = fs.lstatSync(own, { throwIfNoEntry: false });
  if (there !== undefined) {
    const fault = ownFault(own, there, [fs.statSync(repository).uid]);
    if (fault !== undefined) throw new StartFault(fault);
    if (isWhole(path.join(own, stamp))) return { parent: own, ready: true };
  }
  if (isWritable(there === undefined ? repository : own)) return { parent: own, ready: false };
  const parent = cacheDirectory(repository);
  return { parent, ready: isWhole(path.join(parent, stamp)) };
}

/**
 * Why programs in this directory must not be run, as a sentence. Undefined: nothing is wrong.
 *
 * @param {string} directory
 * @param {fs.Stats} stats by lstat
 * @param {readonly number[]} owners who may own it, apart from this user and root
 */
function ownFault(directory, stats, owners) {
  const remedy = 'Remove it and run this again';
  if (!stats.isDirectory())
    return `${directory} is not a directory, so it cannot hold compiled programs. ${remedy}.`;
  if (![...owners, userId(), rootId()].includes(stats.uid)) {
    return `${directory} belongs to another user (${stats.uid}), who could put programs there. ${remedy}.`;
  }
  if ((stats.mode & 0o022) !== 0) {
    return `${directory} can be written by other users (mode ${octal(stats)}), who could put programs there. ${remedy}.`;
  }
  return undefined;
}

/**
 * A directory in this user's cache directory that only this user can access, created if missing.
 *
 * @param {string} repository
 */
function cacheDirectory(repository) {
  const base = cacheHome();
  if (base === undefined) {
    throw new StartFault(
      `${repository} cannot be written and you have no home directory, so there is no place for the compiled program.\n` +
        '  Name a directory of your own with XDG_CACHE_HOME.',
    );
  }
  const directory = path.join(base, 'bootstrap', 'compiled');
  try {
    fs.mkdirSync(path.dirname(directory), { recursive: true });
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') {
      throw new StartFault(
        `neither ${repository} nor ${directory} can be written (${errorCode(error)}), so there is no place for the compiled program.\n` +
          '  Name a directory of your own with XDG_CACHE_HOME.',
      );
    }
  }
  const fault = privateFault(directory) ?? pathFault(path.dirname(directory));
  if (fault !== undefined) throw new StartFault(`${fault}\n  Or name another directory with XDG_CACHE_HOME.`);
  return directory;
}

/** The user's cache directory; undefined without a home. */
function cacheHome() {
  const { XDG_CACHE_HOME: cache = '', HOME: home = '' } = process.env;
  if (path.isAbsolute(cache)) return cache;
  const directory = home === '' ? homedir() : home;
  return path.isAbsolute(directory) ? path.join(directory, '.cache') : undefined;
}

/** @param {string} directory */
function privateFault(directory) {
  const stats = fs.lstatSync(directory);
  if (stats.isSymbolicLink()) {
    return `${directory} is a symbolic link, and must be a directory of your own. Remove it and run this again.`;
  }
  if (stats.isDirectory() && stats.uid === userId() && (stats.mode & 0o077) !== 0) {
    return `${directory} is open to other users (mode ${octal(stats)}). Remove it, or \`chmod 700\` it if you trust what is in it.`;
  }
  if (stats.isDirectory() && stats.uid !== userId()) {
    return `${directory} belongs to another user (${stats.uid}). Remove it and run this again.`;
  }
  return ownFault(directory, stats, []);
}

/**
 * Why a path is unsafe: another user owns a parent directory, or can rename entries in one.
 *
 * @param {string} directory
 */
function pathFault(directory) {
  for (let place = fs.realpathSync(directory); ; place = path.dirname(place)) {
    const stats = fs.statSync(place);
    if (stats.uid !== userId() && stats.uid !== rootId()) {
      return `${place}, above the cache of compiled programs, belongs to another user (${stats.uid}).`;
    }
    const sticky = (stats.mode & 0o1000) !== 0;
    if ((stats.mode & 0o002) !== 0 && !sticky) {
      return `${place}, above the cache of compiled programs, is writable by everyone (mode ${octal(stats)}).`;
    }
    if (place === path.dirname(place)) return undefined;
  }
}

/** @param {string} directory */
function isWritable(directory) {
  try {
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param {unknown} error */
function errorCode(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** @param {fs.Stats} stats */
function octal(stats) {
  return (stats.mode & 0o7777).toString(8);
}

function userId() {
  return process.geteuid?.() ?? 0;
}

/** Uid of root as this process sees it: another number in a user namespace that does not map root. */
function rootId() {
  return fs.statSync('/').uid;
}

/**
 * The compiled program of a checkout, compiled if it is missing or older than its sources. Throws StartFault.
 *
 * @param {string} repository absolute, without links
 * @returns {Promise<Place>}
 */
async function openPlace(repository) {
  refuseBackslash(repository);
  const stamp = sourcesStamp(repository);
  const { parent, ready } = findParent(repository, stamp);
  const compiled = path.join(parent, stamp);
  refuseBackslash(compiled);
  if (!ready) {
    const { compile } = await import('./compile.mjs');
    await compile(repository, compiled);
  }
  // Tells `tidy` that modules which are not loaded yet will be needed; held until the process ends.
  fs.openSync(compiled, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  return { repository, compiled };
}

/** @param {string} directory */
function refuseBackslash(directory) {
  if (!directory.includes('\\')) return;
  throw new StartFault(
    `Node.js loads no modules from a directory with a backslash in its name, and this is one: ${directory}\n` +
      '  Give it another name and run this again.',
  );
}

/**
 * Like `openPlace`, and records the result in this process for `src/core/place.ts`.
 *
 * @param {string} repository
 */
async function enterPlace(repository) {
  const place = await openPlace(repository);
  Object.defineProperty(globalThis, Symbol.for('bootstrap.place'), { value: place, configurable: true });
  return place;
}

module.exports = { cacheDirectory, enterPlace, openPlace };
