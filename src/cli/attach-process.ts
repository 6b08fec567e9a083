import type { GuestSignal, RunningCommand, Terminal } from '../guest/run-command.ts';
import type { Session } from './session.ts';

/** This process's terminal, as used by a command in a guest. */
export interface AttachedProcess {
  /** The properties of the command's terminal. Undefined: it gets none. */
  readonly terminal: Terminal | undefined;
  /** From now on every key press goes to the command, and it is told of every change of size. */
  bind(command: RunningCommand): void;
  /** Gives the terminal back to the user. */
  release(): void;
}

/** @param tty as in `ExecOptions` */
export function attachProcess(session: Session, tty: boolean | undefined): AttachedProcess {
  const { stdin, stdout } = process;
  const withTerminal = tty ?? (stdin.isTTY && stdout.isTTY);
  const raw = withTerminal && stdin.isTTY;
  let resize = (): void => undefined;
  // Input that cannot be read, for example a directory, counts as empty.
  stdin.on('error', (error) => {
    session.err(`bootstrap: cannot read standard input: ${error.message}\n`);
    stdin.push(null);
  });
  return {
    terminal: withTerminal
      ? { type: session.env['TERM'] ?? 'vt100', columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }
      : undefined,
    bind: (command) => {
      if (raw) stdin.setRawMode(true);
      if (!withTerminal) return;
      resize = () => command.resize(stdout.columns, stdout.rows);
      stdout.on('resize', resize);
    },
    release: () => {
      if (raw) stdin.setRawMode(false);
      stdout.off('resize', resize);
    },
  };
}

export interface CaughtSignals {
  /** The first signal, while nobody handles them. */
  readonly first: Promise<GuestSignal>;
  /** From now on all signals go to this handler. */
  passTo(receive: (name: GuestSignal) => void): void;
  release(): void;
}

const caught = ['HUP', 'INT', 'TERM'] as const;

/** Catches the signals with which a user ends a command, so that they can be passed to a command in a guest. */
export function catchGuestSignals(): CaughtSignals {
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
