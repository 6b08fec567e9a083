import path from 'node:path';
import { count } from '../core/count.ts';
import { packShareFile, unpackShareFile } from '../virtfs/share-file.ts';
import { catchInterrupts } from './interrupt.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, type Session } from './session.ts';

/** `bootstrap share pack DIR TARBALL`: packs what the guest sees of a share into a tarball. */
export async function sharePackCommand(
  session: Session,
  directory: string,
  tarball: string,
): Promise<ExitCode> {
  const interrupt = catchInterrupts(
    (line) => session.err(`${line}\n`),
    () => undefined,
  );
  try {
    const packed = await packShareFile({
      directory: path.resolve(session.cwd, directory),
      tarball: path.resolve(session.cwd, tarball),
      tarballName: tarball,
      signal: interrupt.signal,
    });
    if (!packed.ok) return explain(session, packed.failure);
    for (const socket of packed.value.sockets) {
      session.err(`bootstrap: left out the socket ${socket}, which no tarball can hold\n`);
    }
    session.out(`${tarball}: ${entryCount(packed.value.entries)}\n`);
    return 0;
  } finally {
    interrupt.release();
  }
}

/** `bootstrap share unpack TARBALL DIR`: unpacks a tarball into a directory to share with a guest. */
export async function shareUnpackCommand(
  session: Session,
  tarball: string,
  directory: string,
): Promise<ExitCode> {
  const interrupt = catchInterrupts(
    (line) => session.err(`${line}\n`),
    () => undefined,
  );
  try {
    const unpacked = await unpackShareFile({
      directory: path.resolve(session.cwd, directory),
      tarball: path.resolve(session.cwd, tarball),
      tarballName: tarball,
      signal: interrupt.signal,
    });
    if (!unpacked.ok) return explain(session, unpacked.failure);
    const { entries, inexactTimes } = unpacked.value;
    if (inexactTimes > 0) {
      session.err(`bootstrap: ${count(inexactTimes, 'time')} could not be set to the nanosecond\n`);
    }
    session.out(`${directory}: ${entryCount(entries)}\n`);
    return 0;
  } finally {
    interrupt.release();
  }
}

function entryCount(number: number): string {
  return number === 1 ? '1 entry' : `${String(number)} entries`;
}
