import { getSystemErrorMap } from 'node:util';
import type { Failure } from '../core/failure.ts';
import { textOf, type Bytes } from './bytes.ts';

/** An expected failure, thrown up to the exported function, which returns it. */
export class ShareFault extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(JSON.stringify(failure));
    this.failure = failure;
  }
}

/** A tarball is damaged, or an entry of it is refused. */
export class TarFault extends Error {
  /** The entry's name; empty for the tarball as a whole. */
  readonly entry: Bytes;

  constructor(entry: Bytes, why: string) {
    super(why);
    this.entry = entry;
  }
}

export function badShare(path: Bytes, why: string, hint: string): ShareFault {
  return new ShareFault({ reason: 'bad-share', path: textOf(path), why, hint });
}

/** Code of a failed system call, such as `ENOENT`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const hints: Readonly<Record<string, string>> = {
  ENOENT: 'A share can be read and written once its guest has ended.',
  ESTALE: 'A share can be read and written once its guest has ended.',
  EACCES: 'Run this as the user who runs the emulator: nobody else can read what guests create.',
  EPERM: 'Run this as the user who runs the emulator: nobody else can read what guests create.',
  ENAMETOOLONG:
    'The path including the directories above the share is too long: move the share to a shorter path.',
};

/** Runs one operation on a file of the share; system errors are thrown as a fault that names the file. */
export function atFile<Value>(path: Bytes, step: () => Value): Value {
  try {
    return step();
  } catch (error) {
    throw systemFault(error, path) ?? error;
  }
}

/** Undefined if the error is not a failed system call. */
function systemFault(error: unknown, path: Bytes): ShareFault | undefined {
  const code = systemCode(error);
  if (code === undefined) return undefined;
  const number = (error as { readonly errno?: number }).errno ?? 0;
  const why = getSystemErrorMap().get(number)?.[1] ?? code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new ShareFault({ reason: 'no-room', path: textOf(path), detail: why });
  }
  return badShare(path, why, hints[code] ?? 'Check that file and its file system.');
}
