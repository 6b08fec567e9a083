import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from './failure.ts';
import { failed, ok, type Result } from './result.ts';

/** Where the machine keeps programs; the caller's PATH is not used, so that it has no influence. */
export const machinePath: readonly string[] = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** Programs of the machine that set up a sandbox, with the Debian package of each. Actions see none of them. */
const packages = {
  mount: 'mount',
  cp: 'coreutils',
  mkdir: 'coreutils',
  mkfifo: 'coreutils',
  sh: 'dash',
} as const;

/** Absolute path of each program. */
export type HostPrograms = Readonly<Record<keyof typeof packages, string>>;

/** The first executable of this name in the machine's program directories. */
export async function findProgram(
  name: string,
  directories: readonly string[] = machinePath,
): Promise<string | undefined> {
  for (const directory of directories) {
    const path = join(directory, name);
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

/** Finds all programs that a sandbox needs. */
export async function findHostPrograms(
  directories: readonly string[] = machinePath,
): Promise<Result<HostPrograms, Failure>> {
  const found: [string, string][] = [];
  for (const [program, debianPackage] of Object.entries(packages)) {
    const path = await findProgram(program, directories);
    if (path === undefined) {
      return failed({ reason: 'missing-program', program, purpose: 'setting up sandboxes', debianPackage });
    }
    found.push([program, path]);
  }
  return ok(Object.fromEntries(found) as HostPrograms);
}
