'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** File of a compiled directory that lists the others with their sizes. It is written last. */
const listName = 'outputs.json';

/**
 * Whether a compiled directory exists and is complete. After a power failure, files may exist without their contents,
 * and someone may have removed old files.
 *
 * @param {string} directory
 */
function isWhole(directory) {
  try {
    const list = JSON.parse(fs.readFileSync(path.join(directory, listName), 'utf8'));
    return Object.entries(list).every(
      ([name, size]) => fs.statSync(path.join(directory, name), { throwIfNoEntry: false })?.size === size,
    );
  } catch {
    return false;
  }
}

module.exports = { isWhole, listName };
