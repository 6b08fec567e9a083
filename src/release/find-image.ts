import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Arch } from '../inputs/arch.ts';
import { imageFiles } from '../image/emulator.ts';
import { outDirectory, type Session } from '../cli/session.ts';

/**
 * Path of `run-emulator.sh` of an arch's image in the output directory, absolute. A failure where there is no image, or no
 * emulator to boot it.
 */
export async function findImage(
  session: Session,
  arch: Arch,
  out: string | undefined,
): Promise<Result<string, Failure>> {
  const script = path.join(
    outDirectory(session, out, arch.name),
    `system-image-${arch.name}`,
    imageFiles.script,
  );
  if (!(await exists(script))) {
    const where = out === undefined ? '' : ` --out ${out}`;
    return failed({
      reason: 'wrong-use',
      what: `there is no image for ${arch.name}: ${script} does not exist`,
      hint: `Make one with: bootstrap image ${arch.name} --with-native${where}`,
    });
  }
  return bootable(session, arch, script);
}

/** The same for an image in a directory that the user names. */
export async function imageScript(
  session: Session,
  arch: Arch,
  directory: string,
): Promise<Result<string, Failure>> {
  const script = path.join(directory, imageFiles.script);
  if (await exists(script)) return bootable(session, arch, script);
  return failed({
    reason: 'wrong-use',
    what: `there is no image in ${directory}: it has no ${imageFiles.script}`,
    hint: `Name the directory system-image-${arch.name} of some products, or make one with: bootstrap image ${arch.name}`,
  });
}

/** What an image lacks whose script is there, if anything. */
export async function incompleteImage(arch: Arch, script: string): Promise<Failure | undefined> {
  const directory = path.dirname(script);
  if (await exists(path.join(directory, imageFiles.initramfs))) return undefined;
  return {
    reason: 'wrong-use',
    what: `the image in ${directory} is not whole: it has no ${imageFiles.initramfs}`,
    hint: `Make it anew with: bootstrap image ${arch.name}`,
  };
}

async function bootable(session: Session, arch: Arch, script: string): Promise<Result<string, Failure>> {
  const { program, debianPackage } = arch.emulator;
  if ((await findInPath(program, session.env['PATH'] ?? '')) === undefined) {
    return failed({
      reason: 'missing-program',
      program,
      purpose: `booting ${arch.name}`,
      debianPackage,
    });
  }
  return ok(script);
}

/** Absolute path of a program in the user's PATH. */
export async function findInPath(program: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(':')) {
    const file = path.resolve(directory === '' ? '.' : directory, program);
    if (await exists(file, constants.X_OK)) return file;
  }
  return undefined;
}

/** Whether there is such a file that may be read. */
export function isFile(file: string): Promise<boolean> {
  return exists(file, constants.R_OK);
}

function exists(file: string, mode = constants.F_OK): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
}
