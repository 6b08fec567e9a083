/** Before each test file: where the program stands, which outside of tests its first module finds. */
import path from 'node:path';
import { enterPlace } from '../../src/start/place.cjs';

const repository = path.resolve(import.meta.dirname, '../..');

await enterPlace(repository);

/** Before all of them: compiles once, and not once a worker. */
export async function setup(): Promise<void> {
  await enterPlace(repository);
}
