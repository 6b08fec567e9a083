import { rename, writeFile } from 'node:fs/promises';
import { describeSystemError } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';

/** Writes a file of the user's whole or not at all: who reads it meanwhile finds the one from before. */
export async function replaceFile(file: string, text: string): Promise<Result<void, Failure>> {
  try {
    const unfinished = `${file}.${String(process.pid)}.new`;
    await writeFile(unfinished, text);
    await rename(unfinished, file);
    return ok(undefined);
  } catch (error) {
    const failure = describeSystemError(error, file);
    if (failure === undefined) throw error;
    return failed(failure);
  }
}
