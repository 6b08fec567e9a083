import { buildAndRead, treeOf, type TreesRequest } from '../build/make-trees.ts';
import { actionsMeant, makeRecorder } from '../build/recorder.ts';
import type { Failure } from '../core/failure.ts';
import { catchFailures } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { BuildOutcome, RecordOptions } from '../engine/build.ts';
import type { ActionName } from '../plan/names.ts';
import { createDirectoryProvider } from '../repository/overlay.ts';
import type { PlanRequest, SelectedPlan } from '../repository/select-plan.ts';
import { exclusively, prepareOutDirectory } from './out-directory.ts';
import { findObstacle } from './obstacle.ts';
import type { PublishedProduct } from './content.ts';
import { publishProduct } from './publish.ts';
import { writeRecords } from './records.ts';

export interface ProductsRequest extends Omit<TreesRequest, 'plan' | 'directories' | 'record' | 'allowed'> {
  readonly selected: SelectedPlan;
  /** The request that `selected` comes from. */
  readonly plan: PlanRequest;
  /** Sources that may differ from the pinned ones. */
  readonly acceptVariants: readonly string[];
  /** Destination of the products, absolute; made by `prepareProducts`. */
  readonly directory: string;
  /**
   * Record the commands that actions run; `again`: rerun actions even if their results are known. Undefined: no
   * recording.
   */
  readonly record?: { readonly again: boolean };
}

export interface MadeProducts {
  readonly outcome: BuildOutcome;
  /** The products of the plan, as they are in the directory now. */
  readonly products: readonly PublishedProduct[];
}

/**
 * Creates the output directory of a plan that has products, so that a long build does not fail at its end. Fails with
 * `unwritable`, `unreadable-user-file` or `no-room`, or with `foreign-product` if a product would replace something that
 * bootstrap did not make.
 */
export async function prepareProducts(
  { plan }: SelectedPlan,
  directory: string,
): Promise<Result<void, Failure>> {
  if (plan.products.length === 0) return ok(undefined);
  const prepared = await prepareOutDirectory(directory);
  if (!prepared.ok) return prepared;
  return catchFailures(directory, async () => {
    for (const { name } of plan.products) {
      const obstacle = await findObstacle(directory, name);
      if (obstacle !== undefined) return failed(obstacle);
    }
    return ok(undefined);
  });
}

/** Builds a plan, copies its products to the output directory, and writes manifest and checksums there. */
export async function makeProducts(
  request: ProductsRequest,
): Promise<Result<MadeProducts, readonly Failure[]>> {
  const { selected, plan: asked, acceptVariants, directory, record, ...trees } = request;
  const { context } = trees;
  const directories = createDirectoryProvider(context.store, selected.directories);
  const recording = record === undefined ? ok({}) : await recordOptions(request, record.again);
  if (!recording.ok) return recording;
  const { plan } = selected;
  return buildAndRead({ ...trees, ...recording.value, plan, directories }, async (outcome) => {
    if (plan.products.length === 0) return ok({ outcome, products: [] });
    return exclusively(directory, async () => {
      const products: PublishedProduct[] = [];
      for (const product of plan.products) {
        const copied = await publishProduct(context.store, directory, product, treeOf(outcome, product.ref));
        if (!copied.ok) return copied;
        products.push(copied.value);
      }
      const { store } = context;
      const variants = context.variants();
      await writeRecords({
        selected,
        plan: asked,
        acceptVariants,
        outcome,
        store,
        variants,
        directory,
        products,
      });
      return ok({ outcome, products });
    });
  });
}

async function recordOptions(
  { selected, plan, ...request }: ProductsRequest,
  again: boolean,
): Promise<Result<{ readonly record: RecordOptions }, readonly Failure[]>> {
  const { root } = selected.repository;
  const { context, onEvent, signal } = request;
  const recorder = await makeRecorder(root, { context, onEvent, signal });
  if (!recorder.ok) return recorder;
  const meant = again ? actionsMeant(selected, plan) : new Set<ActionName>();
  return ok({ record: { recorder: recorder.value, again: meant } });
}
