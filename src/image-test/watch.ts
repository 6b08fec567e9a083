import { spawn } from 'node:child_process';
import { systemClock, type Clock } from '../core/clock.ts';
import type { ConsoleLine } from './checks.ts';
import { startTyping, type Typist } from './typist.ts';

export interface WatchRequest {
  /** `run-emulator.sh`, or a program that executes it, with arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Complete environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** How long the guest may print nothing at all. */
  readonly silenceSeconds: number;
  /** Limit for the whole run. */
  readonly limitSeconds: number;
  /** Typed on the console, once, when `when` appears there. */
  readonly typed?: { readonly when: string; readonly text: string };
  /** Ends the emulator when a line matches: for boards that cannot do so themselves. */
  readonly endWhen?: RegExp;
  /** Called with all console output of the guest. */
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
  /** Measures silence and limit. Undefined: the system's clock. */
  readonly clock?: Clock;
}

/** How a guest ended: by itself, at `endWhen`, silent for too long, at the time limit, or interrupted. */
export type GuestEnd = 'ended' | 'told' | 'silent' | 'late' | 'aborted';

export interface Watched {
  /** Everything on the console, both streams. */
  readonly lines: readonly ConsoleLine[];
  readonly end: GuestEnd;
  /** How the emulator ended: `exit code 0`, `signal SIGKILL`, or why it could not be started. */
  readonly how: string;
  readonly seconds: number;
}

/** Boots a guest unattended, and waits until its emulator has ended, or ends it. */
export async function watchGuest(request: WatchRequest): Promise<Watched> {
  const clock = request.clock ?? systemClock;
  const began = clock.now();
  const lines: ConsoleLine[] = [];
  const [program, ...rest] = request.argv;
  const child = spawn(program, rest, {
    cwd: request.cwd,
    env: { ...request.environment },
    stdio: [request.typed === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let end: GuestEnd = 'ended';
  const finish = (why: GuestEnd): void => {
    if (end === 'ended') end = why;
    child.kill('SIGKILL');
  };
  const waitForWord = (): (() => void) => clock.after(request.silenceSeconds * 1000, () => finish('silent'));
  let endSilence = waitForWord();
  const endLimit = clock.after(request.limitSeconds * 1000, () => finish('late'));
  const abort = (): void => finish('aborted');
  if (request.signal?.aborted === true) abort();
  request.signal?.addEventListener('abort', abort, { once: true });
  // Writing to an emulator that is just ending is not an error.
  child.stdin?.on('error', () => undefined);

  let typist: Typist | undefined;
  let unfinished = '';
  const listen = (chunk: string): void => {
    endSilence();
    endSilence = waitForWord();
    request.onText?.(chunk);
    typist?.heard(chunk);
    const at = clock.now() / 1000;
    const pieces = (unfinished + chunk).split('\n');
    unfinished = pieces.pop() ?? '';
    for (const piece of pieces) {
      const text = piece.replaceAll('\r', '');
      lines.push({ at, text });
      if (request.endWhen?.test(text) === true) finish('told');
      if (request.typed !== undefined && text.includes(request.typed.when)) {
        typist ??= startTyping(request.typed.text, (words) => child.stdin?.write(words));
      }
    }
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', listen);
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not start it: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exit code ${String(code)}` : `signal ${signal}`),
    );
  });
  typist?.stop();
  endSilence();
  endLimit();
  request.signal?.removeEventListener('abort', abort);
  if (unfinished !== '') lines.push({ at: clock.now() / 1000, text: unfinished.replaceAll('\r', '') });
  return { lines, end, how, seconds: (clock.now() - began) / 1000 };
}
