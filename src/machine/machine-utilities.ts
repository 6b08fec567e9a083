import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { findProgram } from '../core/host-programs.ts';
import { programDirectories } from './machine-compiler.ts';
import { MachineFiles } from './machine-files.ts';

/** Programs that the first action needs, by the Debian package that provides them. */
const needed: Readonly<Record<string, string>> = {
  make: 'make',
  sh: 'dash',
  sed: 'sed',
  grep: 'grep',
  awk: 'mawk',
  find: 'findutils',
  xargs: 'findutils',
  cmp: 'diffutils',
  diff: 'diffutils',
  gzip: 'gzip',
  ...Object.fromEntries(
    (
      'basename cat chmod cp cut date dd dirname echo env expr false head install ln ls mkdir mktemp mv od printf pwd ' +
      'readlink rm rmdir sha256sum sleep sort stat tail tee test touch tr true uname uniq wc'
    )
      .split(' ')
      .map((name) => [name, 'coreutils']),
  ),
};

/** Programs that are included if the machine has them. */
const optional = (
  '[ base64 bzip2 bunzip2 bzcat chgrp chown cksum comm df du egrep expand fgrep fold gunzip id join link md5sum mkfifo nice ' +
  'nl nohup nproc paste printenv realpath seq sha1sum sha512sum split sum sync tac tar timeout truncate tsort unexpand ' +
  'unlink whoami yes zcat'
).split(' ');

/** Names of all programs that are searched for. */
export const utilityNames: readonly string[] = [...Object.keys(needed), ...optional];

/** Lists the machine's make, shell and small programs with their libraries. */
export async function listUtilities(
  directories: readonly string[] = programDirectories,
): Promise<Result<MachineFiles, Failure>> {
  const files = new MachineFiles();
  for (const [name, debianPackage] of Object.entries(needed)) {
    const path = await findProgram(name, directories);
    if (path === undefined) {
      return failed({ reason: 'missing-program', program: name, purpose: 'building busybox', debianPackage });
    }
    await files.addProgram(name, path);
  }
  for (const name of optional) {
    const path = await findProgram(name, directories);
    if (path !== undefined) await files.addProgram(name, path);
  }
  return ok(files);
}
