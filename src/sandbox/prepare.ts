import { chmod, constants, copyFile, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../core/fault.ts';
import type { Layout, Mount } from './layout.ts';

/** A mount with its number, which names its directories in the scratch directory. */
export interface NumberedMount {
  readonly number: number;
  readonly mount: Mount;
}

/** Device nodes of the machine that are bound into every root. */
export const devices = ['null', 'zero', 'full', 'random', 'urandom'];

const deviceLinks: Readonly<Record<string, string>> = {
  '/dev/fd': '/proc/self/fd',
  '/dev/stdin': '/proc/self/fd/0',
  '/dev/stdout': '/proc/self/fd/1',
  '/dev/stderr': '/proc/self/fd/2',
};

/** Paths of the parts of a sandbox in its scratch directory. */
export const places = {
  /** The root directory, onto which everything is mounted. */
  root: 'root',
  /** A directory that the action may write. */
  scratch: (number: number) => `w/${String(number)}`,
  /** The layer over a writable union; if unions are made by copying, the copy. */
  upper: (number: number) => `u/${String(number)}/upper`,
  work: (number: number) => `u/${String(number)}/work`,
  /** Links to the lower directories, so that any number of them fits in the single page allowed for mount options. */
  lower: (number: number, index: number) => `l/${String(number)}.${String(index)}`,
  /** Mount points that no lower directory has. */
  skeleton: (number: number) => `s/${String(number)}`,
  file: (number: number) => `f/${String(number)}`,
  /** Copy of an output that was in a union. */
  output: (name: string) => `o/${name}`,
} as const;

/** Makes `base/path` with all parents, with modes that do not depend on the caller's umask. */
async function makeDirectories(base: string, path = ''): Promise<void> {
  await mkdir(base, { recursive: true });
  let at = base;
  for (const part of ['', ...path.split('/').filter((name) => name !== '')]) {
    at = join(at, part);
    await mkdir(at, { recursive: true });
    await chmod(at, 0o755);
  }
}

async function makeFile(path: string, text: string, mode: 0o644 | 0o755 = 0o644): Promise<void> {
  await writeFile(path, text);
  await chmod(path, mode);
}

async function placeFile(from: string, to: string, executable: boolean, seconds: number): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, executable ? 0o755 : 0o644);
  await utimes(to, seconds, seconds);
}

/**
 * Makes everything in a layout that needs no mount: the root's skeleton, the action's own directories, and what unions
 * need. `seconds` is the modification time of files that stand for inputs.
 */
export async function prepare(
  layout: Layout,
  scratch: string,
  seconds: number,
): Promise<readonly NumberedMount[]> {
  const root = join(scratch, places.root);
  for (const path of layout.directories) await makeDirectories(root, path);
  for (const [path, target] of Object.entries({ ...layout.links, ...deviceLinks })) {
    await symlink(target, join(root, path));
  }
  for (const [path, { text, executable }] of Object.entries(layout.texts)) {
    await makeFile(join(root, path), text, executable ? 0o755 : 0o644);
  }
  for (const device of devices) await makeFile(join(root, 'dev', device), '');
  for (const [path, file] of Object.entries(layout.files)) {
    await placeFile(file.source, join(root, path), file.executable, seconds);
  }
  const mounts = numbered(layout);
  for (const { mount, number } of mounts) await prepareMount(mount, number, scratch, seconds);
  return mounts;
}

/** The mounts of a layout, as `prepare` numbers them. */
export function numbered(layout: Layout): readonly NumberedMount[] {
  return layout.mounts.map((mount, number) => ({ mount, number }));
}

/**
 * Changes the modes of directories in the scratch that the kernel made with mode 000, so that an ordinary user can
 * remove them.
 */
export async function openWorkDirectories(layout: Layout, scratch: string): Promise<void> {
  for (const [number, mount] of layout.mounts.entries()) {
    if (mount.kind !== 'union' || !mount.writable) continue;
    await chmod(join(scratch, places.work(number), 'work'), 0o700).catch((error: unknown) => {
      // Never mounted, or made by copying.
      if (errorCode(error) !== 'ENOENT') throw error;
    });
  }
}

async function prepareMount(mount: Mount, number: number, scratch: string, seconds: number): Promise<void> {
  const at = (place: string) => join(scratch, place);
  switch (mount.kind) {
    case 'tree':
      return;
    case 'file':
      await makeDirectories(at('f'));
      return placeFile(mount.source, at(places.file(number)), mount.executable, seconds);
    case 'scratch':
      return makeMountPoints(mount, at(places.scratch(number)));
    case 'union':
      if (mount.writable) {
        await makeDirectories(at(places.upper(number)));
        await makeDirectories(at(places.work(number)));
      }
      await makeMountPoints(mount, at(places.skeleton(number)));
      for (const [path, { text, executable }] of Object.entries(mount.texts)) {
        await makeDirectories(at(places.skeleton(number)), dirname(path));
        await makeFile(at(join(places.skeleton(number), path)), text, executable ? 0o755 : 0o644);
      }
      await makeDirectories(at('l'));
      await Promise.all(mount.lowers.map((lower, index) => symlink(lower, at(places.lower(number, index)))));
      return;
  }
}

async function makeMountPoints(mount: Mount & { kind: 'scratch' | 'union' }, base: string): Promise<void> {
  await makeDirectories(base);
  for (const path of mount.directories) await makeDirectories(base, path);
  for (const path of mount.files) {
    await makeDirectories(base, dirname(path));
    await makeFile(join(base, path), '');
  }
}
