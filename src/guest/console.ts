import { open } from 'node:fs/promises';
import { errorCode } from '../core/fault.ts';

/** How much of a console log to read for its last lines, in bytes. */
const tailBytes = 16_384;

/**
 * The last lines that a guest wrote to its console, without terminal control sequences; none if the file does not
 * exist.
 */
export async function consoleTail(file: string, count = 15): Promise<readonly string[]> {
  try {
    const log = await open(file);
    try {
      const { size } = await log.stat();
      const start = Math.max(0, size - tailBytes);
      const { bytesRead, buffer } = await log.read(Buffer.alloc(tailBytes), 0, tailBytes, start);
      return readableLines(buffer.subarray(0, bytesRead).toString('utf8')).slice(-count);
    } finally {
      await log.close();
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Lines that are not blank, without escape sequences and control characters; consecutive duplicates are dropped. */
export function readableLines(text: string): readonly string[] {
  return text
    .replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-Za-z]|[=>78cDEHM])/g, '')
    .split(/\r*\n/)
    .map((line) => line.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '').trimEnd())
    .filter((line, index, all) => line !== '' && line !== all[index - 1]);
}
