import type { Digest, Sha256 } from '../core/digest.ts';
import type { SourceName } from '../plan/names.ts';

/** Where a source's archive can be fetched. */
export type Origin =
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly sha256: Sha256;
      /** Directory below the archive's top one that is the source, where the archive bundles it with something else. */
      readonly directory?: string;
      /** Paths (files or directories, relative to the source's directory) to leave out to get the pinned tree. */
      readonly drop?: readonly string[];
    }
  | {
      /** Debian source package: the orig file, fetched through the machine's own apt mirror. */
      readonly kind: 'debian';
      readonly package: string;
      readonly suite: string;
      readonly file: string;
      readonly sha256: Sha256;
      /** Archive inside the orig file that is the source itself (gcc-14 wraps one). */
      readonly inner?: string;
      readonly directory?: string;
      readonly drop?: readonly string[];
    };

/** One version of one source. */
export interface LockedSource {
  readonly name: SourceName;
  readonly version: string;
  readonly homepage: string;
  /** SPDX expression. */
  readonly licence: string;
  /** Files in the tree that hold the licence texts, shipped with everything built from it. */
  readonly licenceFiles: readonly string[];
  /** Digest of the normalised, unpatched tree. */
  readonly tree: Digest;
  /** In order of preference. */
  readonly origins: readonly Origin[];
}

/** `sources.lock`, validated. */
export interface Lock {
  readonly format: 2;
  /** Seconds since 1970: SOURCE_DATE_EPOCH of every action and the time of every file in a store tree. */
  readonly sourceDateEpoch: number;
  /** Name of the set that is used if none is named. */
  readonly defaultSet: string;
  /** Sets by name, all with a version of the same sources: what no set has, definitions of systems name. */
  readonly sets: Readonly<Record<string, VersionsByName>>;
  /** Every version of every source, in a set or not. */
  readonly sources: readonly LockedSource[];
}

/** Versions by the names of their sources. */
export type VersionsByName = Readonly<Record<string, string>>;

/** Which versions are used: a set, and what is used instead of some of its versions. */
export interface VersionChoice {
  readonly set: string;
  /** Empty: the set as it is. */
  readonly instead: VersionsByName;
}

/** One version of each source, which is what plans are made from. `chooseVersions` makes it. */
export interface ChosenSources {
  readonly choice: VersionChoice;
  readonly sourceDateEpoch: number;
  /** Each name once. */
  readonly sources: readonly LockedSource[];
}
