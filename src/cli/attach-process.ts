import type { GuestSignal, RunningCommand, Terminal } from '../guest/run-command.ts';
import type { Session } from './session.ts';

/** This process's terminal in the service of a command in a guest. */
export interface AttachedProcess {
  /** What the command's terminal is to be like. Undefined: it gets none. */
  readonly terminal: Terminal | undefined;
  /** From now on every key is the command's, and every change of size is told to it. */
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
  // Input that cannot be read, a directory for example, is an empty one.
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
  /** The first signal, as long as nobody takes them. */
  readonly first: Promise<GuestSignal>;
  /** From now on all of them go there. */
  passTo(receive: (name: GuestSignal) => void): void;
  release(): void;
}

const caught = ['HUP', 'INT', 'TERM'] as const;

/** Takes the signals that a user ends a command with, so that a command in a guest can get them. */
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
