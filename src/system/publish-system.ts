import path from 'node:path';
import { catchFailures } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { ProductContent } from '../release/content.ts';
import { exclusively } from '../release/out-directory.ts';
import { publishProduct } from '../release/publish.ts';
import type { Store } from '../store/store.ts';
import type { BuiltTree } from './build-system.ts';
import type { PlannedSystem } from './plan-system.ts';

/** A form of a system in the output directory. */
export interface PublishedForm {
  /** Absolute. */
  readonly path: string;
  readonly content: ProductContent;
}

/** Copies a system out of the store, in every form that was wanted. */
export async function publishSystem(
  store: Store,
  { plan }: Pick<PlannedSystem, 'plan'>,
  built: readonly BuiltTree[],
  directory: string,
): Promise<Result<readonly PublishedForm[], Failure>> {
  return catchFailures(directory, () =>
    exclusively(directory, async () => {
      const forms: PublishedForm[] = [];
      for (const product of plan.products) {
        const found = built.find(({ name }) => name === product.name);
        if (found === undefined) throw new Error(`${product.name} was not built`);
        const published = await publishProduct(store, directory, product, found.tree);
        if (!published.ok) return published;
        forms.push({ path: path.join(directory, product.name), content: published.value.content });
      }
      return ok(forms);
    }),
  );
}
