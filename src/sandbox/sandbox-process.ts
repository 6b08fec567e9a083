import { execFile, spawn, type ChildProcess, type IOType } from 'node:child_process';
import { constants, open as openDescriptor } from 'node:fs';
import { chown, open, readFile, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { errorCode } from '../core/fault.ts';
import { goDescriptor, statusDescriptor } from './entry-script.ts';
import type { HostPrograms } from '../core/host-programs.ts';
import type { Terminal } from '../executor/executor.ts';
import type { Identity } from './identity.ts';

/** How a sandbox ended. */
export type SandboxEnd =
  | { readonly kind: 'ended'; readonly exitCode: number; readonly cpuSeconds: number }
  /** Ended by the caller's abort signal. */
  | { readonly kind: 'aborted' }
  /** The sandbox could not be set up, or something outside killed it. */
  | { readonly kind: 'broken'; readonly detail: string };

export interface SandboxStart {
  readonly programs: HostPrograms;
  /** The program that enters sandboxes. */
  readonly helper: string;
  readonly identity: Identity;
  /** Scratch directory; receives the entry script, its error output and the log's pipe. */
  readonly scratch: string;
  readonly entryScript: string;
  readonly jobserver?: number;
  readonly signal?: AbortSignal;
}

/** Where its output goes. */
type SandboxOutput =
  /** It has no input; this is called with its output as it arrives. */
  | { readonly onOutput: (bytes: Uint8Array) => void; readonly terminal?: undefined }
  /** It has a terminal, whose Ctrl-C is then its own. */
  | { readonly terminal: Terminal; readonly onOutput?: undefined };

const runFile = promisify(execFile);

/**
 * A pipe whose writing end is a real one. Node gives its children sockets, and opening `/dev/stderr`, as build scripts
 * do, fails if that is a socket.
 */
async function openPipe(
  programs: HostPrograms,
  path: string,
  { user, group }: Identity,
): Promise<{ reader: Socket; writer: FileHandle }> {
  await runFile(programs.mkfifo, ['-m', '600', path], { env: {} });
  // The sandbox's user opens it by name. For an ordinary user, that is the current one.
  if (user !== process.geteuid?.()) await chown(path, user, group);
  // A plain descriptor, which the socket closes; a FileHandle would also close it, when garbage-collected.
  const descriptor = await promisify(openDescriptor)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = await open(path, constants.O_WRONLY);
  return { reader: new Socket({ fd: descriptor, readable: true, writable: false }), writer };
}

function collect(stream: NodeJS.ReadableStream, onText: (text: string) => void): Promise<void> {
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      onText(chunk.toString('latin1'));
    });
    stream.on('close', resolve);
    stream.on('error', () => undefined);
  });
}

/** Seconds from the format that POSIX `times` prints: `1m2.34s`. */
function parseTimes(text: string): number {
  let seconds = 0;
  for (const [, minutes, rest] of text.matchAll(/(\d+)m(\d+(?:\.\d+)?)s/g)) {
    seconds += Number(minutes) * 60 + Number(rest);
  }
  return seconds;
}

/** Waits for a process to end; returns the reason if it could not be started. */
function ended(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      resolve(error.message);
    });
    child.on('exit', () => {
      resolve(undefined);
    });
  });
}

/**
 * Runs an entry script as process 1 of new namespaces, and returns when no process of the sandbox is left. The whole
 * sandbox dies with this process, however that dies: the helper sets a parent-death signal for itself and for process
 * 1, whose death ends all other processes.
 *
 * `cpuSeconds` counts all processes that had ended when the script did, as counted by process 1, which is the parent of
 * every orphan. A daemon still running is killed and not counted.
 */
export async function runSandbox(start: SandboxStart & SandboxOutput): Promise<SandboxEnd> {
  const { programs, scratch, identity, signal } = start;
  const errors = join(scratch, 'entry-errors');
  const entry = await open(join(scratch, 'entry'), 'w');
  await entry.writeFile(start.entryScript);
  await entry.close();
  const isAborted = () => signal?.aborted === true;
  if (isAborted()) return { kind: 'aborted' };

  const { onOutput } = start;
  const log =
    onOutput === undefined ? undefined : await openPipe(programs, join(scratch, 'log-pipe'), identity);
  const errorFile = await open(errors, 'a');
  const streams: readonly (IOType | number)[] =
    log === undefined ? (start.terminal?.descriptors ?? []) : ['ignore', log.writer.fd, errorFile.fd];
  const child = spawn(
    start.helper,
    [
      ...['start', String(identity.user), String(identity.group), identity.lent ?? ''],
      ...[programs.sh, join(scratch, 'entry')],
    ],
    {
      cwd: scratch,
      // LIBMOUNT_FORCE_MOUNT2: the newer system call accepts at most 256 characters for overlay's lower directories.
      env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', LIBMOUNT_FORCE_MOUNT2: 'always' },
      // A session of its own: no controlling terminal, and the terminal's Ctrl-C reaches only us, so that we can shut
      // it down properly.
      detached: log !== undefined,
      stdio: [...streams, start.jobserver ?? 'ignore', 'pipe', 'pipe'],
    },
  );
  const exit = ended(child);
  if (child.pid === undefined) {
    const why = await exit;
    log?.reader.destroy();
    await log?.writer.close();
    await errorFile.close();
    return { kind: 'broken', detail: `a process could not be started: ${why ?? 'no reason given'}` };
  }
  // Do not await anything before our ends are closed: a child that ends at once would close its pipes unnoticed.
  const outputEnd = new Promise<void>((resolve) => {
    if (log === undefined || onOutput === undefined) {
      resolve();
      return;
    }
    log.reader.on('data', onOutput);
    log.reader.on('close', resolve);
    log.reader.on('error', () => undefined);
  });

  let status = '';
  let firstProcess: number | undefined;
  const pipes: readonly unknown[] = child.stdio;
  const go = pipes[goDescriptor] as Writable;
  go.on('error', () => undefined);
  const kill = () => {
    // Killing process 1 ends all others before the helper sees its end, so once the helper exits, none is left. Until
    // the helper has exited, the pid cannot be reused.
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    if (firstProcess === undefined) go.destroy();
    try {
      process.kill(firstProcess ?? child.pid, 'SIGKILL');
    } catch (error) {
      // It ended by itself just before.
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  };
  const statusEnd = collect(pipes[statusDescriptor] as NodeJS.ReadableStream, (text) => {
    const first = firstProcess === undefined;
    status += text;
    const ready = /^ready (\d+)\n/.exec(status);
    if (!first || ready === null) return;
    firstProcess = Number(ready[1]);
    if (isAborted()) kill();
    else go.write('go\n');
  });
  signal?.addEventListener('abort', kill, { once: true });
  if (isAborted()) kill();

  await log?.writer.close();
  await errorFile.close();
  await exit;
  await Promise.all([statusEnd, outputEnd]);
  go.destroy();
  signal?.removeEventListener('abort', kill);

  const code = /^exit (\d+)$/m.exec(status)?.[1];
  if (isAborted() && code === undefined) return { kind: 'aborted' };
  // The action's exit code means nothing if the helper could not set up its confinement.
  const fault = /^fault (.*)$/m.exec(status)?.[1];
  if (fault !== undefined) return { kind: 'broken', detail: fault };
  if (code === undefined) {
    const detail = (await readFile(errors, 'utf8')).trim();
    const how = child.signalCode === null ? `exit code ${String(child.exitCode)}` : child.signalCode;
    return {
      kind: 'broken',
      detail: detail === '' ? `the sandbox ended without saying why (${how})` : detail,
    };
  }
  return { kind: 'ended', exitCode: Number(code), cpuSeconds: parseTimes(status) };
}
