import type { Failure } from '../core/failure.ts';
import { unknownName } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { readPackageList } from '../definitions/package-list.ts';
import { buildPackages } from '../system/build-packages.ts';
import { manifestSum, packageArchive, type PackageParts } from '../system/package-archive.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { runPackageProgram, type GuestPackage, type ReachedGuest } from './guest-packages.ts';
import { openSystemFor } from './open-system.ts';
import { explain, type Session } from './session.ts';
import {
  chunkBuilding,
  systemBuilding,
  systemWanted,
  type SystemBuildOptions,
} from './system-build-options.ts';

/** Options of commands for packages. */
export interface PackageOptions extends Omit<SystemBuildOptions, 'only' | 'check' | 'format' | 'out'> {
  /** File of the system whose chunks the packages are. Undefined: our base system for the guest's arch. */
  readonly system?: string;
}

/** What is to be done. */
export type PackageAction =
  | { readonly kind: 'list' }
  | { readonly kind: 'remove'; readonly names: readonly string[] }
  /** `upgrade` without names: everything that is installed. */
  | { readonly kind: 'install' | 'upgrade'; readonly names: readonly string[] };

/** Ids of packages that a guest has, by name or id. */
export function installedIds(
  had: readonly GuestPackage[],
  names: readonly string[],
): Result<readonly string[], Failure> {
  const ids: string[] = [];
  for (const name of names) {
    const found = had.find(({ id }) => id === name || id.endsWith(`/${name}`));
    if (found === undefined)
      return failed(
        unknownName(
          'installed package',
          name,
          had.map(({ id }) => id),
        ),
      );
    ids.push(found.id);
  }
  return ok(ids);
}

/** Builds packages and what they need, and installs those that a guest has not or has otherwise. */
export async function installPackages(
  session: Session,
  reached: ReachedGuest,
  had: readonly GuestPackage[],
  action: Extract<PackageAction, { kind: 'install' | 'upgrade' }>,
  options: PackageOptions,
): Promise<ExitCode> {
  const { arch } = reached.guest;
  const opened = await openSystemFor(session, arch, 'the guest', options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository, system } = opened.value;
  const named = action.kind === 'upgrade' ? installedIds(had, action.names) : ok(action.names);
  if (!named.ok) return explain(session, named.failure);
  const names = named.value.length > 0 ? named.value : had.map(({ id }) => id);
  if (names.length === 0) {
    session.out('no packages are installed\n');
    return 0;
  }
  const list = readPackageList('the command line', JSON.stringify({ packages: names }), system);
  if (!list.ok) return explain(session, list.failure);
  return whileBuilding(
    session,
    systemBuilding(repository, options),
    async ({ closeReporter, context, ...progress }) => {
      const built = await buildPackages(
        repository,
        { ...systemWanted(opened.value, options), packages: list.value.packages, file: 'the command line' },
        chunkBuilding(session, opened.value, options, { ...progress, context }),
      );
      closeReporter();
      if (!built.ok) return exitCodeOfAll(built.failure);
      const { installed, placeOf, planned } = built.value;
      const wanted: PackageParts[] = [];
      for (const one of installed) {
        const place = placeOf(one.chunk);
        const known = had.find(({ id }) => id === one.chunk.id);
        if (known?.manifest !== (await manifestSum(place))) wanted.push({ package: one, place });
      }
      if (wanted.length === 0) {
        session.out('everything is installed already\n');
        return 0;
      }
      const archive = await packageArchive(session.repository, wanted, planned.inputs.lock.sourceDateEpoch);
      return runThere(session, reached, archive, ['install', 'CHUNKS']);
    },
  );
}

/** Runs the program for packages in a guest, which tells the user what it does. */
export async function runThere(
  session: Session,
  reached: ReachedGuest,
  archive: AsyncIterable<Uint8Array>,
  words: readonly string[],
): Promise<ExitCode> {
  const ended = await runPackageProgram(reached, archive, words, process);
  if (!ended.ok) return explain(session, ended.failure);
  return ended.value.kind === 'exited' && ended.value.status === 0 ? 0 : 1;
}
