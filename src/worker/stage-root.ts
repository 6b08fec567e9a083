import { chmod, lutimes, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { BlobCache } from '../executor/action-service.ts';
import { decodeDirectory, digestBytes, type DirectoryMessage } from '../store/directory-message.ts';

/** A message or blob is missing from a cache, or malformed. */
export class BadBlob extends Error {
  constructor(blob: Digest, what: string) {
    super(`${blob} ${what}`);
    this.name = 'BadBlob';
  }
}

/** Directories for what the kernel provides, which exist before the root is staged. */
const kernelNames: ReadonlySet<string> = new Set(['dev', 'proc']);

const emptyDirectory = digestBytes(new Uint8Array());

/**
 * Writes the tree with this root `Directory` below an existing directory, using only what the cache has. Every entry
 * gets the same modification time, in seconds since 1970. Its `dev` and `proc`, if any, must be empty directories.
 * Throws `BadBlob`.
 */
export async function stageRoot(
  root: Digest,
  directory: string,
  blobs: BlobCache,
  seconds: number,
): Promise<void> {
  const message = await needDirectory(blobs, root);
  const { files, symlinks, directories } = message;
  const isKernels = ({ name }: { readonly name: string }) => kernelNames.has(name);
  const filled = directories.filter(isKernels).some(({ digest }) => digest !== emptyDirectory);
  // They could redirect writes to a place outside.
  if (filled || [...files, ...symlinks].some(isKernels))
    throw new BadBlob(root, 'has a /dev or /proc of its own');
  const others = directories.filter((each) => !isKernels(each));
  await stageMessage({ ...message, directories: others }, directory, blobs, seconds);
}

async function needDirectory(blobs: BlobCache, digest: Digest): Promise<DirectoryMessage> {
  const message = decodeDirectory(await needBlob(blobs, digest));
  if (message === undefined) throw new BadBlob(digest, 'is not a Directory message');
  return message;
}

async function stageMessage(
  message: DirectoryMessage,
  directory: string,
  blobs: BlobCache,
  seconds: number,
): Promise<void> {
  for (const { name, digest, executable } of message.files) {
    const path = join(directory, name);
    await writeFile(path, await needBlob(blobs, digest));
    await chmod(path, executable ? 0o755 : 0o644);
    await lutimes(path, seconds, seconds);
  }
  for (const { name, target } of message.symlinks) {
    await symlink(target, join(directory, name));
    await lutimes(join(directory, name), seconds, seconds);
  }
  for (const { name, digest } of message.directories) {
    const path = join(directory, name);
    await mkdir(path);
    await chmod(path, 0o755);
    await stageMessage(await needDirectory(blobs, digest), path, blobs, seconds);
  }
  await lutimes(directory, seconds, seconds);
}

/** A blob that must exist. Throws `BadBlob`. */
export async function needBlob(blobs: BlobCache, blob: Digest): Promise<Uint8Array> {
  const bytes = await blobs.get(blob);
  if (bytes === undefined) throw new BadBlob(blob, 'is missing');
  return bytes;
}
