import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Arch } from '../inputs/arch.ts';
import { findImage } from '../release/find-image.ts';
import { loadSources } from '../repository/load-inputs.ts';
import { outDirectory, versionWords, type Session } from './session.ts';

/**
 * `run-emulator.sh` of an arch's image that was built with the chosen versions, absolute. Fails as `findImage` does.
 *
 * @param out `--out`, as the user wrote it
 */
export async function findBuiltImage(
  session: Session,
  arch: Arch,
  out: string | undefined,
): Promise<Result<string, Failure>> {
  const sources = await loadSources(session.repository, session.versions);
  if (!sources.ok) return sources;
  return findImage(arch, {
    directory: outDirectory(session, out, arch.name, sources.value),
    ...(out === undefined ? {} : { out }),
    versions: versionWords(sources.value),
    searchPath: session.env['PATH'] ?? '',
  });
}
