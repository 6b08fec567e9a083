import type { Guest } from '../guest/state.ts';
import { listGuests } from '../guest/state.ts';
import { stopGuest, type StopOutcome } from '../guest/stop.ts';
import { findGuest, openGuests } from './guests.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, type Session } from './session.ts';

const outcomes: Readonly<Record<StopOutcome, string>> = {
  'shut-down': 'shut down',
  ended: 'did not shut down in time and was ended',
  'had-ended': 'had ended before',
  elsewhere: 'runs in another container; stop it there',
};

/** `bootstrap stop NAME…`: ends guests, shutting them down cleanly if they still respond. */
export async function stopCommand(
  session: Session,
  names: readonly string[],
  options: { readonly all: boolean; readonly store?: string },
): Promise<ExitCode> {
  if (options.all === names.length > 0) {
    return explain(session, {
      reason: 'wrong-use',
      what: options.all ? 'guest names and --all cannot be combined' : 'no guest is named',
      hint: '`bootstrap ps` lists the guests; --all stops all of them.',
    });
  }
  const state = await openGuests(session, options.store);
  if (!state.ok) return explain(session, state.failure);
  const guests: Guest[] = options.all ? [...(await listGuests(state.value))] : [];
  for (const name of names) {
    const found = await findGuest(session, state.value, name);
    if (!found.ok) return explain(session, found.failure);
    guests.push(found.value);
  }
  const ends = await Promise.all(
    guests.map(async (guest) => ({ guest, outcome: await stopGuest(state.value, guest) })),
  );
  for (const { guest, outcome } of ends) session.out(`guest ${guest.name} ${outcomes[outcome]}\n`);
  return ends.some(({ outcome }) => outcome === 'elsewhere') ? 1 : 0;
}
