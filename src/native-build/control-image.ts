import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import {
  controlFiles,
  noControlSettings,
  parseControl,
  type ControlSettings,
} from '../image/control-file.ts';
import { unpackInThread } from '../sources/unpack-thread.ts';
import { errorCode } from '../core/fault.ts';
import type { Store } from '../store/store.ts';
import { copyUserDirectory, readUserFiles, type UserPath } from '../store/user-directory.ts';

/** A control directory or archive, as it was when it was read. */
export interface ControlDirectory {
  /** Its tree, in the store. */
  readonly tree: Digest;
  readonly settings: ControlSettings;
}

export interface ControlRequest {
  /** Absolute path of a directory or a tar archive. */
  readonly place: string;
  /** What the user called it. */
  readonly name: string;
  /** Names of all sources that it may request. */
  readonly known: readonly string[];
}

/**
 * Copies a control directory or archive into the store. Fails with `unfit-user-file` if the guest could not use it,
 * with `unreadable-user-file`, and with `bad-input` if its control.json is malformed.
 */
export async function readControl(
  store: Store,
  request: ControlRequest,
): Promise<Result<ControlDirectory, Failure>> {
  const scratch = await store.makeScratch('control image');
  try {
    const copied = await copy(request, scratch.path);
    if (!copied.ok) return copied;
    const settings = await check(request, copied.value);
    if (!settings.ok) return settings;
    const tree = await store.adoptTree(copied.value);
    if (tree.ok) return ok({ tree: tree.value, settings: settings.value });
    return tree.failure.reason === 'unfit-tree'
      ? failed(refusal(request, tree.failure.why))
      : failed(tree.failure);
  } finally {
    await scratch.release();
  }
}

const wanted = `A control image is a directory or tar archive with an executable file '${controlFiles.init}' at its top.`;

function refusal({ name }: ControlRequest, why: string, hint: string = wanted): Failure {
  return { reason: 'unfit-user-file', what: 'the control image', path: name, why, hint };
}

/** Returns a directory below `into` with the same contents. */
function copy(request: ControlRequest, into: string): Promise<Result<string, Failure>> {
  const from: UserPath = { what: 'the control image', path: request.place, hint: wanted };
  return readUserFiles(from, async () => {
    const found = await stat(from.path);
    if (found.isFile()) return unpackArchive(request, into);
    if (!found.isDirectory()) return failed(refusal(request, 'is neither a directory nor a file'));
    const tree = path.join(into, 'tree');
    const copied = await copyUserDirectory(from, tree);
    return copied.ok ? ok(tree) : copied;
  });
}

async function unpackArchive(request: ControlRequest, into: string): Promise<Result<string, Failure>> {
  const unpacked = await unpackInThread({ archive: request.place, name: request.name, into });
  if (unpacked.ok) return unpacked;
  const { failure } = unpacked;
  if (failure.reason === 'bad-archive') return failed(refusal(request, `cannot be unpacked: ${failure.why}`));
  if (failure.reason === 'hostile-archive') {
    return failed(refusal(request, `has an entry ${failure.entry} that is refused: ${failure.why}`));
  }
  return unpacked;
}

async function check(request: ControlRequest, tree: string): Promise<Result<ControlSettings, Failure>> {
  const init = path.join(tree, controlFiles.init);
  const found = await stat(init).catch(() => undefined);
  if (found === undefined) return failed(refusal(request, `has no ${controlFiles.init}`));
  const target = await realpath(init);
  if (!found.isFile() || !target.startsWith(`${await realpath(tree)}/`)) {
    return failed(refusal(request, `has an ${controlFiles.init} that is not a file`));
  }
  if ((found.mode & 0o100) === 0) {
    return failed(
      refusal(
        request,
        `has an ${controlFiles.init} that is not executable`,
        'Make it so with: chmod +x init',
      ),
    );
  }
  const settings = await readSettings(request, tree);
  if (!settings.ok) return settings;
  for (const source of settings.value.sources) {
    const at = path.join(controlFiles.sources, source);
    const top = await lstat(path.join(tree, controlFiles.sources)).catch(() => undefined);
    const taken = top !== undefined && (!top.isDirectory() || (await exists(path.join(tree, at))));
    if (!taken) continue;
    const why = `has ${top.isDirectory() ? at : `a file ${controlFiles.sources}`} of its own`;
    const hint = `${controlFiles.settings} puts a source there: rename one of the two.`;
    return failed(refusal(request, why, hint));
  }
  return settings;
}

async function readSettings(
  { name, known }: ControlRequest,
  tree: string,
): Promise<Result<ControlSettings, Failure>> {
  const file = path.join(tree, controlFiles.settings);
  if (!(await exists(file))) return ok(noControlSettings);
  const shown = path.join(name, controlFiles.settings);
  try {
    return parseControl(await readFile(file, 'utf8'), shown, known);
  } catch (error) {
    const faults = [{ field: '', message: `cannot be read (${errorCode(error) ?? String(error)})` }];
    return failed({ reason: 'bad-input', file: shown, faults });
  }
}

function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}
