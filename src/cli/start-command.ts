import path from 'node:path';
import { attachmentVariables, type NamedPlace } from '../guest/attachments.ts';
import { startGuest } from '../guest/start.ts';
import { guestFile, guestNameFault, processId } from '../guest/state.ts';
import { findBuiltImage } from './built-image.ts';
import { openGuests } from './guests.ts';
import { catchInterrupts } from './interrupt.ts';
import { openArches } from '../repository/load-arches.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, type Session } from './session.ts';

export interface StartOptions {
  readonly arch: string;
  readonly name?: string;
  /** Directory for /share. */
  readonly share?: string;
  /** File of a system whose programs run in the guest. */
  readonly root?: string;
  /** File of the scratch disk for /home. */
  readonly home?: string;
  /** MiB. */
  readonly memory?: number;
  readonly port?: number;
  readonly timeLimitSeconds: number;
  readonly out?: string;
  readonly store?: string;
}

/** `bootstrap start ARCH`: boots its image in the background and returns when commands can be run in it. */
export async function startCommand(session: Session, options: StartOptions): Promise<ExitCode> {
  const arches = await openArches(session.repository, session.archDirectories);
  const found = await arches.find(options.arch, 'arch');
  if (!found.ok) return explain(session, found.failure);
  const arch = found.value;
  const { name = arch.name, memory, share, root, home } = options;
  const misnamed = guestNameFault(name);
  if (misnamed !== undefined) return explain(session, misnamed);
  const image = await findBuiltImage(session, arch, options.out);
  if (!image.ok) return explain(session, image.failure);
  // Before a disk is made: in another user's store root works as that user.
  const state = await openGuests(session, options.store);
  if (!state.ok) return explain(session, state.failure);
  const named = (name: string): NamedPlace => ({ path: path.resolve(session.cwd, name), name });
  const attached = await attachmentVariables(
    arch,
    {
      memory,
      share: share === undefined ? share : named(share),
      root: root === undefined ? root : named(root),
      home: home === undefined ? home : named(home),
    },
    session.env,
  );
  if (!attached.ok) return explain(session, attached.failure);
  const interrupt = catchInterrupts(session.err, () => undefined);
  try {
    const started = await startGuest(state.value, {
      name,
      arch: arch.name,
      script: image.value,
      environment: { ...session.env, ...attached.value },
      cwd: session.cwd,
      ...(options.port === undefined ? {} : { port: options.port }),
      timeLimitSeconds: options.timeLimitSeconds,
      signal: interrupt.signal,
    });
    if (!started.ok) return explain(session, started.failure);
    const { port } = started.value;
    session.out(
      `guest ${name} is up: process ${String(processId(started.value))}, port ${String(port)} of 127.0.0.1\n` +
        `console    ${guestFile(state.value, name, 'console')}\n` +
        `commands   bootstrap exec ${name} -- COMMAND\n` +
        `end        bootstrap stop ${name}\n`,
    );
    return 0;
  } finally {
    interrupt.release();
  }
}
