import { packageArchive } from '../system/package-archive.ts';
import type { ExitCode } from './exit-code.ts';
import { guestPackages, type ReachedGuest } from './guest-packages.ts';
import { findGuest, openGuests } from './guests.ts';
import {
  installedIds,
  installPackages,
  runThere,
  type PackageAction,
  type PackageOptions,
} from './install-packages.ts';
import { explain, type Session } from './session.ts';

/** `bootstrap package install|upgrade|remove|list GUEST`. */
export async function packageCommand(
  session: Session,
  guestName: string,
  action: PackageAction,
  options: PackageOptions,
): Promise<ExitCode> {
  const state = await openGuests(session, options.store);
  if (!state.ok) return explain(session, state.failure);
  const guest = await findGuest(session, state.value, guestName);
  if (!guest.ok) return explain(session, guest.failure);
  const reached: ReachedGuest = { state: state.value, guest: guest.value };
  const empty = () => packageArchive(session.repository, [], 0);
  const had = await guestPackages(reached, await empty(), process.stderr);
  if (!had.ok) return explain(session, had.failure);
  switch (action.kind) {
    case 'list':
      for (const { id, version } of had.value) session.out(`${id} ${version}\n`);
      return 0;
    case 'remove': {
      const ids = installedIds(had.value, action.names);
      if (!ids.ok) return explain(session, ids.failure);
      return runThere(session, reached, await empty(), ['remove', ...ids.value]);
    }
    case 'install':
    case 'upgrade':
      return installPackages(session, reached, had.value, action, options);
  }
}
