import { readFile } from 'node:fs/promises';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { GuestCommand } from './command-line.ts';
import { connect } from './connect.ts';
import {
  runInGuest,
  type CommandEnd,
  type CommandStreams,
  type RunningCommand,
  type Terminal,
} from './run-command.ts';
import { guestFile, type Guest, type GuestState } from './state.ts';
import { guestEnded, guestUnreachable } from './unreachable.ts';

/** In milliseconds; the emulated machine may be busy with other work. */
const connectMilliseconds = 120_000;

export interface GuestExecution {
  readonly command: GuestCommand;
  readonly streams: CommandStreams;
  /** Our terminal, which the command's should resemble. Undefined: none. */
  readonly terminal?: Terminal;
  /** Settles if the command is cancelled before it has started. */
  readonly calledOff: Promise<unknown>;
  /** Called once signals can be sent to the command. */
  readonly onStart: (command: RunningCommand) => void;
}

/** How a command ended; `called-off`: it was cancelled before it started. */
export type ExecutionEnd =
  Extract<CommandEnd, { kind: 'exited' | 'killed' }> | { readonly kind: 'called-off' };

/**
 * Runs a command in a guest over a new connection. Fails with `guest-elsewhere` for a guest of another container, and
 * with `guest-failed` if it has ended, cannot be reached or refuses the command, or if the connection breaks.
 */
export async function executeInGuest(
  state: GuestState,
  guest: Guest,
  { command, streams, terminal, calledOff, onStart }: GuestExecution,
): Promise<Result<ExecutionEnd, Failure>> {
  if (guest.state === 'elsewhere') return failed({ reason: 'guest-elsewhere', guest: guest.name });
  if (guest.state === 'ended') return failed(await guestEnded(state, guest));
  const clientKey = await readFile(guestFile(state, guest.name, 'clientKey'), 'utf8');
  const connecting = connect({ ...guest, clientKey }, connectMilliseconds);
  const connected = await Promise.race([connecting, calledOff.then(() => undefined)]);
  if (connected === undefined) return ok({ kind: 'called-off' });
  if (!connected.ok) return failed(await guestUnreachable(state, guest, connected.failure));
  const client = connected.value;
  const running = runInGuest(client, command, streams, terminal);
  onStart(running);
  const end = await running.ended;
  switch (end.kind) {
    case 'exited':
    case 'killed':
      client.end();
      return ok(end);
    case 'refused':
      client.end();
      return failed({
        reason: 'guest-failed',
        guest: guest.name,
        what: `refused the command: ${end.detail}`,
        lastLines: [],
        hint: 'Put a long command into a script on a share, or pass it to `sh` as input.',
      });
    case 'lost': {
      const detail = 'the connection broke';
      return failed(await guestUnreachable(state, guest, { reason: 'no-answer', detail }));
    }
  }
}
