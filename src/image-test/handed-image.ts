import { chmod, copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { rootDiskFiles } from '../../stages/image-kinds.ts';
import { imageFiles } from '../image/emulator.ts';
import { packCpio, type PackedFile } from './cpio.ts';

/** An image with files for the guest, and how to start it. */
export interface HandedImage {
  /** `run-emulator.sh` to start. */
  readonly script: string;
  /** Directory in the guest that contains the files. */
  readonly place: string;
}

/**
 * Passes files to a guest, whatever its board supports: an image whose root filesystem is an initramfs is duplicated in
 * `directory` with a second archive appended to the initramfs, which the kernel unpacks too. If the root filesystem is
 * a disk, the files go into the directory that the guest has on /share.
 */
export async function handFiles(
  image: string,
  directory: string,
  share: string,
  files: ReadonlyMap<string, PackedFile>,
): Promise<HandedImage> {
  const names = await readdir(image);
  if (names.some((name) => rootDiskFiles.includes(name))) {
    for (const [name, { bytes, executable }] of files) {
      const file = path.join(share, 'tests', name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, bytes);
      await chmod(file, executable ? 0o755 : 0o644);
    }
    return { script: path.join(image, imageFiles.script), place: '/share/tests' };
  }
  await mkdir(directory, { recursive: true });
  for (const name of names) {
    if (name === imageFiles.script || name === imageFiles.initramfs) continue;
    await symlink(path.join(image, name), path.join(directory, name));
  }
  // The script looks for the image beside itself, after resolving links.
  await copyFile(path.join(image, imageFiles.script), path.join(directory, imageFiles.script));
  const below = new Map([...files].map(([name, file]) => [`tests/${name}`, file]));
  const archives = [await readFile(path.join(image, imageFiles.initramfs)), gzipSync(packCpio(below))];
  await writeFile(path.join(directory, imageFiles.initramfs), Buffer.concat(archives));
  return { script: path.join(directory, imageFiles.script), place: '/tests' };
}
