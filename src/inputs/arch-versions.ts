import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { isBefore } from '../core/version-order.ts';
import type { Arch, UnsupportedVersions } from './arch.ts';
import type { ChosenSources, Lock } from './lock.ts';
import { chosenVersion, versionsOf } from './versions.ts';

/**
 * The arch as it is with these versions of the sources: with the kernel's fields for that version. Fails with
 * `unsupported-version` if its descriptor says that it cannot be built with one of them.
 *
 * @param lock says which versions could be used instead
 */
export function archWithVersions(
  arch: Arch,
  chosen: ChosenSources,
  lock: Pick<Lock, 'sources'>,
): Result<Arch, Failure> {
  for (const entry of arch.unsupported ?? []) {
    const version = chosenVersion(chosen, entry.source);
    if (version !== undefined && isWithin(version, entry))
      return failed(unsupported(arch, entry, version, lock));
  }
  const { since = [], ...kernel } = arch.kernel;
  const linux = chosenVersion(chosen, 'linux');
  let build: Arch['kernel'] = kernel;
  for (const { version, ...fields } of since) {
    if (linux !== undefined && !isBefore(linux, version)) build = { ...build, ...fields };
  }
  return ok({ ...arch, kernel: build });
}

function isWithin(version: string, { from, before }: UnsupportedVersions): boolean {
  return (
    (from === undefined || !isBefore(version, from)) && (before === undefined || isBefore(version, before))
  );
}

function unsupported(
  arch: Arch,
  { source, reason }: UnsupportedVersions,
  version: string,
  lock: Pick<Lock, 'sources'>,
): Failure {
  const others = versionsOf(lock, source).filter((other) =>
    (arch.unsupported ?? []).every((entry) => entry.source !== source || !isWithin(other, entry)),
  );
  return { reason: 'unsupported-version', arch: arch.name, source, version, why: reason, others };
}
