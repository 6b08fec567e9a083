import path from 'node:path';
import { composedNames } from '../../stages/chunk/compose.ts';
import { composeActionName } from '../../stages/chunk.ts';
import { catchFailures } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import { exclusively } from '../release/out-directory.ts';
import { publishProduct } from '../release/publish.ts';
import type { Store } from '../store/store.ts';
import type { BuiltTree } from './build-system.ts';
import type { PlannedSystem } from './plan-system.ts';

/** Copies the archive of a system's files out of the store. Returns its absolute path. */
export async function publishSystem(
  store: Store,
  { system, inputs }: PlannedSystem,
  [composed]: readonly BuiltTree[],
  directory: string,
): Promise<Result<string, Failure>> {
  if (composed === undefined) throw new Error('no system was built');
  const { target } = inputs;
  const product = {
    name: `${system.name}.tar`,
    ref: { kind: 'output', action: composeActionName(target.name, system), output: 'root' },
    path: composedNames.archive,
    description: `the file system of ${system.name}`,
  } as const;
  return catchFailures(directory, () =>
    exclusively(directory, async () => {
      const published = await publishProduct(store, directory, product, composed.tree);
      return published.ok ? ok(path.join(directory, product.name)) : published;
    }),
  );
}
