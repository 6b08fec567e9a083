import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseManifest, type Manifest } from './manifest.ts';
import { manifestName } from './out-directory.ts';

/** The manifest that an earlier run left in an output directory; undefined if there is none that can be used. */
export async function readManifest(directory: string): Promise<Manifest | undefined> {
  const text = await readFile(path.join(directory, manifestName), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseManifest(text);
}
