import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { connect } from '../guest/connect.ts';
import {
  exitCodeFor,
  runInGuest,
  type CommandEnd,
  type GuestSignal,
  type RunningCommand,
  type Terminal,
} from '../guest/run-command.ts';
import { guestFile } from '../guest/state.ts';
import { guestEnded, guestUnreachable } from '../guest/unreachable.ts';
import { exitCodeOf } from '../report/failure-text.ts';
import { findGuest, openGuests } from './guests.ts';
import { explain, type Session } from './session.ts';
import type { Failure } from '../core/failure.ts';

export interface ExecOptions {
  readonly guest: string;
  /** Empty: a login shell. */
  readonly argv: readonly string[];
  /** Directory in the guest. */
  readonly cwd?: string;
  /** Undefined: a terminal for the command when our input and output are one. */
  readonly tty?: boolean;
  readonly store?: string;
}

/** Exit code when the channel failed and not the command: what ssh gives, too. */
const channelFailed = 255;
/** The emulated machine may be busy with other things than us. */
const connectMilliseconds = 120_000;

/**
 * `bootstrap exec GUEST -- COMMAND…`: runs a command in a running guest with the streams and signals of this process, and
 * gives its exit code.
 */
export async function execCommand(session: Session, options: ExecOptions): Promise<number> {
  const { cwd } = options;
  if (cwd !== undefined && !cwd.startsWith('/')) {
    return explain(session, {
      reason: 'wrong-use',
      what: `--cwd ${cwd}: a directory in the guest, so it must begin with a slash`,
      hint: 'Without --cwd the command runs in /home where a disk is mounted there, else in /root.',
    });
  }
  const state = await openGuests(session, options.store);
  if (!state.ok) return explain(session, state.failure);
  const found = await findGuest(session, state.value, options.guest);
  if (!found.ok) return explain(session, found.failure);
  const guest = found.value;
  if (guest.state === 'elsewhere') {
    return explain(session, {
      reason: 'wrong-use',
      what: `guest ${guest.name} runs in another container`,
      hint: 'Call `bootstrap exec` there.',
    });
  }
  if (guest.state === 'ended') return explainChannel(session, await guestEnded(state.value, guest));
  const clientKey = await readFile(guestFile(state.value, guest.name, 'clientKey'), 'utf8');
  const signals = catchSignals();
  try {
    const connecting = connect({ ...guest, clientKey }, connectMilliseconds);
    const connected = await Promise.race([connecting, signals.first]);
    // Nothing runs yet that could be told.
    if (typeof connected === 'string') return 128 + constants.signals[`SIG${connected}`];
    if (!connected.ok)
      return explainChannel(session, await guestUnreachable(state.value, guest, connected.failure));
    const client = connected.value;
    const end = await run(
      session,
      options,
      (streams, terminal) => runInGuest(client, toCommand(options), streams, terminal),
      signals,
    );
    if (end.kind === 'exited' || end.kind === 'killed') {
      client.end();
      return exitCodeFor(end);
    }
    const detail = end.kind === 'lost' ? 'the connection broke' : end.detail;
    if (end.kind === 'refused') {
      client.end();
      return explainChannel(session, {
        reason: 'guest-failed',
        guest: guest.name,
        what: `refused the command: ${detail}`,
        lastLines: [],
        hint: 'A long one fits into a script: put that on a share, or hand it to `sh` as input.',
      });
    }
    return explainChannel(
      session,
      await guestUnreachable(state.value, guest, { reason: 'no-answer', detail }),
    );
  } finally {
    signals.release();
  }
}

function toCommand({ argv: [program, ...rest], cwd }: ExecOptions) {
  return {
    ...(program === undefined ? {} : { argv: [program, ...rest] as const }),
    ...(cwd === undefined ? {} : { directory: cwd }),
  };
}

function explainChannel(session: Session, failure: Failure): number {
  explain(session, failure);
  return exitCodeOf(failure) === 2 ? 2 : channelFailed;
}

type Start = (
  streams: { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream },
  terminal: Terminal | undefined,
) => RunningCommand;

/** Binds this process to the command, until that has ended. */
async function run(
  session: Session,
  options: ExecOptions,
  start: Start,
  signals: CaughtSignals,
): Promise<CommandEnd> {
  const { stdin, stdout, stderr } = process;
  const withTerminal = options.tty ?? (stdin.isTTY && stdout.isTTY);
  const raw = withTerminal && stdin.isTTY;
  // Input that cannot be read, a directory for example, is an empty one.
  stdin.on('error', (error) => {
    session.err(`bootstrap: cannot read standard input: ${error.message}\n`);
    stdin.push(null);
  });
  const terminal = withTerminal
    ? { type: session.env['TERM'] ?? 'vt100', columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }
    : undefined;
  if (raw) stdin.setRawMode(true);
  try {
    const command = start({ stdin, stdout, stderr }, terminal);
    signals.passTo((name) => command.signal(name));
    if (terminal !== undefined) stdout.on('resize', () => command.resize(stdout.columns, stdout.rows));
    return await command.ended;
  } finally {
    if (raw) stdin.setRawMode(false);
  }
}

interface CaughtSignals {
  /** The first signal, as long as nobody takes them. */
  readonly first: Promise<GuestSignal>;
  /** From now on all of them go there. */
  passTo(receive: (name: GuestSignal) => void): void;
  release(): void;
}

const caught = ['HUP', 'INT', 'TERM'] as const;

function catchSignals(): CaughtSignals {
  let receive: (name: GuestSignal) => void = () => undefined;
  const first = new Promise<GuestSignal>((resolve) => {
    receive = resolve;
  });
  const handlers = caught.map((name) => [`SIG${name}`, () => receive(name)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    first,
    passTo: (receiver) => {
      receive = receiver;
    },
    release: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
