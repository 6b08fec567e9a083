import { chmod, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { parseJson } from '../core/json.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { withProcessLock } from '../core/process-lock.ts';
import { describeSystemError, errorCode } from '../core/fault.ts';
import { makeDirectory } from '../core/make-directory.ts';
import { probeProcess } from '../core/process-stamp.ts';
import { compileSchema } from '../inputs/compile-schema.ts';
import { recordSchema } from './record-schema.ts';

/** Record of a guest in the background. */
export interface GuestRecord {
  readonly name: string;
  readonly arch: string;
  /** Directory of its image, absolute. */
  readonly image: string;
  /** Stamp of the emulator's process. */
  readonly process: string;
  /** Port of 127.0.0.1 that is forwarded to the guest's command channel. */
  readonly port: number;
  /** Start time, in ISO 8601 format. */
  readonly since: string;
  /** Public key that the guest must present, base64. */
  readonly hostKey: string;
}

/** A guest on record, with its current state. */
export interface Guest extends GuestRecord {
  /** `elsewhere`: its process is in another container that shares this directory. */
  readonly state: 'running' | 'ended' | 'elsewhere';
}

/**
 * The directory of all guests' state, which has a directory for each guest with the files of `guestFiles`. It contains
 * keys, so only its owner may access it.
 */
export interface GuestState {
  readonly directory: string;
}

/** Files in a guest's own directory. */
const guestFiles = {
  record: 'guest.json',
  clientKey: 'client-key',
  keysDisk: 'keys.tar',
  console: 'console.log',
} as const;

/** Pid in a stamp. */
export function processId(record: GuestRecord): number {
  return Number(record.process.split('.', 1)[0]);
}

/** Whether a name works as a file name and cannot be taken for an option. */
export function isGuestName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

/** `bad-guest-name` for a name that no guest can have. */
export function guestNameFault(name: string): Failure | undefined {
  return isGuestName(name) ? undefined : { reason: 'bad-guest-name', name };
}

/**
 * Creates the directory if it is missing. Fails with `unsafe-guest-directory` if others can write to it or own it, or
 * with `unwritable` or `no-room`.
 */
export async function openGuestState(directory: string): Promise<Result<GuestState, Failure>> {
  try {
    makeDirectory(path.dirname(directory));
    await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
    const found = await lstat(directory);
    const why = !found.isDirectory()
      ? 'is not a directory'
      : found.uid !== process.getuid?.()
        ? `belongs to another user (uid ${String(found.uid)})`
        : (found.mode & 0o022) !== 0
          ? 'is writable by others'
          : undefined;
    if (why !== undefined) return failed({ reason: 'unsafe-guest-directory', path: directory, why });
    await chmod(directory, 0o700);
    return ok({ directory });
  } catch (error) {
    const failure = describeSystemError(error, directory);
    if (failure !== undefined) return failed(failure);
    if (errorCode(error) !== 'EEXIST' && errorCode(error) !== 'ENOTDIR') throw error;
    return failed({ reason: 'unwritable', path: directory, detail: String(error) });
  }
}

/** Path of one of a guest's files. */
export function guestFile(state: GuestState, name: string, file: keyof typeof guestFiles): string {
  return path.join(state.directory, name, guestFiles[file]);
}

/** Runs `work` while no other process starts or removes a guest of this name. */
export function withGuestLock<Value>(
  state: GuestState,
  name: string,
  work: () => Promise<Value>,
): Promise<Value> {
  return withProcessLock(path.join(state.directory, `${name}.lock`), work);
}

/** All guests on record, in order of name. */
export async function listGuests(state: GuestState): Promise<readonly Guest[]> {
  const names = (await readdir(state.directory, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && isGuestName(entry.name))
    .map((entry) => entry.name)
    .sort();
  const guests = await Promise.all(names.map((name) => readGuest(state, name)));
  return guests.filter((guest) => guest !== undefined);
}

/** Undefined if there is no record of such a guest, or the record is incomplete. */
export async function readGuest(state: GuestState, name: string): Promise<Guest | undefined> {
  let text: string;
  try {
    text = await readFile(guestFile(state, name, 'record'), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
  const record = parseRecord(text, name);
  if (record === undefined) return undefined;
  const probed = probeProcess(record.process);
  return { ...record, state: probed === 'alive' ? 'running' : probed === 'dead' ? 'ended' : 'elsewhere' };
}

/** Writes or replaces a guest's record atomically. Its directory must exist. */
export async function writeRecord(state: GuestState, record: GuestRecord): Promise<void> {
  const file = guestFile(state, record.name, 'record');
  await writeFile(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Removes a guest's record, keys and console log, unless another guest has taken its name. */
export function forgetGuest(state: GuestState, record: GuestRecord): Promise<void> {
  return withGuestLock(state, record.name, async () => {
    const now = await readGuest(state, record.name);
    if (now !== undefined && now.process !== record.process) return;
    await rm(path.join(state.directory, record.name), { recursive: true, force: true });
  });
}

const recordCheck = compileSchema(recordSchema);

function parseRecord(text: string, name: string): GuestRecord | undefined {
  const value = parseJson(text);
  if (!recordCheck()(value)) return undefined;
  const record = value as GuestRecord;
  return record.name === name && probeProcess(record.process) !== undefined ? record : undefined;
}
