import { open, stat } from 'node:fs/promises';
import { describeSystemError, errorCode } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Arch } from '../inputs/arch.ts';

/** A file or directory of the user: its path, and the name as the user gave it. */
export interface NamedPlace {
  /** Absolute. */
  readonly path: string;
  readonly name: string;
}

/** What a user wants attached to a guest in addition to its image. */
export interface WantedAttachments {
  /** MiB. Undefined: the value of `QEMU_MEMORY`, or else the descriptor's. */
  readonly memory?: number | undefined;
  /** Directory to attach as /share. */
  readonly share?: NamedPlace | undefined;
  /** File of a system, squashfs or ext2. */
  readonly root?: NamedPlace | undefined;
  /** File of the scratch disk for /home; created if missing. */
  readonly home?: NamedPlace | undefined;
}

/** Size of a new scratch disk, in bytes. The file is sparse and takes only what is written to it. */
const scratchDiskSize = 4 * 1024 ** 3;

/** Variables of run-emulator.sh for the attachments. Fails with `bad-option`, `unwritable` or `no-room`. */
export async function attachmentVariables(
  arch: Arch,
  wanted: WantedAttachments,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Result<Readonly<Record<string, string>>, Failure>> {
  const variables: Record<string, string> = {};
  const { limit = Infinity } = arch.emulator.memory;
  const [option, value, memory] =
    wanted.memory === undefined
      ? [`QEMU_MEMORY=${String(environment['QEMU_MEMORY'])}`, '', Number(environment['QEMU_MEMORY'])]
      : ['--memory', String(wanted.memory), wanted.memory];
  if (memory > limit) {
    const why = `the machine for ${arch.name} takes at most ${String(limit)} MiB`;
    return failed({ reason: 'bad-option', option, value, why, hint: 'Ask for less.' });
  }
  if (wanted.memory !== undefined) variables['QEMU_MEMORY'] = String(wanted.memory);
  if (wanted.share !== undefined) {
    const kind = await kindOf(wanted.share.path);
    if (kind !== 'directory') {
      const why = kind === 'nothing' ? 'there is no such directory' : 'it is not a directory';
      const hint = 'Name a directory; it appears in the guest as /share.';
      return failed({ reason: 'bad-option', option: '--share', value: wanted.share.name, why, hint });
    }
    variables['GUEST_SHARE'] = wanted.share.path;
  }
  if (wanted.root !== undefined) {
    const kind = await kindOf(wanted.root.path);
    if (kind !== 'file') {
      const why = kind === 'nothing' ? 'there is no such file' : 'it is not a regular file';
      const hint = 'Name a system that was made with `--format squashfs` or `--format ext2`.';
      return failed({ reason: 'bad-option', option: '--root', value: wanted.root.name, why, hint });
    }
    variables['GUEST_ROOT'] = wanted.root.path;
  }
  if (wanted.home !== undefined) {
    const fault = await makeScratchDisk(wanted.home);
    if (fault !== undefined) return failed(fault);
    variables['GUEST_HOME'] = wanted.home.path;
  }
  return ok(variables);
}

/** Creates the file of a scratch disk if it does not exist; the guest formats a blank one. */
async function makeScratchDisk({ path, name }: NamedPlace): Promise<Failure | undefined> {
  const kind = await kindOf(path);
  if (kind === 'file') return undefined;
  const hint = 'Name a file; it is created if it does not exist, but its directory must exist.';
  const bad = { reason: 'bad-option', option: '--home', value: name, hint } as const;
  if (kind !== 'nothing') return { ...bad, why: 'it is not a regular file' };
  try {
    const disk = await open(path, 'wx', 0o600);
    await disk.truncate(scratchDiskSize).finally(() => disk.close());
    return undefined;
  } catch (error) {
    const failure = describeSystemError(error, path);
    if (failure !== undefined) return failure;
    const code = errorCode(error);
    if (code === undefined) throw error;
    return { ...bad, why: `cannot create it (${code})` };
  }
}

async function kindOf(file: string): Promise<'directory' | 'file' | 'other' | 'nothing'> {
  try {
    const found = await stat(file);
    return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other';
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return 'nothing';
  }
}
