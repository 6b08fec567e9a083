'use strict';

/** Why the program cannot start, in words for a user: an expected failure, unlike every other error here. */
class StartFault extends Error {
  /**
   * @param {string} message whole sentences, without `bootstrap: `
   * @param {1 | 2} code exit code of the program
   */
  constructor(message, code = 2) {
    super(message);
    this.code = code;
  }
}

module.exports = { StartFault };
