import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '../core/failure.ts';
import type { ConnectFault } from './connect.ts';
import { consoleTail } from './console.ts';
import { guestFile, readGuest, type Guest, type GuestState } from './state.ts';

/** The failure for a guest that has ended. */
export async function guestEnded(state: GuestState, guest: Guest): Promise<Failure> {
  return {
    reason: 'guest-failed',
    guest: guest.name,
    what: 'has ended',
    lastLines: await consoleTail(guestFile(state, guest.name, 'console')),
    hint: `Start it again with: bootstrap start ${guest.arch}${guest.name === guest.arch ? '' : ` --name ${guest.name}`}`,
  };
}

/** A killed process closes its connections some time before it is gone. In milliseconds. */
const dyingTime = 3000;

/** The guest's state after a broken connection, once it has had time to end. */
async function afterItsEnd(
  state: GuestState,
  guest: Guest,
  fault: ConnectFault,
): ReturnType<typeof readGuest> {
  const until = performance.now() + (fault.reason === 'no-answer' ? dyingTime : 0);
  for (;;) {
    const now = await readGuest(state, guest.name);
    if (now?.process !== guest.process || now.state !== 'running' || performance.now() >= until) return now;
    await sleep(50);
  }
}

/** Why a guest cannot be reached, or why the connection to it broke; it may have ended meanwhile. */
export async function guestUnreachable(
  state: GuestState,
  guest: Guest,
  fault: ConnectFault,
): Promise<Failure> {
  const now = await afterItsEnd(state, guest, fault);
  if (now?.process !== guest.process) {
    return {
      reason: 'guest-failed',
      guest: guest.name,
      what: 'was ended',
      lastLines: [],
      hint: 'Someone called `bootstrap stop`.',
    };
  }
  if (now.state === 'ended') return guestEnded(state, guest);
  const port = String(guest.port);
  const whats: Readonly<Record<ConnectFault['reason'], string>> = {
    'no-answer': `does not respond on port ${port} (${fault.detail})`,
    timeout: `does not respond on port ${port} in time`,
    'wrong-host-key': `could not be authenticated: what responds on port ${port} does not have its key`,
    'key-refused': 'does not accept the key that was made for it',
  };
  return {
    reason: 'guest-failed',
    guest: guest.name,
    what: whats[fault.reason],
    lastLines: await consoleTail(guestFile(state, guest.name, 'console')),
    hint: `If it does not recover: bootstrap stop ${guest.name}`,
  };
}
