/** Before each test file: where the program stands, which outside of tests its first module finds. */
import path from 'node:path';
import { enterPlace } from '../../src/start/place.cjs';
import { packagesFault } from './installed-packages.ts';

const repository = path.resolve(import.meta.dirname, '../..');

await enterPlace(repository);

/** Before all of them: compiles once, and not once a worker. Refuses packages that the first `./bootstrap` would replace. */
export async function setup(): Promise<void> {
  const fault = packagesFault(repository);
  if (fault !== undefined) throw new Error(fault);
  await enterPlace(repository);
}
