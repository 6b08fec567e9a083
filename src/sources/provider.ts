import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { SourceProvider } from '../plan/providers.ts';
import type { Lock, LockedSource } from '../inputs/lock.ts';
import type { PlannedSource } from '../plan/action.ts';
import type { RepoPath } from '../plan/names.ts';
import { digestBytes } from '../store/directory-message.ts';
import { catchFailures, errorCode } from '../core/fault.ts';
import type { Store } from '../store/store.ts';
import { Apt, type AptOptions } from './apt.ts';
import { ArchiveCache } from './archive-cache.ts';
import { ArchiveFetcher, placesOf, placeText, type Place } from './archive-fetcher.ts';
import type { Timing } from './fetch-url.ts';
import { patchTree, type Patch } from './patch-tree.ts';
import { PatchedTrees, type AcceptedArchives, type PatchedTree } from './patched-trees.ts';
import { unpackInThread } from './unpack-thread.ts';

export interface SourceProviderOptions {
  readonly store: Store;
  readonly lock: Pick<Lock, 'sources'>;
  /** Directory for verified archives, partial downloads, and apt's private state; created if missing. */
  readonly cacheDirectory: string;
  /** URL of a directory that is tried first, for each archive by its file name. */
  readonly mirror?: string;
  /** Use only what is in the store and the cache. */
  readonly offline: boolean;
  readonly readRepoFile: (path: RepoPath) => Promise<Uint8Array>;
  /** Names of sources whose tree may differ from the pinned one. */
  readonly acceptVariants?: readonly string[];
  /** Called once for every accepted variant in use. */
  readonly onNote?: (text: string) => void;
  /** For tests: timeouts, and which machine's apt to use. */
  readonly timing?: Partial<Timing>;
  readonly apt?: Pick<AptOptions, 'machineRoot' | 'run'>;
}

/** A source whose tree is not the pinned one, as the user allowed. */
export interface Variant {
  readonly name: string;
  readonly version: string;
  readonly origin: string;
  /** Its unpatched tree. */
  readonly tree: Digest;
}

/** The sources of `sources.lock`: fetched from the first origin that works, verified, unpacked and patched. */
export function createSourceProvider(
  options: SourceProviderOptions,
): SourceProvider & { readonly variants: () => readonly Variant[] } {
  return new LockSources(options);
}

class LockSources implements SourceProvider {
  readonly #options: SourceProviderOptions;
  readonly #patched: PatchedTrees;
  readonly #fetcher: ArchiveFetcher;
  readonly #variants = new Map<string, Variant>();

  constructor(options: SourceProviderOptions) {
    this.#options = options;
    this.#patched = new PatchedTrees(options.store);
    this.#fetcher = new ArchiveFetcher({
      cache: new ArchiveCache(options.cacheDirectory),
      apt: new Apt({ ...options.apt, directory: join(options.cacheDirectory, 'apt') }),
      offline: options.offline,
      ...(options.timing === undefined ? {} : { timing: options.timing }),
    });
  }

  async recall(source: PlannedSource): Promise<Digest | undefined> {
    const known = await this.#patched.recall(source, this.#acceptedArchives(source));
    if (known !== undefined) this.#noteVariant(source, known);
    return known?.tree;
  }

  obtain(source: PlannedSource, progress: (line: string) => void): Promise<Result<Digest, Failure>> {
    const { store } = this.#options;
    return catchFailures(store.root, async () => {
      const known = await this.recall(source);
      if (known !== undefined && (await store.hasTree(known))) return ok(known);
      const patches = await this.#readPatches(source);
      if (!patches.ok) return patches;
      const made = await this.#make(source, patches.value, progress);
      if (!made.ok) return made;
      this.#noteVariant(source, made.value);
      await this.#patched.remember(source, this.#acceptedArchives(source), made.value);
      return ok(made.value.tree);
    });
  }

  /** Variants used so far, for the manifest. */
  variants(): readonly Variant[] {
    return [...this.#variants.values()];
  }

  /** Uses the first place that works. A refused file is reported in preference to places that are unavailable. */
  async #make(
    source: PlannedSource,
    patches: readonly Patch[],
    progress: (line: string) => void,
  ): Promise<Result<PatchedTree, Failure>> {
    const { mirror, offline } = this.#options;
    const attempts: { readonly origin: string; readonly why: string }[] = [];
    let refused: Failure | undefined;
    for (const place of placesOf(this.#locked(source).origins, mirror)) {
      const archive = await this.#fetcher.fetch(label(source), place, progress);
      if (!archive.ok) {
        const fault = archive.failure;
        if (fault.kind === 'failure') return failed(fault.failure);
        if (fault.kind === 'refused') refused ??= fault.failure;
        else attempts.push({ origin: placeText(place), why: fault.why });
        progress(`${placeText(place)}: ${fault.kind === 'refused' ? 'wrong hash, discarded' : fault.why}`);
        continue;
      }
      const made = await this.#unpackAndPatch(source, place, archive.value, patches, progress);
      if (made.ok || !refusals.has(made.failure.reason)) return made;
      refused ??= made.failure;
      progress(`${placeText(place)}: refused (${made.failure.reason})`);
    }
    return failed(refused ?? { reason: 'source-unavailable', source: label(source), attempts, offline });
  }

  async #unpackAndPatch(
    source: PlannedSource,
    place: Place,
    archive: string,
    patches: readonly Patch[],
    progress: (line: string) => void,
  ): Promise<Result<PatchedTree, Failure>> {
    const { store } = this.#options;
    const { origin } = place;
    progress('unpacking');
    const scratch = await store.makeScratch(`unpack-${source.name}`);
    try {
      const unpacked = await unpackInThread({
        archive,
        name: `${label(source)} from ${placeText(place)}`,
        into: scratch.path,
        ...(origin.kind === 'debian' && origin.inner !== undefined ? { inner: origin.inner } : {}),
        ...(origin.directory === undefined ? {} : { directory: origin.directory }),
        ...(origin.drop === undefined ? {} : { drop: origin.drop }),
      });
      if (!unpacked.ok) return unpacked;
      const directory = unpacked.value;
      if (patches.length === 0) return await this.#adoptUnpatched(source, place, directory);
      const tree = await store.digestTree(directory);
      if (!tree.ok) return tree;
      const checked = this.#check(source, place, tree.value);
      if (!checked.ok) return checked;
      progress('patching');
      const applied = await patchTree(label(source), directory, patches);
      if (!applied.ok) return applied;
      const adopted = await store.adoptTree(directory);
      return adopted.ok ? ok({ ...checked.value, tree: adopted.value }) : adopted;
    } finally {
      await scratch.release();
    }
  }

  /** Digests while adopting, and removes the tree again if it is wrong: reading linux twice would take seconds. */
  async #adoptUnpatched(
    source: PlannedSource,
    place: Place,
    directory: string,
  ): Promise<Result<PatchedTree, Failure>> {
    const { store } = this.#options;
    const adopted = await store.adoptTree(directory);
    if (!adopted.ok) return adopted;
    const checked = this.#check(source, place, adopted.value);
    if (!checked.ok) await store.removeTree(adopted.value);
    return checked;
  }

  #check(source: PlannedSource, place: Place, tree: Digest): Result<PatchedTree, Failure> {
    if (tree === source.tree) return ok({ tree });
    const origin = placeText(place);
    if (this.#acceptsVariant(source)) return ok({ tree, variant: { origin, tree } });
    return failed({
      reason: 'wrong-tree',
      source: label(source),
      origin,
      expected: source.tree,
      actual: tree,
    });
  }

  async #readPatches(source: PlannedSource): Promise<Result<readonly Patch[], Failure>> {
    const patches: Patch[] = [];
    for (const { path, digest } of source.patches) {
      const bytes = await this.#options.readRepoFile(path).catch(goneOr);
      if (bytes === undefined || digestBytes(bytes) !== digest) {
        const fault = { field: '', message: 'was changed during the run; run the command again' };
        return failed({ reason: 'bad-input', file: path, faults: [fault] });
      }
      patches.push({ path, bytes });
    }
    return ok(patches);
  }

  #locked(source: PlannedSource): LockedSource {
    const found = this.#options.lock.sources.find(
      (locked) =>
        locked.name === source.name && locked.version === source.version && locked.tree === source.tree,
    );
    if (found === undefined) throw new Error(`${label(source)} of the plan is not in the lock`);
    return found;
  }

  #acceptsVariant(source: PlannedSource): boolean {
    return this.#options.acceptVariants?.includes(source.name) ?? false;
  }

  /** Undefined if only the pinned tree is accepted. */
  #acceptedArchives(source: PlannedSource): AcceptedArchives | undefined {
    if (!this.#acceptsVariant(source)) return undefined;
    return this.#locked(source).origins.map((origin) => origin.sha256);
  }

  #noteVariant(source: PlannedSource, { variant }: PatchedTree): void {
    if (variant === undefined || this.#variants.has(label(source))) return;
    this.#variants.set(label(source), { name: source.name, version: source.version, ...variant });
    const text = `${label(source)} from ${variant.origin} is not the pinned tree but ${variant.tree}, as accepted`;
    this.#options.onNote?.(text);
  }
}

/** Faults in what one place supplied; the next place may supply something better. */
const refusals: ReadonlySet<Failure['reason']> = new Set(['wrong-tree', 'hostile-archive', 'bad-archive']);

/** A patch that was removed after planning counts as changed. */
function goneOr(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error;
  return undefined;
}

function label(source: PlannedSource): string {
  return `${source.name} ${source.version}`;
}
