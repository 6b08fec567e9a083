import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { probeProcess } from '../core/process-stamp.ts';
import { errorCode } from '../core/fault.ts';
import { connect } from './connect.ts';
import { runInGuest } from './run-command.ts';
import { forgetGuest, guestFile, processId, type Guest, type GuestState } from './state.ts';

/** How a guest ended. */
export type StopOutcome =
  /** It shut itself down, as asked. */
  | 'shut-down'
  /** It did not, so the emulator was killed. */
  | 'ended'
  | 'had-ended'
  /** Its process belongs to another container and cannot be reached. */
  | 'elsewhere';

/** Time limits of each step before the next, more forceful one, in seconds. */
export interface StopLimits {
  readonly connect: number;
  readonly shutDown: number;
  readonly terminate: number;
}

const usualLimits: StopLimits = { connect: 20, shutDown: 30, terminate: 10 };

/**
 * What init does at the end, for a guest whose init waits for a shell that nobody will exit. All other processes are
 * killed first, including the server of this connection, so that file systems can be unmounted. Outside a guest this
 * does nothing.
 */
const shutDown = `test -s /run/keys/host-key || exit
run() { \${busybox:-} "$@"; }
trap '' HUP INT TERM
kill -TERM -1
run sleep 1
kill -KILL -1
run sync
run swapoff -a
run umount -a -r
run reboot -f
run poweroff -f`;

/** A system of the user's may have none of these programs; the command channel brought them. */
const detached = `if [ -x /run/busybox ]; then
  export busybox=/run/busybox
  exec $busybox setsid $busybox sh -c "$1"
fi
exec setsid sh -c "$1"`;

/** Ends a guest and removes its state. None of its processes is left afterwards. */
export async function stopGuest(
  state: GuestState,
  guest: Guest,
  limits: StopLimits = usualLimits,
): Promise<StopOutcome> {
  if (guest.state === 'elsewhere') return 'elsewhere';
  const outcome = guest.state === 'ended' ? 'had-ended' : await end(state, guest, limits);
  await forgetGuest(state, guest);
  return outcome;
}

async function end(state: GuestState, guest: Guest, limits: StopLimits): Promise<StopOutcome> {
  if (await askToShutDown(state, guest, limits)) return 'shut-down';
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (probeProcess(guest.process) === 'alive') process.kill(processId(guest), signal);
    if (await hasEnded(guest, limits.terminate)) break;
  }
  return 'ended';
}

async function askToShutDown(state: GuestState, guest: Guest, limits: StopLimits): Promise<boolean> {
  let clientKey: string;
  try {
    clientKey = await readFile(guestFile(state, guest.name, 'clientKey'), 'utf8');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return false;
  }
  const connected = await connect({ ...guest, clientKey }, limits.connect * 1000);
  if (!connected.ok) return hasEnded(guest, 0);
  const nowhere = new PassThrough().resume();
  // In the background, because killing the server also ends the shell that it waits for.
  const argv = ['sh', '-c', detached, 'sh', shutDown] as const;
  runInGuest(connected.value, { argv }, { stdout: nowhere, stderr: nowhere });
  const ended = await hasEnded(guest, limits.shutDown);
  connected.value.destroy();
  return ended;
}

async function hasEnded(guest: Guest, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; ; await sleep(100)) {
    if (probeProcess(guest.process) !== 'alive') return true;
    if (Date.now() >= end) return false;
  }
}
