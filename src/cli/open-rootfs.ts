import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { readPackageList } from '../definitions/package-list.ts';
import { digestOverlay, type UserDirectory } from '../repository/overlay.ts';
import type { RootfsWanted } from '../system/build-rootfs.ts';
import { openSystemFor, type SystemWithPins } from './open-system.ts';
import { systemWanted, type SystemBuildOptions } from './system-build-options.ts';
import type { Session } from './session.ts';

/** Options of `bootstrap rootfs`. */
export interface RootfsOptions extends Omit<SystemBuildOptions, 'only' | 'check'> {
  /** File with the list of packages. */
  readonly packages: string;
  /** File of the system among whose chunks these are. Undefined: our base system for the arch. */
  readonly system?: string;
  /** File for a report, as JSON. */
  readonly report?: string;
}

/** Name of the products: that of the file with the list, without its end. */
export function rootfsTitle({ packages }: Pick<RootfsOptions, 'packages'>): string {
  return path.basename(packages).replace(/\.[^.]*$/, '');
}

/** Reads everything that the user has named. */
export async function openRootfs(
  session: Session,
  arch: string,
  title: string,
  options: RootfsOptions,
): Promise<Result<SystemWithPins & { readonly wanted: RootfsWanted }, Failure>> {
  const opened = await openSystemFor(session, arch, 'the root filesystem', options);
  if (!opened.ok) return opened;
  const { system } = opened.value;
  const text = await readList(path.resolve(session.cwd, options.packages), options.packages);
  if (!text.ok) return text;
  const list = readPackageList(options.packages, text.value, system);
  if (!list.ok) return list;
  const beside = path.dirname(path.resolve(session.cwd, options.packages));
  const before = await overlayAt(path.join(beside, 'pre_install_overlay'));
  if (!before.ok) return before;
  const after = await overlayAt(path.join(beside, 'post_install_overlay'));
  if (!after.ok) return after;
  const wanted = systemWanted(opened.value, options);
  return ok({
    ...opened.value,
    wanted: {
      ...wanted,
      ...{ title, file: options.packages, list: list.value, formats: wanted.formats ?? ['tar'] },
      ...(before.value === undefined ? {} : { before: before.value }),
      ...(after.value === undefined ? {} : { after: after.value }),
    },
  });
}

async function readList(file: string, named: string): Promise<Result<string, Failure>> {
  try {
    return ok(await readFile(file, 'utf8'));
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    const hint = 'Name a YAML file with a list of packages: docs/systems.md says how it looks.';
    return failed({ reason: 'unreadable-user-file', what: 'the list of packages', path: named, code, hint });
  }
}

/** A directory beside the list; there need not be one. */
async function overlayAt(directory: string): Promise<Result<UserDirectory | undefined, Failure>> {
  const found = await stat(directory).catch(() => undefined);
  return found === undefined ? ok(undefined) : digestOverlay(directory);
}
