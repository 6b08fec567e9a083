import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { LocalTrees } from '../store/store.ts';

/** The jobserver as the makes of an action see it: an open descriptor of the named pipe. */
export interface JobserverHandle {
  /** Descriptor in this process, opened read-write; passed on to the action. */
  readonly descriptor: number;
  /** Total number of tokens, for `-j`. */
  readonly tokens: number;
}

/** Tokens that limit how much runs at once. */
export interface TokenPool {
  /** What actions receive, for their makes; undefined if tokens are not shared with them. */
  readonly handle?: JobserverHandle;
  /** Takes one token; false if none is free. */
  take(): boolean;
  /** Returns a token taken with `take`. */
  giveBack(): void;
  /**
   * Makes the pool complete again while nobody holds a token: a killed make loses its tokens. Returns how many were
   * missing (negative: too many).
   */
  restore(): number;
  close(): void;
}

const token = Buffer.from('+');

/**
 * A GNU make jobserver: a pipe that contains a byte for each free token. Makes receive it as an inherited descriptor,
 * which every version since 4.0 supports (`--jobserver-auth=R,W`). An action holds one token while it runs, which is
 * for the one job that its make runs without asking.
 *
 * It is a named pipe because that can be opened twice: O_NONBLOCK is a flag of the open file description, not of the
 * descriptor, so if actions shared our open file, our setting would apply to their makes too. make 4.3 and 4.4 set what
 * they need themselves; other readers (ld, lto-wrapper) expect a pipe that blocks. Its name is removed at once.
 *
 * `directory` is an existing scratch directory on a file system that supports pipes.
 */
export async function openJobserver(tokens: number, directory: string): Promise<Result<TokenPool, Failure>> {
  const path = join(directory, 'jobserver');
  // Node cannot create a named pipe; mkfifo is part of coreutils.
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

/** `openJobserver` in a scratch directory of a store, which is removed again afterwards. */
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

/** Whether a byte could be read without waiting. */
function readSync1(descriptor: number): boolean {
  try {
    return readSync(descriptor, Buffer.alloc(1), 0, 1, null) === 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}
