import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { sshPortVariable } from '../image/emulator.ts';
import { processStamp } from '../core/process-stamp.ts';
import { connect, type ChannelAddress } from './connect.ts';
import { consoleTail } from './console.ts';
import { makeChannelKeys } from './keys.ts';
import { probePort } from './ports.ts';
import {
  forgetGuest,
  guestFile,
  processId,
  readGuest,
  withGuestLock,
  writeRecord,
  type GuestRecord,
  type GuestState,
} from './state.ts';

export interface StartRequest {
  readonly name: string;
  readonly arch: string;
  /** `run-emulator.sh` of the image, absolute. */
  readonly script: string;
  /** Complete environment of that script, except for the variables of the command channel. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working directory of that script. */
  readonly cwd: string;
  /** Port of 127.0.0.1; undefined: any free one. */
  readonly port?: number;
  /** Time that the guest may take until its command channel responds. */
  readonly timeLimitSeconds: number;
  /** Ends the guest while it boots. */
  readonly signal?: AbortSignal;
}

/** An emulator that was started, whose guest may be booting. */
interface Launch {
  readonly record: GuestRecord;
  readonly clientKey: string;
  readonly child: ChildProcess;
  /** Exit code of the emulator, or the signal that ended it. */
  readonly ended: Promise<string>;
}

/** Result of waiting for a guest. */
type Boot =
  | { readonly kind: 'up' }
  | { readonly kind: 'ended'; readonly how: string }
  | { readonly kind: 'hangs' }
  | { readonly kind: 'foreign'; readonly detail: string }
  | { readonly kind: 'aborted' };

/** How often another process may take a port between finding it free and the emulator opening it. */
const portAttempts = 5;

/**
 * Starts a guest in the background and returns once its command channel responds. On failure, the guest is ended and
 * nothing of it is left.
 */
export async function startGuest(
  state: GuestState,
  request: StartRequest,
): Promise<Result<GuestRecord, Failure>> {
  for (let attempt = 1; ; attempt += 1) {
    const launched = await withGuestLock(state, request.name, () => launch(state, request));
    if (!launched.ok) return launched;
    const { record, child, ended } = launched.value;
    const boot = await awaitChannel(launched.value, request);
    if (boot.kind === 'up') {
      child.unref();
      return ok(record);
    }
    child.kill('SIGKILL');
    await ended;
    // The emulator ended, and the port, free before, is in use: another process was faster.
    const portWasLost = boot.kind === 'ended' && (await probePort(record.port)) === undefined;
    const failure = await bootFailure(state, record, request, boot);
    await forgetGuest(state, record);
    if (!portWasLost || attempt >= portAttempts || request.port !== undefined) return failed(failure);
  }
}

async function launch(state: GuestState, request: StartRequest): Promise<Result<Launch, Failure>> {
  const { name } = request;
  const before = await readGuest(state, name);
  if (before !== undefined && before.state !== 'ended') return failed(alreadyRuns(before));
  const port = await probePort(request.port ?? 0);
  if (port === undefined) return failed(portTaken(request.port));
  const keys = makeChannelKeys();
  const directory = path.join(state.directory, name);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700 });
  const secret = { mode: 0o600, flag: 'wx' };
  await writeFile(guestFile(state, name, 'clientKey'), keys.clientKey, secret);
  await writeFile(guestFile(state, name, 'keysDisk'), keys.disk, secret);
  const log = await open(guestFile(state, name, 'console'), 'wx', 0o600);
  try {
    // The shell waits for our signal before it becomes the emulator, so one that is not on record ends by itself.
    const child = spawn('/bin/sh', ['-c', 'read -r word && exec "$0" </dev/null', request.script], {
      cwd: request.cwd,
      // A session of its own: neither the terminal's Ctrl-C nor its hang-up reaches the guest.
      detached: true,
      stdio: ['pipe', log.fd, log.fd],
      env: {
        ...request.environment,
        GUEST_KEYS: guestFile(state, name, 'keysDisk'),
        [sshPortVariable]: String(port),
      },
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not start it: ${error.message}`));
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${String(code)}`));
    });
    if (child.pid === undefined) {
      await rm(directory, { recursive: true, force: true });
      return failed({ reason: 'emulator-failed', detail: await ended, lastLines: [] });
    }
    const record: GuestRecord = {
      name,
      arch: request.arch,
      image: path.dirname(request.script),
      process: processStamp(child.pid),
      port,
      since: new Date().toISOString(),
      hostKey: keys.hostKey.toString('base64'),
    };
    await writeRecord(state, record);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end('go\n');
    return ok({ record, clientKey: keys.clientKey, child, ended });
  } finally {
    await log.close();
  }
}

async function awaitChannel(launched: Launch, request: StartRequest): Promise<Boot> {
  const stop = new AbortController();
  const { signal } = request;
  const interrupted = new Promise<Boot>((resolve) => {
    const abort = (): void => resolve({ kind: 'aborted' });
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true, signal: stop.signal });
  });
  const limit = sleep(request.timeLimitSeconds * 1000, undefined, { signal: stop.signal }).then(
    (): Boot => ({ kind: 'hangs' }),
    (): Boot => ({ kind: 'hangs' }),
  );
  const ended = launched.ended.then((how): Boot => ({ kind: 'ended', how }));
  const address = { ...launched.record, clientKey: launched.clientKey };
  const boot = await Promise.race([ended, interrupted, limit, connectUntilUp(address, stop.signal)]);
  stop.abort();
  return boot;
}

/**
 * Connects until it works. The emulator accepts connections from its start, whatever its guest does, and those made
 * before the guest's network is up may never be answered. Each attempt therefore has a limit, which grows, since the
 * guest may be slow.
 */
async function connectUntilUp(address: ChannelAddress, stop: AbortSignal): Promise<Boot> {
  for (let seconds = 5; !stop.aborted;) {
    const connected = await connect(address, seconds * 1000);
    if (connected.ok) {
      connected.value.end();
      return { kind: 'up' };
    }
    const { reason, detail } = connected.failure;
    if (reason === 'wrong-host-key' || reason === 'key-refused') return { kind: 'foreign', detail };
    if (reason === 'timeout') seconds = Math.min(seconds * 2, 60);
    await sleep(200);
  }
  return { kind: 'hangs' };
}

async function bootFailure(
  state: GuestState,
  { name, port }: GuestRecord,
  request: StartRequest,
  boot: Exclude<Boot, { kind: 'up' }>,
): Promise<Failure> {
  const lastLines = await consoleTail(guestFile(state, name, 'console'));
  const hint = 'It was ended, and nothing of it remains.';
  switch (boot.kind) {
    case 'aborted':
      return { reason: 'interrupted', signal: String(request.signal?.reason) };
    case 'ended':
      return {
        reason: 'guest-failed',
        guest: name,
        what: `ended while it booted (${boot.how})`,
        lastLines,
        hint: 'Nothing of it remains.',
      };
    case 'hangs': {
      const what = `did not respond within ${String(request.timeLimitSeconds)} seconds`;
      return {
        reason: 'guest-failed',
        guest: name,
        what,
        lastLines,
        hint: `${hint} --time-limit SECONDS waits longer.`,
      };
    }
    case 'foreign': {
      const what = `could not be authenticated on port ${String(port)} (${boot.detail})`;
      return { reason: 'guest-failed', guest: name, what, lastLines, hint };
    }
  }
}

function alreadyRuns(guest: GuestRecord & { readonly state: string }): Failure {
  const elsewhere = guest.state === 'elsewhere';
  return { reason: 'guest-running', guest: guest.name, process: processId(guest), elsewhere };
}

function portTaken(port: number | undefined): Failure {
  if (port === undefined)
    return { reason: 'emulator-failed', detail: 'no port of 127.0.0.1 is free', lastLines: [] };
  return {
    reason: 'bad-option',
    option: '--port',
    value: String(port),
    why: 'it is in use on 127.0.0.1, or not permitted',
    hint: 'Choose another one, or omit --port to use any free port.',
  };
}
