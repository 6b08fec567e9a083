import { chmod, copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { rootDiskFiles } from '../../stages/image-kinds.ts';
import { imageFiles } from '../image/emulator.ts';
import { packCpio, type PackedFile } from './cpio.ts';

/** Where an image has files for the guest, and how it is started. */
export interface HandedImage {
  /** `run-emulator.sh` to start. */
  readonly script: string;
  /** Directory in the guest that holds the files. */
  readonly place: string;
}

/**
 * Gives a guest files, whatever its board can do: an image whose root filesystem is an initramfs gets a double in
 * `directory` with a second archive behind that, which the kernel unpacks too. Where the root filesystem is a disk, the
 * files go into the folder that the guest has on /share.
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
  // The script looks beside itself, and follows links to do so.
  await copyFile(path.join(image, imageFiles.script), path.join(directory, imageFiles.script));
  const below = new Map([...files].map(([name, file]) => [`tests/${name}`, file]));
  const archives = [await readFile(path.join(image, imageFiles.initramfs)), gzipSync(packCpio(below))];
  await writeFile(path.join(directory, imageFiles.initramfs), Buffer.concat(archives));
  return { script: path.join(directory, imageFiles.script), place: '/tests' };
}
