import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const memory = '/dev/shm';
/** `f_type` of tmpfs, TMPFS_MAGIC of linux/magic.h. */
const tmpfs = 0x01021994;
/** Bytes. The tests use some hundred megabytes at once; containers often get 64 MB. */
const enough = 2 * 1024 ** 3;

/**
 * Directory under which tests make theirs: memory if there is enough of it and programs may be run from it, otherwise
 * the usual one. Making a file on disk costs fifty times the processor time.
 */
export function scratchParent(): string {
  return isFit() ? memory : tmpdir();
}

function isFit(): boolean {
  try {
    accessSync(memory, constants.W_OK | constants.X_OK);
    const { type, bavail, bsize } = statfsSync(memory);
    return type === tmpfs && bavail * bsize >= enough && !isNoexec();
  } catch {
    return false;
  }
}

/** mountinfo(5): the fifth field is the mount point, the sixth its options. */
function isNoexec(): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .some((fields) => fields[4] === memory && fields[5]?.split(',').includes('noexec'));
}
