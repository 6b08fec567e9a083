import type { Failure } from '../core/failure.ts';
import { openArches } from '../repository/load-arches.ts';
import { nearest, unknownName } from '../core/nearest.ts';

/**
 * The first word of a command line is a command or the arch of the main command. Returns the failure for a word that is
 * neither and may have been meant as a command; undefined for any other word, which the main command handles.
 */
export async function checkFirstWord(
  repository: string,
  word: string,
  commands: readonly string[],
  archDirectories?: readonly string[],
): Promise<Failure | undefined> {
  const arches = await openArches(repository, archDirectories);
  const found = await arches.find(word, 'arch');
  if (found.ok || found.failure.reason !== 'unknown-name') return undefined;
  const known = [...commands, ...arches.names];
  const near = nearest(word, known);
  if (near.length > 0 && near.every((name) => arches.names.includes(name))) return undefined;
  const listing = '`bootstrap --help` lists the commands, and `bootstrap list arches` the arches.';
  return unknownName('command or arch', word, known, listing);
}
