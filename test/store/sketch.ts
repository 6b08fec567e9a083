import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * A tree written down: path to content. A string or bytes is a plain file; directories on the way are made.
 * An empty directory is `{ directory: true }`.
 */
export type TreeSketch = Readonly<
  Record<
    string,
    | string
    | Uint8Array
    | { readonly executable: string | Uint8Array }
    | { readonly link: string }
    | { readonly directory: true }
  >
>;

/** Writes a sketch below an existing or new directory. */
export async function writeSketch(directory: string, sketch: TreeSketch): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [path, content] of Object.entries(sketch)) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(file, content);
    else if ('link' in content) await symlink(content.link, file);
    else if ('directory' in content) await mkdir(file, { recursive: true });
    else {
      await writeFile(file, content.executable);
      await chmod(file, 0o755);
    }
  }
}
