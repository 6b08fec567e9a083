import type { Bytes } from './bytes.ts';
import { TarFault } from './fault.ts';
import { isReserved } from './metadata.ts';

/** The kernel's limit for the length of a path, without the terminating NUL. */
const longestPath = 4095;
const longestName = 255;

/**
 * A name in a tarball as a path inside the share, without `.` and empty components; empty for the share's own
 * directory. Throws TarFault, naming `entry`, for what could lead out of the share or cannot be stored in it.
 */
export function archivePath(name: Bytes, entry: Bytes): Bytes {
  const refuse = (why: string): TarFault => new TarFault(entry, why);
  if (name.startsWith('/')) throw refuse('an absolute path');
  if (name.includes('\0')) throw refuse('a NUL byte in a name');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse('a path with `..`');
  const path = parts.join('/') as Bytes;
  if (path.length > longestPath) throw refuse(`a path of more than ${String(longestPath)} bytes`);
  for (const part of parts) {
    if (part.length > longestName) throw refuse(`a name of more than ${String(longestName)} bytes`);
    if (isReserved(part as Bytes)) throw refuse(`the name ${part}, which is reserved in shares`);
  }
  return path;
}
