'use strict';
// First module of the program: plain JavaScript, so that node alone can start it.
const fs = require('node:fs');
const path = require('node:path');

const repository = path.resolve(__dirname, '../..');
const [first, ...more] = process.argv.slice(2);

if (more.length === 0 && (first === '--version' || first === '-V')) sayVersion();
else startProgram();

/** Loads nothing else, so that it is as fast as possible. */
function sayVersion() {
  const { version } = JSON.parse(fs.readFileSync(path.join(repository, 'package.json'), 'utf8'));
  try {
    fs.writeSync(1, `${version}\n`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EPIPE') return;
    fail(`cannot write the output (${String(code)})`, 1);
  }
}

async function startProgram() {
  const { StartFault } = require('./fault.cjs');
  const { enterPlace } = require('./place.cjs');
  try {
    const { compiled } = await enterPlace(repository);
    const { pathToFileURL } = require('node:url');
    const { main } = await import(pathToFileURL(path.join(compiled, 'main.js')).href);
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof StartFault)) throw error;
    fail(error.message, error.code);
  }
}

/**
 * @param {string} message
 * @param {1 | 2} code
 */
function fail(message, code) {
  process.stderr.write(`bootstrap: ${message}\n`);
  process.exitCode = code;
}
