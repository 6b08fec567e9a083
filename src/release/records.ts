import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { defaultImageKind } from '../../stages/image-kinds.ts';
import type { Toolchain } from '../../stages/toolchain.ts';
import type { BuildOutcome } from '../engine/build.ts';
import type { Digest } from '../core/digest.ts';
import { configLine } from '../inputs/kernel-config.ts';
import { planIds } from '../plan/bind.ts';
import type { Key, ActionName } from '../plan/names.ts';
import type { Variant } from '../sources/provider.ts';
import { rememberProducts } from '../store/roots.ts';
import type { Store } from '../store/store.ts';
import { compilerVersion } from '../machine/compiler-version.ts';
import { ownCompiler } from '../repository/load-inputs.ts';
import type { PlanRequest, SelectedPlan } from '../repository/select-plan.ts';
import {
  manifestOf,
  mergeManifests,
  renderManifest,
  renderSums,
  type Manifest,
  type ManifestOptions,
} from './manifest.ts';
import type { PublishedProduct } from './content.ts';
import { readManifest } from './earlier-manifest.ts';
import { intactProducts } from './intact.ts';
import { manifestName, replaceFile, sumsName } from './out-directory.ts';

export interface RecordRequest {
  readonly selected: SelectedPlan;
  /** What was requested. */
  readonly plan: PlanRequest;
  /** Sources that may differ from the pinned ones. */
  readonly acceptVariants: readonly string[];
  readonly outcome: BuildOutcome;
  readonly store: Store;
  readonly variants: readonly Variant[];
  /** The output directory, to which this process has exclusive access. */
  readonly directory: string;
  readonly products: readonly PublishedProduct[];
}

/** Writes `manifest.json` and `SHA256SUMS` for this run and earlier ones, unless they are up to date. */
export async function writeRecords(record: RecordRequest): Promise<void> {
  const { selected, outcome, directory } = record;
  const keys = new Map<ActionName, Key>([...outcome.results].map(([name, { key }]) => [name, key]));
  const now = manifestOf({
    arch: selected.inputs.target.name,
    options: optionsOf(record),
    build: { cpu: selected.inputs.build.cpu, compiler: await compilerVersion() },
    plan: selected.plan,
    planIds: planIds(selected.plan),
    keys,
    locked: selected.inputs.lock.sources,
    variants: record.variants,
    products: record.products,
  });
  const file = path.join(directory, manifestName);
  const earlier = await earlierManifest(directory, now.arch);
  const manifest = earlier === undefined ? now : await mergedWith(earlier, now, record);
  await replaceWhenOther(file, renderManifest(manifest));
  await replaceWhenOther(path.join(directory, sumsName), renderSums(manifest));
  await rememberProducts(record.store, directory, { keys: [...keys.values()], products: treesOf(record) });
}

/** Trees of this run's products, by file name: the collector keeps them while the products exist. */
function treesOf({ products, outcome }: RecordRequest): Readonly<Record<string, Digest>> {
  const trees = products.flatMap(({ product: { name, ref } }) => {
    const tree = outcome.results.get(ref.action)?.outputs[ref.output];
    return tree === undefined ? [] : [[name, tree] as const];
  });
  return Object.fromEntries(trees);
}

function optionsOf({ selected, plan, acceptVariants }: RecordRequest): ManifestOptions {
  const { goal, until, only } = plan;
  const { overlay, toolchain, kernelSymbols } = selected;
  const { set, instead } = selected.inputs.lock.choice;
  const accepted = [...acceptVariants].sort();
  return {
    host: selected.inputs.host.name,
    targetCompiler: selected.inputs.compilerHost?.name ?? ownCompiler,
    goal: goal.kind,
    withNative: goal.withNative,
    versions: { set, ...(Object.keys(instead).length === 0 ? {} : { instead }) },
    ...(until === undefined ? {} : { until }),
    ...(only === undefined ? {} : { only }),
    ...(goal.image === undefined || goal.image === defaultImageKind ? {} : { image: goal.image }),
    ...(overlay === undefined ? {} : { overlay }),
    ...(toolchain === undefined ? {} : { toolchain: toolchainFields(toolchain) }),
    ...(kernelSymbols === undefined ? {} : { kernelConfig: kernelSymbols.map(configLine) }),
    ...(accepted.length === 0 ? {} : { acceptedVariants: accepted }),
  };
}

function toolchainFields(toolchain: Toolchain): NonNullable<ManifestOptions['toolchain']> {
  const { name, version, triple, digest, musl } = toolchain;
  return { name, version, triple, digest, dynamicLoader: musl };
}

async function earlierManifest(directory: string, arch: string): Promise<Manifest | undefined> {
  const manifest = await readManifest(directory);
  return manifest?.arch === arch ? manifest : undefined;
}

/** A product of an earlier run that was removed, changed or replaced is no longer listed. */
async function mergedWith(
  earlier: Manifest,
  now: Manifest,
  { store, directory }: RecordRequest,
): Promise<Manifest> {
  const anew = new Set(now.products.map(({ name }) => name));
  const others = earlier.products.filter(({ name }) => !anew.has(name));
  const intact = await intactProducts(store, directory, others);
  return mergeManifests(earlier, now, ({ name }) => intact.has(name));
}

async function replaceWhenOther(file: string, text: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before !== text) await replaceFile(file, text);
}
