import { join } from 'node:path';
import { parseJson } from '../core/json.ts';
import type { Key } from '../plan/names.ts';
import { readRecord, statOrUndefined, touch, writeWhole } from './disk-files.ts';
import type { Lease } from './lease.ts';
import { noteFile, parseResult, renderResult } from './records.ts';
import type { ActionResult, NoteKind } from './store.ts';

/**
 * Results and notes of a store on disk: `results/KEY.json`, whose modification time is the time of last use, and
 * `notes/KIND/NAME.json`.
 */
export class DiskRecords {
  readonly #root: string;
  readonly #lease: Lease;

  constructor(root: string, lease: Lease) {
    this.#root = root;
    this.#lease = lease;
  }

  async getResult(key: Key): Promise<ActionResult | undefined> {
    const path = this.#resultPath(key);
    const since = await this.#lease.begin();
    const bytes = readRecord(path);
    if (bytes === undefined) return undefined;
    const result = parseResult(key, bytes.toString());
    if (result === undefined) return undefined;
    // Whatever was used since the lease began is protected, together with everything that it names.
    const used = statOrUndefined(path);
    if (used !== undefined && used.mtimeMs <= since) touch(path);
    return result;
  }

  async putResult(key: Key, result: ActionResult): Promise<void> {
    await this.#writeJson(this.#resultPath(key), renderResult(key, result), true);
  }

  #resultPath(key: Key): string {
    return join(this.#root, 'results', `${key}.json`);
  }

  async getNote(kind: NoteKind, name: string): Promise<unknown> {
    await this.#lease.begin();
    const bytes = readRecord(join(this.#root, 'notes', kind, noteFile(name)));
    return bytes === undefined ? undefined : parseJson(bytes.toString());
  }

  async putNote(kind: NoteKind, name: string, value: unknown): Promise<void> {
    await this.#writeJson(join(this.#root, 'notes', kind, noteFile(name)), value, false);
  }

  async #writeJson(path: string, value: unknown, durable: boolean): Promise<void> {
    await writeWhole(this.#root, path, Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`), durable);
  }
}
