import { PassThrough, Readable } from 'node:stream';
import type { Client } from 'ssh2';
import { connect, type ChannelAddress } from '../../src/guest/connect.ts';
import {
  runInGuest,
  type CommandEnd,
  type RunningCommand,
  type Terminal,
} from '../../src/guest/run-command.ts';

/** A command in a guest, with what it has written so far. */
export interface WatchedCommand extends RunningCommand {
  stdout(): Buffer;
  stderr(): Buffer;
  /** Waits for its output to hold this. */
  until(text: string): Promise<void>;
}

export interface Done {
  readonly end: CommandEnd;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: Readable | Buffer | string;
  readonly directory?: string;
  readonly terminal?: Terminal;
}

/** Generous: an emulated machine on a busy one. */
const connectMilliseconds = 120_000;

/** Connects and insists on it. */
export async function connected(address: ChannelAddress): Promise<Client> {
  const client = await connect(address, connectMilliseconds);
  if (!client.ok) throw new Error(`${client.failure.reason}: ${client.failure.detail}`);
  return client.value;
}

export function watch(
  client: Client,
  argv: readonly [string, ...string[]],
  options: CommandOptions = {},
): WatchedCommand {
  const [stdout, stderr] = [collector(), collector()];
  const { input, directory, terminal } = options;
  const stdin =
    input === undefined || input instanceof Readable ? input : Readable.from([Buffer.from(input)]);
  const command = runInGuest(
    client,
    { argv, ...(directory === undefined ? {} : { directory }) },
    { stdout: stdout.stream, stderr: stderr.stream, ...(stdin === undefined ? {} : { stdin }) },
    terminal,
  );
  return {
    ...command,
    stdout: stdout.bytes,
    stderr: stderr.bytes,
    until: async (text) => {
      for (let ended = false; !stdout.bytes().includes(text);) {
        if (ended) throw new Error(`it ended without saying '${text}': ${stdout.bytes().toString()}`);
        ended = await Promise.race([stdout.more().then(() => false), command.ended.then(() => true)]);
      }
    },
  };
}

/** Runs a command to its end, on a connection that stays. */
export async function runOn(
  client: Client,
  argv: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<Done> {
  const command = watch(client, argv, options);
  const end = await command.ended;
  return { end, stdout: command.stdout(), stderr: command.stderr().toString() };
}

/** Runs a command to its end, on a connection of its own. */
export async function runAlone(
  address: ChannelAddress,
  argv: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<Done> {
  const client = await connected(address);
  try {
    return await runOn(client, argv, options);
  } finally {
    client.end();
  }
}

function collector() {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  let wake: () => void = () => undefined;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  return {
    stream,
    bytes: () => Buffer.concat(chunks),
    more: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
  };
}
