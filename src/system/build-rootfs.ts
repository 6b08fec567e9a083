import type { InstalledChunk } from '../../stages/chunk/compose.ts';
import type { SystemFormat } from '../../stages/chunk/formats.ts';
import { tellFailure } from '../build/make-trees.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { Chunk } from '../definitions/definition.ts';
import type { PackageList } from '../definitions/package-list.ts';
import type { UserDirectory } from '../repository/overlay.ts';
import type { Repository } from '../repository/load-inputs.ts';
import { buildPackages, type Manifest } from './build-packages.ts';
import { buildSystem, sharingGuests, type BuiltTree, type SystemBuild } from './build-system.ts';
import { planSystem, type PlannedSystem, type SystemWanted } from './plan-system.ts';

/** A root filesystem that is wanted. */
export interface RootfsWanted extends Omit<SystemWanted, 'only' | 'root' | 'check'> {
  /** Name of the products, without what their formats add. */
  readonly title: string;
  /** The user's file with the list, for messages. */
  readonly file: string;
  readonly list: PackageList;
  readonly formats: readonly SystemFormat[];
  /** Files that are laid into it before packages, and at the end. */
  readonly before?: UserDirectory;
  readonly after?: UserDirectory;
}

/** A root filesystem in the store. */
export interface BuiltRootfs {
  readonly planned: PlannedSystem;
  readonly installed: readonly InstalledChunk[];
  readonly products: readonly BuiltTree[];
  /** What is known of a chunk. */
  readonly manifestOf: (chunk: Chunk) => Manifest;
}

/**
 * Builds the packages of a list and composes them, with all that they need when they run, to a root filesystem. Fails with all
 * failures; never empty.
 */
export function buildRootfs(
  repository: Repository,
  wanted: RootfsWanted,
  request: Omit<SystemBuild, 'planned' | 'given'>,
): Promise<Result<BuiltRootfs, readonly Failure[]>> {
  return sharingGuests((sharedGuests) => buildShared(repository, wanted, { ...request, sharedGuests }));
}

async function buildShared(
  repository: Repository,
  wanted: RootfsWanted,
  request: Omit<SystemBuild, 'planned' | 'given'>,
): Promise<Result<BuiltRootfs, readonly Failure[]>> {
  const { title, file, list, before, after, ...system } = wanted;
  const packages = await buildPackages(repository, { ...system, file, packages: list.packages }, request);
  if (!packages.ok) return packages;
  const { installed, manifestOf } = packages.value;
  const { preInstall, postInstall } = list;
  const overlay = (name: string, given: UserDirectory | undefined) =>
    given === undefined ? undefined : ({ kind: 'directory', name, digest: given.tree } as const);
  const laid = {
    before: overlay('pre_install_overlay', before),
    after: overlay('post_install_overlay', after),
  };
  const root = {
    ...{ title, installed, preInstall, postInstall },
    ...(laid.before === undefined ? {} : { before: laid.before }),
    ...(laid.after === undefined ? {} : { after: laid.after }),
  };
  const whole = await planSystem(repository, { ...system, root, check: false });
  if (!whole.ok) return tellFailure(request, whole.failure);
  const given = new Map(
    Object.entries({ pre_install_overlay: before, post_install_overlay: after }).flatMap(([name, one]) =>
      one === undefined ? [] : [[name, one.directory] as const],
    ),
  );
  const products = await buildSystem({ ...request, planned: whole.value, given });
  if (!products.ok) return products;
  return ok({ planned: whole.value, installed, products: products.value, manifestOf });
}
