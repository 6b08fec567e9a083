import { spawn } from 'node:child_process';
import { lstatSync, utimesSync } from 'node:fs';
import { bufferOf, type Bytes } from './bytes.ts';
import { decimalTime, splitTime } from './entry.ts';

/**
 * Sets the time of a file that is not a link, and returns whether it now has exactly that time. Node passes times on as
 * floating-point seconds, which are precise to microseconds only.
 */
export function setTime(file: Bytes, time: bigint): boolean {
  const { seconds, nanoseconds } = splitTime(time);
  // Half a microsecond more, because libc rounds down what may already be slightly too small.
  const fraction = nanoseconds === 0n ? 0 : (Number(nanoseconds / 1000n) + 0.5) / 1e6;
  const rounded = Number(seconds) + fraction;
  utimesSync(bufferOf(file), rounded, rounded);
  return hasTime(file, time);
}

/**
 * Sets times to the nanosecond with the machine's `touch`, which costs processes. Returns the number of files that
 * still have another time: because there is no such `touch`, or the file system stores less precise times.
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
    // It may exit before it has read everything.
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
