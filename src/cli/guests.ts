import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import {
  isGuestName,
  listGuests,
  openGuestState,
  readGuest,
  type Guest,
  type GuestState,
} from '../guest/state.ts';
import { openArches } from '../repository/load-arches.ts';
import { unknownName } from '../core/nearest.ts';
import { ownedStore } from './owned-store.ts';
import type { Session } from './session.ts';

/** The records of this user's guests are kept in the store, which outlives a login session. */
export async function openGuests(
  session: Session,
  storeOption: string | undefined,
): Promise<Result<GuestState, Failure>> {
  const store = await ownedStore(session, storeOption);
  return store.ok ? openGuestState(path.join(store.value, 'guests')) : store;
}

/** A guest by its name, or by a name of its arch if it has none of its own. */
export async function findGuest(
  session: Session,
  state: GuestState,
  name: string,
): Promise<Result<Guest, Failure>> {
  const known = isGuestName(name) ? await readGuest(state, name) : undefined;
  if (known !== undefined) return ok(known);
  const arch = await (await openArches(session.repository, session.archDirectories)).find(name, 'guest');
  if (arch.ok) {
    const guest = await readGuest(state, arch.value.name);
    if (guest !== undefined) return ok(guest);
    return failed({ reason: 'guest-not-running', guest: arch.value.name, arch: arch.value.name });
  }
  const names = (await listGuests(state)).map((guest) => guest.name);
  if (names.length > 0) return failed(unknownName('guest', name, names));
  return failed({ reason: 'guest-not-running', guest: name });
}
