import { access, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256, type Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { LockedSource, Origin } from '../inputs/lock.ts';
import { digestDirectory } from '../store/tree-digest.ts';
import type { Apt } from './apt.ts';
import { placeText, type ArchiveFetcher, type Place } from './archive-fetcher.ts';
import { origFilesOf } from './debian-index.ts';
import { unpack } from './unpack.ts';

/** What an origin unpacks to. */
export interface UnpackedOrigin {
  readonly tree: Digest;
  /** Those of the source's licence files that are not there. */
  readonly missingLicences: readonly string[];
}

/** Fetches one origin of a source and unpacks it below `directory`. Failures say why, for people. */
export async function unpackOrigin(
  source: Pick<LockedSource, 'name' | 'version' | 'licenceFiles'>,
  place: Place,
  { fetcher, directory }: { readonly fetcher: ArchiveFetcher; readonly directory: string },
): Promise<Result<UnpackedOrigin, Failure | string>> {
  const { origin } = place;
  const name = `${source.name} ${source.version}`;
  const archive = await fetcher.fetch(name, place, () => undefined);
  if (!archive.ok) {
    const fault = archive.failure;
    return failed(fault.kind === 'unavailable' ? fault.why : fault.failure);
  }
  const into = await mkdtemp(join(directory, 'unpack-'));
  try {
    const unpacked = await unpack({
      archive: archive.value,
      name: `${name} from ${placeText(place)}`,
      into,
      ...(origin.kind === 'debian' && origin.inner !== undefined ? { inner: origin.inner } : {}),
      ...(origin.directory === undefined ? {} : { directory: origin.directory }),
      ...(origin.drop === undefined ? {} : { drop: origin.drop }),
    });
    if (!unpacked.ok) return unpacked;
    const digested = await digestDirectory(unpacked.value);
    if (!digested.ok) return digested;
    const missingLicences: string[] = [];
    for (const file of source.licenceFiles) {
      await access(join(unpacked.value, file)).catch(() => missingLicences.push(file));
    }
    return ok({ tree: digested.value.tree, missingLicences });
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}

/** A version that is to be pinned, and the Debian source package that ships it. */
export interface WantedPin {
  readonly version: string;
  readonly package: string;
  /** In order of preference. */
  readonly suites: readonly string[];
}

/**
 * Debian's origins of another version of a source. What is inside the orig file is called as in `other`, with the version
 * replaced. Failures say why, for people.
 */
export async function debianOrigins(
  other: LockedSource,
  wanted: WantedPin,
  apt: Apt,
): Promise<Result<readonly Origin[], string>> {
  const origins: Origin[] = [];
  for (const suite of wanted.suites) {
    const updated = await apt.update(suite);
    if (!updated.ok) return failed(`${suite}: ${updated.failure}`);
    const shown = await apt.showSource(suite, wanted.package);
    if (!shown.ok) return failed(`${suite}: ${shown.failure}`);
    const files = origFilesOf(shown.value, wanted.package, wanted.version);
    const [shipped] = files;
    if (shipped === undefined) return failed(`${suite} has no ${wanted.package} ${wanted.version}`);
    if (files.length > 1) {
      return failed(
        `${suite} has several: ${files.map(({ file, sha256 }) => `${file} ${sha256}`).join(', ')}`,
      );
    }
    const inner = innerOf(other)?.replaceAll(other.version, wanted.version);
    origins.push({
      kind: 'debian',
      package: wanted.package,
      suite,
      file: shipped.file,
      sha256: sha256(shipped.sha256),
      ...(inner === undefined ? {} : { inner }),
    });
  }
  return ok(origins);
}

function innerOf({ origins }: LockedSource): string | undefined {
  return origins.flatMap((origin) => (origin.kind === 'debian' ? (origin.inner ?? []) : []))[0];
}
