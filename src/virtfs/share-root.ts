import { existsSync, realpathSync, statSync } from 'node:fs';
import { badShare, atFile } from './fault.ts';
import { bufferOf, toBytes, type Bytes } from './bytes.ts';
import { metadataDirectory, rootMetadata } from './metadata.ts';

const hint = 'Name the directory that the emulator shares with its guest.';

/** Location of a share on the host. */
export interface ShareRoot {
  /** Absolute, without links. */
  readonly path: Bytes;
  /** Absolute path of the file with the attributes of the directory itself. */
  readonly metadata: Bytes;
}

/**
 * Opens a directory as a share, or as a part of one: inside a share, its own attributes are stored beside it like those
 * of any other name. Throws ShareFault.
 */
export function openShareRoot(directory: string): ShareRoot {
  const named = toBytes(directory);
  const found = atFile(named, () => statSync(bufferOf(named), { throwIfNoEntry: false }));
  if (found === undefined) throw badShare(named, 'there is no such directory', hint);
  if (!found.isDirectory()) throw badShare(named, 'it is not a directory', hint);
  const path = atFile(named, () => toBytes(realpathSync.native(bufferOf(named), { encoding: 'buffer' })));
  const cut = path.lastIndexOf('/');
  const ofPart = `${path.slice(0, cut)}/${metadataDirectory}/${path.slice(cut + 1)}` as Bytes;
  const ofWhole = `${path}/${rootMetadata}` as Bytes;
  const isPart = path !== '/' && !existsSync(bufferOf(ofWhole)) && existsSync(bufferOf(ofPart));
  return { path, metadata: isPart ? ofPart : ofWhole };
}
