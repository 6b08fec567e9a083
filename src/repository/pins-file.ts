import { readFile, rename, writeFile } from 'node:fs/promises';
import { describeSystemError, errorCode } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { parsePins, renderPins, sourceKey, type Pin, type Pins } from '../definitions/pins.ts';

/** Name of the file of pins beside a set of definitions. */
export const pinsName = 'bootstrap-pins.json';

/** Reads a file of pins; there are none if it does not exist. */
export async function readPins(file: string): Promise<Result<Pins, Failure>> {
  try {
    return parsePins(await readFile(file, 'utf8'), file);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return ok(new Map());
    if (code === undefined) throw error;
    const hint = 'Name a file of pins with --pins.';
    return failed({ reason: 'unreadable-user-file', what: 'the file of pins', path: file, code, hint });
  }
}

/** Adds a pin to a file, which is made if it does not exist. Pins that others added in the meantime stay. */
export async function addPin(file: string, pin: Pin): Promise<Result<void, Failure>> {
  const pins = await readPins(file);
  if (!pins.ok) return pins;
  try {
    const unfinished = `${file}.${String(process.pid)}.new`;
    await writeFile(unfinished, renderPins(new Map([...pins.value, [sourceKey(pin), pin]])));
    await rename(unfinished, file);
    return ok(undefined);
  } catch (error) {
    const failure = describeSystemError(error, file);
    if (failure === undefined) throw error;
    return failed(failure);
  }
}
