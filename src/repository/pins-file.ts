import { readFile } from 'node:fs/promises';
import { errorCode } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { parsePins, renderPins, sourceKey, type Pin, type Pins } from '../definitions/pins.ts';
import { replaceFile } from './replace-file.ts';

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
  return replaceFile(file, renderPins(new Map([...pins.value, [sourceKey(pin), pin]])));
}
