import { constants } from 'node:os';
import { executeInGuest } from '../guest/execute.ts';
import { exitCodeFor } from '../guest/run-command.ts';
import { attachProcess, catchGuestSignals } from './attach-process.ts';
import { findGuest, openGuests } from './guests.ts';
import { exitCodeOf } from './exit-code.ts';
import { explain, type Session } from './session.ts';

export interface ExecOptions {
  readonly guest: string;
  /** Empty: a login shell. */
  readonly argv: readonly string[];
  /** Directory in the guest. */
  readonly cwd?: string;
  /** Undefined: the command gets a terminal if our input and output are terminals. */
  readonly tty?: boolean;
  readonly store?: string;
}

/** Exit code if the channel failed rather than the command; the same as ssh's. */
const channelFailed = 255;

/**
 * `bootstrap exec GUEST -- COMMAND…`: runs a command in a running guest with the streams and signals of this process, and
 * returns its exit code.
 */
export async function execCommand(session: Session, options: ExecOptions): Promise<number> {
  const { cwd, argv, tty } = options;
  if (cwd !== undefined && !cwd.startsWith('/')) {
    return explain(session, {
      reason: 'wrong-use',
      what: `--cwd ${cwd}: it names a directory in the guest, so it must begin with a slash`,
      hint: 'Without --cwd the command runs in /home if a disk is mounted there, otherwise in /root.',
    });
  }
  const state = await openGuests(session, options.store);
  if (!state.ok) return explain(session, state.failure);
  const guest = await findGuest(session, state.value, options.guest);
  if (!guest.ok) return explain(session, guest.failure);
  const signals = catchGuestSignals();
  const attached = attachProcess(session, tty);
  const [program, ...rest] = argv;
  try {
    const ended = await executeInGuest(state.value, guest.value, {
      command: {
        ...(program === undefined ? {} : { argv: [program, ...rest] as const }),
        ...(cwd === undefined ? {} : { directory: cwd }),
      },
      streams: process,
      ...(attached.terminal === undefined ? {} : { terminal: attached.terminal }),
      calledOff: signals.first,
      onStart: (running) => {
        attached.bind(running);
        signals.passTo((name) => running.signal(name));
      },
    });
    if (!ended.ok) {
      explain(session, ended.failure);
      return exitCodeOf(ended.failure) === 2 ? 2 : channelFailed;
    }
    if (ended.value.kind !== 'called-off') return exitCodeFor(ended.value);
    return 128 + constants.signals[`SIG${await signals.first}`];
  } finally {
    attached.release();
    signals.release();
  }
}
