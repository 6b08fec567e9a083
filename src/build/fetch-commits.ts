import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { sourceKey, type GitSource, type Pin, type Pins } from '../definitions/pins.ts';
import type { GitSources } from '../sources/git-source.ts';
import { expandAlias, shownUrl } from '../sources/git-url.ts';
import type { Store } from '../store/store.ts';
import { hopeless, whenAborted } from './fetch-sources.ts';

/** With what commits are fetched, and where they go. */
export interface CommitContext {
  /** What the prefixes of repositories stand for. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly git: GitSources;
  readonly store: Store;
  /** Receives all events. */
  readonly onEvent: (event: BuildEvent) => void;
}

export interface CommitsRequest extends CommitContext {
  readonly sources: readonly { readonly chunk: string; readonly source: GitSource }[];
  readonly pins: Pins;
  /** Is told a source that had no pin. Undefined: that is a failure. */
  readonly pin?: (pin: Pin) => Promise<void>;
  /** Ends the fetching; its reason is the name of the signal. */
  readonly signal: AbortSignal;
}

/**
 * Brings the commits that a system is made from into the store, one after the other, and compares each with its pin. A failure of
 * one does not stop the others. Returns how many were not there yet, or all failures.
 */
export async function fetchCommits(request: CommitsRequest): Promise<Result<number, readonly Failure[]>> {
  const { sources, pins, pin, store, onEvent, signal } = request;
  const unpinned = sources.filter(({ source }) => !pins.has(sourceKey(source)));
  if (pin === undefined && unpinned.length > 0) {
    const failure: Failure = { reason: 'unpinned-sources', chunks: unpinned.map(({ chunk }) => chunk) };
    onEvent({ kind: 'failed', at: performance.now(), failure });
    return failed([failure]);
  }
  const failures: Failure[] = [];
  let fetched = 0;
  for (const { chunk, source } of sources) {
    const known = pins.get(sourceKey(source));
    if (known !== undefined && (await store.hasTree(known.tree))) continue;
    onEvent({ kind: 'source-started', at: performance.now(), source: chunk });
    // A fetch cannot be cancelled, but leaves nothing incomplete: an interrupt does not wait for it.
    const obtained = await Promise.race([obtainCommit(chunk, source, known, request), whenAborted(signal)]);
    if (obtained.ok) {
      fetched += 1;
      onEvent({ kind: 'source-finished', at: performance.now(), source: chunk, digest: obtained.value.tree });
      if (known === undefined) await pin?.(obtained.value);
      continue;
    }
    failures.push(obtained.failure);
    onEvent({ kind: 'failed', at: performance.now(), failure: obtained.failure });
    if (hopeless.has(obtained.failure.reason)) break;
  }
  return failures.length === 0 ? ok(fetched) : failed(failures);
}

/**
 * Brings one commit into the store.
 *
 * @param chunk id of the chunk, for messages
 * @param known what it must be; undefined: anything
 */
export async function obtainCommit(
  chunk: string,
  { repository, ref, submodules }: GitSource,
  known: Pin | undefined,
  { aliases, git, store, onEvent }: CommitContext,
): Promise<Result<Pin, Failure>> {
  const urls = Object.entries(submodules).map(([path, url]) => [path, expandAlias(url, aliases)] as const);
  const url = expandAlias(repository, aliases);
  const scratch = await store.makeScratch('git');
  try {
    const made = await git.checkOut(
      { name: chunk, url, ref, submodules: Object.fromEntries(urls) },
      scratch.path,
      (line) => {
        onEvent({ kind: 'source-progress', at: performance.now(), source: chunk, line });
      },
    );
    if (!made.ok) return made;
    const { directory, commit } = made.value;
    const adopted = await store.adoptTree(directory);
    if (!adopted.ok) return adopted;
    const tree = adopted.value;
    if (known === undefined || known.tree === tree) return ok({ repository, ref, submodules, commit, tree });
    const origin = `${shownUrl(repository)} ${ref}`;
    return failed({ reason: 'wrong-tree', source: chunk, origin, expected: known.tree, actual: tree });
  } finally {
    await scratch.release();
  }
}
