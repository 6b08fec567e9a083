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
 * What a living process uses in a store, as a file under `leases/` that lists the trees, blobs and keys that it holds.
 * What was used since the lease began counts as held too.
 *
 * Holding and collecting exclude each other by a lock that both take briefly. A process that first holds something and
 * then looks for it therefore either finds that it is missing, or keeps it.
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

  /** Begins the lease unless it has begun; returns when it began, in milliseconds since 1970. */
  begin(): Promise<number> {
    this.#begun ??= this.#write(Date.now()).catch((error: unknown) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  /** Protects something from now on. Concurrent calls share one write of the file. */
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

  /** Ends all protection; the next use begins a new lease. */
  async end(): Promise<void> {
    await this.#writing;
    await this.#begun;
    this.#begun = undefined;
    this.#held.clear();
    await rm(this.#file(), { force: true });
  }
}

/** File times may lag behind the clock that programs read. */
const clockLagMilliseconds = 2000;

/** What the leases of all living processes protect. */
export interface LeaseSummary {
  /** Number of leases. */
  readonly count: number;
  /** Digests and keys. */
  readonly holds: ReadonlySet<string>;
  /** When the oldest of them began, in milliseconds since 1970; infinite if there are none. */
  readonly since: number;
}

/**
 * Reads all leases, and removes those of dead processes. Call it with the lease lock held if anything is removed
 * afterwards.
 */
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
    // An unreadable lease may hold anything; a file older than the start of its lease shows that the clock was set
    // back.
    since = Math.min(since, typeof started === 'number' ? started : 0, mtimeMs);
    if (isRecord(lease) && Array.isArray(lease['holds'])) {
      for (const each of lease['holds']) if (typeof each === 'string') holds.add(each);
    }
  }
  return { count, holds, since: since - clockLagMilliseconds };
}

/** Runs `work` while no other process begins to hold or collect anything. The lock must be held only briefly. */
export function withLeaseLock<Value>(root: string, work: () => Promise<Value>): Promise<Value> {
  const file = join(root, 'locks', 'leases');
  return throwFaults(file, () => withProcessLock(file, work));
}
