import { failed, ok, type Result } from '../core/result.ts';

/**
 * The components of an entry's name, without `.` and empty ones; none for the root itself. The failure says why the
 * name is refused.
 */
export function nameParts(name: string): Result<readonly string[], string> {
  if (name.startsWith('/')) return failed('an absolute path');
  if (name.includes('\0')) return failed('a NUL byte in a name');
  // The tar reader replaces bytes that are not UTF-8 by U+FFFD, which could make two names equal.
  if (name.includes('\ufffd')) return failed('a name that is not UTF-8');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return failed('a path with `..`');
  if (Buffer.byteLength(name) > 2048) return failed('a path of more than 2048 bytes');
  if (parts.some((part) => Buffer.byteLength(part) > 255)) return failed('a name of more than 255 bytes');
  return ok(parts);
}
