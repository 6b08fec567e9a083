import { spawn } from 'node:child_process';
import { lstatSync, utimesSync } from 'node:fs';
import { bufferOf, type Bytes } from './bytes.ts';
import { decimalTime, splitTime } from './entry.ts';

/**
 * Sets the time of a file that is no link, and says whether it has it now. Node hands times on as floating-point
 * seconds, which are good for microseconds only.
 */
export function setTime(file: Bytes, time: bigint): boolean {
  const { seconds, nanoseconds } = splitTime(time);
  // Half a microsecond more, because the system's library rounds down what may already be a little less.
  const fraction = nanoseconds === 0n ? 0 : (Number(nanoseconds / 1000n) + 0.5) / 1e6;
  const rounded = Number(seconds) + fraction;
  utimesSync(bufferOf(file), rounded, rounded);
  return hasTime(file, time);
}

/**
 * Sets times to the nanosecond by the machine's `touch`, for which there is a price in processes. Gives the number
 * of files that still have another time: where there is no such `touch`, or the file system keeps less.
 */
export async function touchExactly(times: ReadonlyMap<Bytes, bigint>): Promise<number> {
  if (times.size === 0) return 0;
  await new Promise<void>((resolve) => {
    const child = spawn('xargs', ['-0', '-n', '3', 'touch', '-h', '-c', '-d'], {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.on('error', () => {
      resolve();
    });
    child.on('close', () => {
      resolve();
    });
    // It may be gone before it has read all.
    child.stdin.on('error', () => undefined);
    for (const [file, time] of times) {
      child.stdin.write(`@${decimalTime(time)}\0--\0`);
      child.stdin.write(Buffer.concat([bufferOf(file), Buffer.alloc(1)]));
    }
    child.stdin.end();
  });
  return [...times].filter(([file, time]) => !hasTime(file, time)).length;
}

function hasTime(file: Bytes, time: bigint): boolean {
  return lstatSync(bufferOf(file), { bigint: true }).mtimeNs === time;
}
