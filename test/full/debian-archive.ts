import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../src/core/digest.ts';
import { Apt } from '../../src/sources/apt.ts';
import { ArchiveCache } from '../../src/sources/archive-cache.ts';
import { ArchiveFetcher } from '../../src/sources/archive-fetcher.ts';
import { repository } from '../real/built.ts';

/** A source as Debian 12 ships it, which changes no more. */
export interface DebianArchive {
  /** Source package. */
  readonly package: string;
  readonly file: string;
  readonly sha256: string;
}

/** Where archives are kept for the next run, with the index of Debian's sources. */
const directory = join(repository, 'out/test-sources');

/** Fetches archives with the machine's apt and without its privileges, as builds do; gives their files, in order. */
export async function debianArchives(wanted: readonly DebianArchive[]): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  const apt = new Apt({ directory: join(directory, 'apt') });
  const fetcher = new ArchiveFetcher({ cache: new ArchiveCache(directory), apt, offline: false });
  const files: string[] = [];
  for (const archive of wanted) {
    const origin = { ...archive, kind: 'debian', suite: 'bookworm', sha256: sha256(archive.sha256) } as const;
    const fetched = await fetcher.fetch(archive.package, { origin }, () => undefined);
    if (!fetched.ok) throw new Error(`${archive.file}: ${JSON.stringify(fetched.failure)}`);
    files.push(fetched.value);
  }
  return files;
}
