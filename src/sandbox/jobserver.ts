import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { LocalTrees } from '../store/store.ts';

/** The jobserver as an action's makes see it: an open descriptor of the named pipe. */
export interface JobserverHandle {
  /** Descriptor in this process, opened read-write; handed down to the action. */
  readonly descriptor: number;
  /** Tokens in all, for `-j`. */
  readonly tokens: number;
}

/** Tokens that bound how much runs at once. */
export interface TokenPool {
  /** What actions are given, for their makes; undefined where tokens are not shared with them. */
  readonly handle?: JobserverHandle;
  /** Takes one token; false when none is free now. */
  take(): boolean;
  /** Gives back one that `take` took. */
  giveBack(): void;
  /**
   * Makes the pool whole again, when nobody holds a token: a killed make takes its own with it. Returns how many were
   * missing (negative: too many).
   */
  restore(): number;
  close(): void;
}

const token = Buffer.from('+');

/**
 * A GNU make jobserver: a pipe that holds a byte for each free token. Makes get it as an inherited descriptor, which
 * every version since 4.0 understands (`--jobserver-auth=R,W`). An action holds one token while it runs; that is the
 * one job which its make runs without asking.
 *
 * The pipe is a named one because that can be opened twice: O_NONBLOCK belongs to the open file and not to the
 * descriptor, so a pipe shared with actions would have their makes block or not as we do. make 4.3 and 4.4 set what they
 * want themselves; other readers (ld, lto-wrapper) expect a pipe that blocks. Its name is removed at once.
 *
 * `directory` is an existing scratch directory on a file system that has pipes.
 */
export async function openJobserver(tokens: number, directory: string): Promise<Result<TokenPool, Failure>> {
  const path = join(directory, 'jobserver');
  // Node cannot make a named pipe; mkfifo is a part of coreutils.
  if (!(await makeNamedPipe(path))) {
    return failed({
      reason: 'missing-program',
      program: 'mkfifo',
      purpose: 'the pipe through which all makes share the cores',
      debianPackage: 'coreutils',
    });
  }
  const ours = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const theirs = openSync(path, constants.O_RDWR);
  rmSync(path);
  const give = (count: number) => {
    for (let given = 0; given < count; given += 1) writeSync(ours, token);
  };
  const take = () => readSync1(ours);
  give(tokens);
  return ok({
    handle: { descriptor: theirs, tokens },
    take,
    giveBack: () => give(1),
    restore: () => {
      let found = 0;
      while (take()) found += 1;
      give(tokens);
      return tokens - found;
    },
    close: () => {
      closeSync(ours);
      closeSync(theirs);
    },
  });
}

/** `openJobserver` in a scratch directory of a store, which is gone again afterwards. */
export async function openStoreJobserver(
  tokens: number,
  store: Pick<LocalTrees, 'makeScratch'>,
): Promise<Result<TokenPool, Failure>> {
  const scratch = await store.makeScratch('jobserver');
  try {
    return await openJobserver(tokens, scratch.path);
  } finally {
    await scratch.release();
  }
}

function makeNamedPipe(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('mkfifo', ['-m', '600', path], { env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** Whether one byte could be read without waiting. */
function readSync1(descriptor: number): boolean {
  try {
    return readSync(descriptor, Buffer.alloc(1), 0, 1, null) === 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}
