/** `prepare-child.ts DIRECTORY`: prints what `prepareOutDirectory` says, for tests that take rights away from it. */
import { prepareOutDirectory } from '../../src/release/out-directory.ts';

const [directory = ''] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await prepareOutDirectory(directory))}\n`);
