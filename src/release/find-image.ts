import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Arch } from '../inputs/arch.ts';
import { imageFiles } from '../image/emulator.ts';

/** Where to look for an image, and what is needed to boot it. */
export interface ImageRequest {
  /** `out/<arch>`, absolute. */
  readonly directory: string;
  /** `--out` as the user wrote it, for the hint on how to make an image. Undefined: not given. */
  readonly out?: string;
  /** Options that choose its versions, likewise. Undefined or empty: the default ones. */
  readonly versions?: readonly string[];
  /** The user's PATH. */
  readonly searchPath: string;
}

/**
 * Path of `run-emulator.sh` of an arch's image in the output directory, absolute. Fails with `no-image`, or with
 * `missing-program` if there is no emulator to boot it.
 */
export async function findImage(
  arch: Arch,
  { directory, out, versions = [], searchPath }: ImageRequest,
): Promise<Result<string, Failure>> {
  const image = path.join(directory, `system-image-${arch.name}`);
  const script = path.join(image, imageFiles.script);
  if (await exists(script)) return bootable(arch, script, searchPath);
  const options = ['--with-native', ...versions, ...(out === undefined ? [] : ['--out', out])];
  return failed(noImage(arch, image, imageFiles.script, options));
}

/** The same for an image in a directory named by the user. */
export async function imageScript(
  arch: Arch,
  { directory, searchPath }: Pick<ImageRequest, 'directory' | 'searchPath'>,
): Promise<Result<string, Failure>> {
  const script = path.join(directory, imageFiles.script);
  if (await exists(script)) return bootable(arch, script, searchPath);
  return failed(noImage(arch, directory, imageFiles.script));
}

/** A failure if the image of an existing script lacks files. */
export async function incompleteImage(arch: Arch, script: string): Promise<Failure | undefined> {
  const directory = path.dirname(script);
  if (await exists(path.join(directory, imageFiles.initramfs))) return undefined;
  return noImage(arch, directory, imageFiles.initramfs);
}

function noImage(
  { name }: Arch,
  directory: string,
  missing: string,
  options: readonly string[] = [],
): Failure {
  return { reason: 'no-image', arch: name, directory, missing, options };
}

async function bootable(arch: Arch, script: string, searchPath: string): Promise<Result<string, Failure>> {
  const { program, debianPackage } = arch.emulator;
  if ((await findInPath(program, searchPath)) !== undefined) return ok(script);
  return failed({ reason: 'missing-program', program, purpose: `booting ${arch.name}`, debianPackage });
}

/** Absolute path of a program in the user's PATH. */
export async function findInPath(program: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(':')) {
    const file = path.resolve(directory === '' ? '.' : directory, program);
    if (await exists(file, constants.X_OK)) return file;
  }
  return undefined;
}

/** Whether it is an existing, readable file. */
export function isFile(file: string): Promise<boolean> {
  return exists(file, constants.R_OK);
}

function exists(file: string, mode = constants.F_OK): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
}
