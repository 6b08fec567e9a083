import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import { isRecord, parseJson } from '../core/json.ts';
import { withProcessLock } from '../core/process-lock.ts';
import type { Key } from '../plan/names.ts';
import { writeWhole } from './disk-files.ts';
import { errorCode, throwFaults } from '../core/fault.ts';
import { findAbandoned, scratchName } from './scratch.ts';

/**
 * What a living process uses of a store, as a file under `leases/`: trees, blobs and keys that it holds. What was used
 * since the lease began is as good as held.
 *
 * Holding and collecting exclude each other by a lock that both take for moments. So who holds something first and looks
 * for it then finds it gone, or keeps it.
 */
export class Lease {
  readonly #root: string;
  readonly #name = scratchName('lease');
  readonly #held = new Set<Digest | Key>();
  #begun: Promise<number> | undefined;
  #writing: Promise<void> | undefined;
  #pending = new Set<Digest | Key>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Begins the lease where that has not been done; answers when it began, in milliseconds since 1970. */
  begin(): Promise<number> {
    this.#begun ??= this.#write(Date.now()).catch((error: unknown) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  /** Protects something from now on. Several that are held at once cost one file. */
  async hold(content: Digest | Key): Promise<void> {
    if (this.#held.has(content)) return;
    this.#pending.add(content);
    const before = this.#writing;
    if (before !== undefined) await before;
    if (this.#held.has(content)) return;
    this.#writing ??= this.#writePending().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async #writePending(): Promise<void> {
    const started = await this.begin();
    const taken = this.#pending;
    this.#pending = new Set();
    await this.#write(started, taken);
    for (const each of taken) this.#held.add(each);
  }

  async #write(started: number, more: Iterable<Digest | Key> = []): Promise<number> {
    const holds = [...this.#held, ...more];
    const bytes = Buffer.from(JSON.stringify({ started, holds }));
    await withLeaseLock(this.#root, () => writeWhole(this.#root, this.#file(), bytes, false));
    return started;
  }

  #file(): string {
    return join(this.#root, 'leases', this.#name);
  }

  /** Ends all protection; the next use starts afresh. */
  async end(): Promise<void> {
    await this.#writing;
    await this.#begun;
    this.#begun = undefined;
    this.#held.clear();
    await rm(this.#file(), { force: true });
  }
}

/** Times of files may lag behind the clock of programs. */
const clockLagMilliseconds = 2000;

/** What the leases of living processes protect, together. */
export interface LeaseSummary {
  /** How many there are. */
  readonly count: number;
  /** Digests and keys. */
  readonly holds: ReadonlySet<string>;
  /** When the first of them began, in milliseconds since 1970; infinite when there is none. */
  readonly since: number;
}

/** Reads all leases, and removes those of dead processes. To be called with the lease lock held where removal follows. */
export async function readLeases(root: string): Promise<LeaseSummary> {
  const directory = join(root, 'leases');
  for (const path of await findAbandoned(directory)) await rm(path, { force: true });
  const holds = new Set<string>();
  let since = Infinity;
  let count = 0;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const found = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) continue;
    const [text, { mtimeMs }] = found;
    count += 1;
    const lease = parseJson(text);
    const started = isRecord(lease) ? lease['started'] : undefined;
    // One that cannot be read may hold anything; one written before it began shows that the clock was put back.
    since = Math.min(since, typeof started === 'number' ? started : 0, mtimeMs);
    if (isRecord(lease) && Array.isArray(lease['holds'])) {
      for (const each of lease['holds']) if (typeof each === 'string') holds.add(each);
    }
  }
  return { count, holds, since: since - clockLagMilliseconds };
}

/** Runs `work` while nobody begins to hold anything, and nobody else collects. For moments. */
export function withLeaseLock<Value>(root: string, work: () => Promise<Value>): Promise<Value> {
  const file = join(root, 'locks', 'leases');
  return throwFaults(file, () => withProcessLock(file, work));
}
