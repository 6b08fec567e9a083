import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { startGuest } from '../guest/start.ts';
import { guestFile, isGuestName, processId } from '../guest/state.ts';
import type { Arch } from '../inputs/arch.ts';
import { describeSystemError, errorCode } from '../core/fault.ts';
import { findImage } from '../release/find-image.ts';
import { openGuests } from './guests.ts';
import { catchInterrupts } from './interrupt.ts';
import { openArches } from '../repository/load-arches.ts';
import { explain, type ExitCode, type Session } from './session.ts';

export interface StartOptions {
  readonly arch: string;
  readonly name?: string;
  /** Directory for /share. */
  readonly share?: string;
  /** File of the scratch disk for /home. */
  readonly home?: string;
  /** MiB. */
  readonly memory?: number;
  readonly port?: number;
  readonly timeLimitSeconds: number;
  readonly out?: string;
  readonly store?: string;
}

/** Size of a scratch disk that is made here, in bytes. It has holes, so it takes what is written to it. */
const scratchDiskSize = 4 * 1024 ** 3;

/** `bootstrap start ARCH`: boots its image in the background and comes back when commands can be run in it. */
export async function startCommand(session: Session, options: StartOptions): Promise<ExitCode> {
  const found = await (
    await openArches(session.repository, session.archDirectories)
  ).find(options.arch, 'arch');
  if (!found.ok) return explain(session, found.failure);
  const arch = found.value;
  const name = options.name ?? arch.name;
  if (!isGuestName(name)) {
    return explain(session, {
      reason: 'wrong-use',
      what: `'${name}' cannot be the name of a guest`,
      hint: 'Letters, digits, dots, dashes and underscores make one; the first is a letter or digit.',
    });
  }
  const image = await findImage(session, arch, options.out);
  if (!image.ok) return explain(session, image.failure);
  const attached = await attach(session, arch, options);
  if (!attached.ok) return explain(session, attached.failure);
  const state = await openGuests(session, options.store);
  if (!state.ok) return explain(session, state.failure);
  const interrupt = catchInterrupts(session.err, () => undefined);
  try {
    const started = await startGuest(state.value, {
      name,
      arch: arch.name,
      script: image.value,
      environment: { ...session.env, ...attached.value },
      cwd: session.cwd,
      ...(options.port === undefined ? {} : { port: options.port }),
      timeLimitSeconds: options.timeLimitSeconds,
      signal: interrupt.signal,
    });
    if (!started.ok) return explain(session, started.failure);
    const { port } = started.value;
    session.out(
      `guest ${name} is up: process ${String(processId(started.value))}, port ${String(port)} of 127.0.0.1\n` +
        `console    ${guestFile(state.value, name, 'console')}\n` +
        `commands   bootstrap exec ${name} -- COMMAND\n` +
        `end        bootstrap stop ${name}\n`,
    );
    return 0;
  } finally {
    interrupt.release();
  }
}

/** Variables of run-emulator.sh for what the user wants attached. */
async function attach(
  session: Session,
  arch: Arch,
  options: StartOptions,
): Promise<Result<Readonly<Record<string, string>>, Failure>> {
  const variables: Record<string, string> = {};
  const { limit } = arch.emulator.memory;
  if (options.memory !== undefined) {
    if (limit !== undefined && options.memory > limit) {
      return failed({
        reason: 'wrong-use',
        what: `--memory ${String(options.memory)}: this machine of ${arch.name} takes at most ${String(limit)} MiB`,
        hint: 'Ask for less.',
      });
    }
    variables['QEMU_MEMORY'] = String(options.memory);
  } else if (limit !== undefined && Number(session.env['QEMU_MEMORY']) > limit) {
    return failed({
      reason: 'wrong-use',
      what: `QEMU_MEMORY=${String(session.env['QEMU_MEMORY'])}: this machine of ${arch.name} takes at most ${String(limit)} MiB`,
      hint: 'Ask for less.',
    });
  }
  if (options.share !== undefined) {
    const share = path.resolve(session.cwd, options.share);
    const kind = await kindOf(share);
    if (kind !== 'directory') {
      const why = kind === 'nothing' ? 'there is no such directory' : 'it is no directory';
      const hint = 'Name a directory; the guest has it on /share.';
      return failed({ reason: 'wrong-use', what: `--share ${options.share}: ${why}`, hint });
    }
    variables['GUEST_SHARE'] = share;
  }
  if (options.home !== undefined) {
    const home = path.resolve(session.cwd, options.home);
    const made = await scratchDisk(home, options.home);
    if (made !== undefined) return failed(made);
    variables['GUEST_HOME'] = home;
  }
  return ok(variables);
}

/** Makes the file of a scratch disk where there is none; the guest formats a blank one. */
async function scratchDisk(file: string, name: string): Promise<Failure | undefined> {
  const kind = await kindOf(file);
  if (kind === 'file') return undefined;
  const hint = 'Name a file; one that is missing is made, if its directory is there.';
  if (kind !== 'nothing') return { reason: 'wrong-use', what: `--home ${name}: it is no plain file`, hint };
  try {
    const disk = await open(file, 'wx', 0o600);
    await disk.truncate(scratchDiskSize);
    await disk.close();
    return undefined;
  } catch (error) {
    const failure = describeSystemError(error, file);
    if (failure !== undefined) return failure;
    if (errorCode(error) === undefined) throw error;
    return {
      reason: 'wrong-use',
      what: `--home ${name}: it cannot be made (${String(errorCode(error))})`,
      hint,
    };
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
