import { mkdir, rm } from 'node:fs/promises';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Origin } from '../inputs/lock.ts';
import { describeSystemError, StoreFault } from '../core/fault.ts';
import type { Apt } from './apt.ts';
import type { ArchiveCache } from './archive-cache.ts';
import { fetchDebian } from './fetch-debian.ts';
import type { FetchFault } from './fetch-fault.ts';
import { fetchUrl, type Timing } from './fetch-url.ts';
import { Slots } from './slots.ts';

export interface ArchiveFetcherOptions {
  readonly cache: ArchiveCache;
  readonly apt: Apt;
  readonly offline: boolean;
  readonly timing?: Partial<Timing>;
}

/** Where to fetch from: an origin, or the same file on a user's mirror. */
export interface Place {
  readonly origin: Origin;
  /** URL below the user's mirror; undefined: the origin itself. */
  readonly mirrorUrl?: string;
}

/** All places in the order in which they are tried: the mirror for every origin's file, then the origins. */
export function placesOf(origins: readonly Origin[], mirror: string | undefined): readonly Place[] {
  const own = origins.map((origin): Place => ({ origin }));
  if (mirror === undefined) return own;
  const base = mirror.replace(/\/+$/, '');
  const files = new Map(origins.map((origin) => [`${fileName(origin)} ${origin.sha256}`, origin]));
  return [
    ...[...files.values()].map((origin): Place => ({ origin, mirrorUrl: `${base}/${fileName(origin)}` })),
    ...own,
  ];
}

/** Name of a place in messages. */
export function placeText({ origin, mirrorUrl }: Place): string {
  if (mirrorUrl !== undefined) return mirrorUrl;
  return origin.kind === 'url'
    ? origin.url
    : `Debian's ${origin.package} in ${origin.suite} (${origin.file})`;
}

function fileName(origin: Origin): string {
  if (origin.kind === 'debian') return encodeURIComponent(origin.file);
  return origin.url.slice(origin.url.lastIndexOf('/') + 1);
}

/** Downloads archives into the cache and verifies them. */
export class ArchiveFetcher {
  readonly #options: ArchiveFetcherOptions;
  /** More concurrent downloads would only divide the bandwidth and open many connections to one server. */
  readonly #slots = new Slots(4);
  /** Two sources may share an archive: the second one waits, and then finds it in the cache. */
  readonly #turns = new Map<string, Slots>();

  constructor(options: ArchiveFetcherOptions) {
    this.#options = options;
  }

  /** The archive's verified file. A file with another hash is discarded. */
  fetch(source: string, place: Place, progress: (line: string) => void): Promise<Result<string, FetchFault>> {
    const { sha256 } = place.origin;
    const turn = this.#turns.get(sha256) ?? new Slots(1);
    this.#turns.set(sha256, turn);
    return turn.run(() => this.#fetch(source, place, progress));
  }

  async #fetch(
    source: string,
    place: Place,
    progress: (line: string) => void,
  ): Promise<Result<string, FetchFault>> {
    const { cache, offline } = this.#options;
    const sha = place.origin.sha256;
    const known = await cache.find(sha);
    if (known !== undefined) return ok(known);
    if (offline) {
      return failed({ kind: 'unavailable', why: 'not fetched before, and --offline was given' });
    }
    return this.#slots.run(async () => {
      try {
        const first = await this.#attempt(source, place, progress);
        // A part from another day or another server may not belong to this file: start over once.
        if (first.resumed && !first.result.ok && first.result.failure.kind === 'refused') {
          return (await this.#attempt(source, place, progress)).result;
        }
        return first.result;
      } catch (error) {
        const failure =
          error instanceof StoreFault ? error.failure : describeSystemError(error, cache.directory);
        if (failure === undefined) throw error;
        return failed({ kind: 'failure', failure });
      }
    });
  }

  async #attempt(
    source: string,
    place: Place,
    progress: (line: string) => void,
  ): Promise<{ readonly resumed: boolean; readonly result: Result<string, FetchFault> }> {
    const { cache } = this.#options;
    const expected = place.origin.sha256;
    const { part, resumed } = await cache.claimPart(expected);
    try {
      const received = await this.#receive(place, part, progress);
      if (!received.ok) return { resumed, result: received };
      const accepted = await cache.accept(expected, part);
      if (accepted.ok) return { resumed, result: accepted };
      const origin = placeText(place);
      const failure: Failure = { reason: 'wrong-hash', source, origin, expected, actual: accepted.failure };
      return { resumed, result: failed({ kind: 'refused', failure }) };
    } finally {
      // A partial download is kept for the next run; after `accept` there is nothing left to release.
      await cache.releasePart(expected, part);
    }
  }

  async #receive(
    place: Place,
    part: string,
    progress: (line: string) => void,
  ): Promise<Result<void, FetchFault>> {
    const { origin, mirrorUrl } = place;
    if (mirrorUrl !== undefined || origin.kind === 'url') {
      const url = mirrorUrl ?? (origin as Extract<Origin, { kind: 'url' }>).url;
      const { timing } = this.#options;
      progress(`downloading ${url}`);
      return fetchUrl({
        url,
        part,
        progress: throttled(progress, url),
        ...(timing === undefined ? {} : { timing }),
      });
    }
    const directory = `${part}.d`;
    await mkdir(directory);
    try {
      return await fetchDebian(origin, this.#options.apt, directory, part, progress);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

/** Progress messages, at most two per second. */
function throttled(progress: (line: string) => void, url: string) {
  const name = url.slice(url.lastIndexOf('/') + 1);
  let last = Date.now();
  return (done: number, total: number | undefined) => {
    const now = Date.now();
    if (now - last < 500) return;
    last = now;
    progress(
      `downloading ${name}: ${mebibytes(done)}${total === undefined ? '' : ` of ${mebibytes(total)}`} MiB`,
    );
  };
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
