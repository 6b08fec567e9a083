import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, machinePath } from '../core/host-programs.ts';
import type { Terminal } from '../executor/executor.ts';

export interface EmulatorRun {
  /** Program and arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Receives what the serial console says. */
  readonly console: string;
  /** File in which the guest leaves its log, and who is told what is in it, as it arrives. */
  readonly log: string;
  readonly onLog: (bytes: Uint8Array) => void;
  /** Milliseconds after which a log that does not grow means that the action hangs. */
  readonly longestSilence: number;
  /** Directory for temporary files. */
  readonly temporary: string;
  readonly signal: AbortSignal | undefined;
}

/** How often the log is looked at, in milliseconds. */
const lookEvery = 250;

/**
 * Runs an emulator to its end, or kills it when it is told to or when the log has not grown for very long: then it returns `silent`.
 * It ends with this process, even if that is killed.
 */
export async function runEmulator({
  argv,
  console,
  log,
  onLog,
  longestSilence,
  temporary,
  signal,
}: EmulatorRun): Promise<'ended' | 'silent'> {
  const [program, ...rest] = await endingWithUs(argv);
  const output = await open(console, 'w');
  const child = spawn(program, rest, {
    env: { PATH: machinePath.join(':'), TMPDIR: temporary },
    stdio: ['ignore', output.fd, output.fd],
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted === true) kill();
  let running = true;
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      resolve();
    });
  }).finally(() => {
    running = false;
  });
  let heard = performance.now();
  const follower = new Follower(log, (bytes) => {
    heard = performance.now();
    onLog(bytes);
  });
  let silent = false;
  try {
    while (running) {
      await Promise.race([ended, sleep(lookEvery)]);
      await follower.read();
      silent ||= performance.now() - heard > longestSilence;
      if (silent) kill();
    }
    await ended;
    return silent ? 'silent' : 'ended';
  } finally {
    signal?.removeEventListener('abort', kill);
    kill();
    await follower.close();
    await output.close();
  }
}

/** How long an emulator may take to put a terminal back as it was, in milliseconds. */
const farewell = 5000;

/** Runs an emulator whose console is a terminal, to its end or until it is told to stop. */
export async function attachEmulator({
  argv,
  temporary,
  terminal,
  signal,
}: Pick<EmulatorRun, 'argv' | 'temporary' | 'signal'> & { readonly terminal: Terminal }): Promise<void> {
  const [program, ...rest] = await endingWithUs(argv);
  const child = spawn(program, rest, {
    env: { PATH: machinePath.join(':'), TMPDIR: temporary },
    stdio: [...terminal.descriptors],
  });
  let last: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    last = setTimeout(() => child.kill('SIGKILL'), farewell);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', () => {
        resolve();
      });
    });
  } finally {
    clearTimeout(last);
    signal?.removeEventListener('abort', stop);
  }
}

/** A command that ends with this process, even if that is killed. */
async function endingWithUs(argv: EmulatorRun['argv']): Promise<EmulatorRun['argv']> {
  const setpriv = await findProgram('setpriv', machinePath);
  return setpriv === undefined ? argv : [setpriv, '--pdeathsig', 'KILL', ...argv];
}

/** Reads a file that grows. */
class Follower {
  readonly #file: string;
  readonly #onBytes: (bytes: Uint8Array) => void;
  #handle: FileHandle | undefined;

  constructor(file: string, onBytes: (bytes: Uint8Array) => void) {
    this.#file = file;
    this.#onBytes = onBytes;
  }

  async read(): Promise<void> {
    this.#handle ??= await openResult(this.#file);
    if (this.#handle === undefined) return;
    for (;;) {
      const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(1 << 16));
      if (bytesRead === 0) return;
      this.#onBytes(buffer.subarray(0, bytesRead));
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

/** Opens a regular file that a guest may have made, without following a link or waiting for a pipe. */
export async function openResult(file: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags).catch(() => undefined);
  if (handle === undefined || (await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}
