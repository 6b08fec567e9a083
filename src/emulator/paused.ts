import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failed, ok, type Result } from '../core/result.ts';

/**
 * Seconds after which an emulator that neither responds nor exits counts as hanging: far more than a busy machine
 * needs.
 */
const patience = 120;

/** A machine that is set up but has not executed an instruction. */
export interface PausedMachine {
  /** MiB of memory that the machine has. */
  readonly memory: number;
  /** Names of its devices, in the order of the emulator's device tree. */
  readonly devices: readonly string[];
  /** What the emulator printed: warnings. */
  readonly said: string;
}

/**
 * Starts an emulator paused, inspects the machine, and ends it. A failure is the emulator's error message.
 *
 * @param program absolute path
 * @param args the machine's own; nothing about monitors
 */
export async function lookAtMachine(
  program: string,
  args: readonly string[],
): Promise<Result<PausedMachine, string>> {
  // The socket's path stays short, wherever the directory for temporary files is.
  const directory = await mkdtemp(path.join(tmpdir(), 'emulator-'));
  const child = spawn(program, [...args, '-S', '-qmp', 'unix:qmp,server=on,wait=off'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      resolve(said.trim() === '' ? `ended with ${signal ?? `exit code ${String(code)}`}` : said.trim());
    });
  });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  try {
    const looked = ask(path.join(directory, 'qmp'), child);
    const first = await Promise.race([looked, ended]);
    if (typeof first === 'string') return failed(first);
    if (first !== undefined) return ok({ ...first, said: said.trim() });
    end();
    return failed(
      `does not respond on its control channel within ${String(patience)} seconds; ${await ended}`,
    );
  } finally {
    end();
    process.off('exit', end);
    await ended;
    await rm(directory, { recursive: true, force: true });
  }
}

/** What an emulator prints for `-M help` and the like. */
export function listFrom(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: patience * 1000 });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stderr.resume();
  return new Promise((resolve) => {
    child.on('error', () => resolve(text));
    child.on('close', () => resolve(text));
  });
}

/** Undefined: no response in time, or a malformed one. */
async function ask(
  socketPath: string,
  child: ChildProcess,
): Promise<Omit<PausedMachine, 'said'> | undefined> {
  const deadline = Date.now() + patience * 1000;
  const isOver = (): boolean => Date.now() > deadline || child.exitCode !== null || child.signalCode !== null;
  let socket: Socket | undefined;
  while (socket === undefined) {
    if (isOver()) break;
    socket = await open(socketPath);
    if (socket === undefined) await sleep(20);
  }
  if (socket === undefined) {
    // The end of the process tells more.
    return child.exitCode === null && child.signalCode === null ? undefined : new Promise(() => undefined);
  }
  try {
    const channel = converse(socket, deadline);
    await channel.command('qmp_capabilities');
    const summary = (await channel.command('query-memory-size-summary')) as { 'base-memory'?: number };
    const tree = await channel.command('human-monitor-command', { 'command-line': 'info qtree' });
    return {
      memory: Math.round((summary['base-memory'] ?? 0) / 1024 ** 2),
      devices: [...String(tree).matchAll(/^\s*dev: ([^\s,]+)/gm)].map(([, name = '']) => name),
    };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return child.exitCode === null && child.signalCode === null && Date.now() > deadline
      ? undefined
      : new Promise(() => undefined);
  } finally {
    socket.destroy();
  }
}

/** Undefined: nothing listens there yet. */
function open(socketPath: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

class NoAnswer extends Error {}

interface Answer {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly desc?: string };
}

/** Sends commands of the emulator's machine protocol, one after the other; events are skipped. */
function converse(
  socket: Socket,
  deadline: number,
): { command(name: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> } {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let rest = '';
  let last = 0;
  socket.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + String(text)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((part) => part.trim() !== '')) {
      const answer = JSON.parse(line) as Answer;
      const asked = answer.id === undefined ? undefined : waiting.get(answer.id);
      if (asked === undefined) continue;
      if (answer.error === undefined) asked.resolve(answer.return);
      else asked.reject(new NoAnswer(answer.error.desc));
    }
  });
  const giveUp = (): void => {
    for (const { reject } of waiting.values()) reject(new NoAnswer('the channel is closed'));
  };
  socket.on('error', giveUp).on('close', giveUp);
  return {
    command: (name, args = {}) => {
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        const timer = setTimeout(() => reject(new NoAnswer('no answer')), Math.max(0, deadline - Date.now()));
        timer.unref();
        socket.write(`${JSON.stringify({ execute: name, arguments: args, id })}\n`);
      });
    },
  };
}
