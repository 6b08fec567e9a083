import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { commandLine, longestCommandLine, type GuestCommand } from './command-line.ts';

/** A terminal of ours; the command gets a similar one. */
export interface Terminal {
  /** Value of TERM. */
  readonly type: string;
  readonly columns: number;
  readonly rows: number;
}

export interface CommandStreams {
  /** Undefined: no input. */
  readonly stdin?: Readable;
  readonly stdout: Writable;
  /** Not used with a terminal, which has a single stream for both. */
  readonly stderr: Writable;
}

/** How a command in a guest ended. */
export type CommandEnd =
  | { readonly kind: 'exited'; readonly status: number }
  /** By a signal: `TERM`. */
  | { readonly kind: 'killed'; readonly signal: string }
  /** It never ran, because the guest's server refused it. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** The connection ended first. */
  | { readonly kind: 'lost' };

/** Signals that the guest's server delivers, without SIG. */
export type GuestSignal = 'HUP' | 'INT' | 'QUIT' | 'TERM' | 'KILL' | 'USR1' | 'USR2';

export interface RunningCommand {
  /** Resolves when the command has ended and all its output is written here. */
  readonly ended: Promise<CommandEnd>;
  /** Sends a signal to the command and its process group. */
  signal(name: GuestSignal): void;
  /** Tells the command's terminal the new size of ours. */
  resize(columns: number, rows: number): void;
}

/** Starts a command in a guest. Several can run over one connection. */
export function runInGuest(
  client: Client,
  command: GuestCommand,
  streams: CommandStreams,
  terminal?: Terminal,
): RunningCommand {
  let channel: ClientChannel | undefined;
  const waiting: GuestSignal[] = [];
  const line = commandLine(command);
  const ended = new Promise<CommandEnd>((resolve) => {
    if (Buffer.byteLength(line) > longestCommandLine) {
      resolve({ kind: 'refused', detail: `it is longer than ${String(longestCommandLine)} bytes` });
      return;
    }
    let lost = false;
    const noticeLoss = (): void => {
      lost = true;
    };
    client.once('close', noticeLoss);
    const pty = terminal && { term: terminal.type, cols: terminal.columns, rows: terminal.rows };
    const opened = (error: Error | undefined, stream: ClientChannel): void => {
      client.off('close', noticeLoss);
      if (error !== undefined) {
        resolve(lost ? { kind: 'lost' } : { kind: 'refused', detail: error.message });
        return;
      }
      channel = stream;
      for (const name of waiting.splice(0)) sendSignal(client, stream, name);
      void finish(stream, streams, terminal !== undefined).then(resolve);
    };
    try {
      client.exec(line, pty === undefined ? {} : { pty }, opened);
    } catch {
      // ssh2 throws if the connection has ended already.
      resolve({ kind: 'lost' });
    }
  });
  return {
    ended,
    signal: (name) => {
      if (channel === undefined) waiting.push(name);
      else sendSignal(client, channel, name);
    },
    resize: (columns, rows) => channel?.setWindow(rows, columns, 0, 0),
  };
}

/** Exit code as a shell would give: the command's own, or 128 plus the signal's number on this machine. */
export function exitCodeFor(end: Extract<CommandEnd, { kind: 'exited' | 'killed' }>): number {
  if (end.kind === 'exited') return end.status;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[`SIG${end.signal}`] ?? 0);
}

/** Connects the streams and waits for all of them to end. */
async function finish(
  channel: ClientChannel,
  streams: CommandStreams,
  onTerminal: boolean,
): Promise<CommandEnd> {
  let status: number | null | undefined;
  let killedBy: string | undefined;
  channel.on('exit', (code: number | null, signal?: string) => {
    status = code;
    killedBy = signal?.replace(/^SIG/, '');
  });
  // The other end may be gone while there is still something to write, as with any pipe.
  channel.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => channel.once('close', resolve));
  const done = [ended(channel), ended(channel.stderr), closed];
  channel.pipe(streams.stdout, { end: false });
  channel.stderr.pipe(streams.stderr, { end: false });
  bindInput(channel, streams.stdin, onTerminal);
  await Promise.all(done);
  streams.stdin?.unpipe(channel);
  await Promise.all([flushed(streams.stdout), flushed(streams.stderr)]);
  if (typeof status === 'number') return { kind: 'exited', status };
  return killedBy === undefined ? { kind: 'lost' } : { kind: 'killed', signal: killedBy };
}

/** End of input on a terminal is a character; closing the channel would hang up the terminal. */
function bindInput(channel: ClientChannel, stdin: Readable | undefined, onTerminal: boolean): void {
  if (stdin === undefined) {
    if (!onTerminal) channel.end();
    return;
  }
  stdin.pipe(channel, { end: !onTerminal });
  if (onTerminal) stdin.once('end', () => channel.write('\x04'));
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
  });
}

/** Data that a pipe has read may still be queued in its destination. */
function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

interface SignalSender {
  readonly _protocol: { signal(channel: number, name: string): void };
}

/**
 * ssh2's own `channel.signal()` does nothing once the command's input has ended, although RFC 4254 allows it, so that
 * commands with empty input could not be signalled. Therefore this uses the layer below.
 */
function sendSignal(client: Client, channel: ClientChannel, name: GuestSignal): void {
  const { outgoing } = channel as unknown as {
    readonly outgoing: { readonly id: number; readonly state: string };
  };
  if (outgoing.state === 'open' || outgoing.state === 'eof')
    (client as unknown as SignalSender)._protocol.signal(outgoing.id, name);
}
