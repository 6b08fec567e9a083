/**
 * For whoever pins a source: `node src/start/run.mjs src/cli/pin-sources.ts NAME…` fetches every origin of the named sources
 * that is reachable, unpacks it, and prints the digest of its tree, with those of `licenceFiles` that are missing there.
 * Archives are kept in `out/pin`.
 */
import { access, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { place } from '../core/place.ts';
import { parseLock } from '../inputs/lock-file.ts';
import type { LockedSource } from '../inputs/lock.ts';
import { Apt } from '../sources/apt.ts';
import { ArchiveCache } from '../sources/archive-cache.ts';
import { ArchiveFetcher, placesOf, placeText, type Place } from '../sources/archive-fetcher.ts';
import { unpack } from '../sources/unpack.ts';
import { digestDirectory } from '../store/tree-digest.ts';

const root = place().repository;
const directory = join(root, 'out/pin');
await mkdir(directory, { recursive: true });

const lock = parseLock(await readFile(join(root, 'sources.lock'), 'utf8'), 'sources.lock');
if (!lock.ok) {
  console.error(JSON.stringify(lock.failure, undefined, 2));
  process.exit(2);
}
const suites = lock.value.sources
  .flatMap((source) => source.origins)
  .flatMap((origin) => (origin.kind === 'debian' ? [origin.suite] : []));
const fetcher = new ArchiveFetcher({
  cache: new ArchiveCache(directory),
  apt: new Apt({ directory: join(directory, 'apt'), suites: [...new Set(suites)].sort() }),
  offline: false,
});
const names = process.argv.slice(2);
for (const source of lock.value.sources.filter((entry) => names.includes(entry.name))) {
  for (const place of placesOf(source.origins, undefined)) {
    console.log(`${source.name} ${source.version} from ${placeText(place)}: ${await treeOf(source, place)}`);
  }
}

async function treeOf(source: LockedSource, place: Place): Promise<string> {
  const { origin } = place;
  const archive = await fetcher.fetch(source.name, place, () => undefined);
  if (!archive.ok) return JSON.stringify(archive.failure);
  const into = await mkdtemp(join(directory, 'unpack-'));
  try {
    const unpacked = await unpack({
      archive: archive.value,
      name: source.name,
      into,
      ...(origin.kind === 'debian' && origin.inner !== undefined ? { inner: origin.inner } : {}),
      ...(origin.drop === undefined ? {} : { drop: origin.drop }),
    });
    if (!unpacked.ok) return JSON.stringify(unpacked.failure);
    const digested = await digestDirectory(unpacked.value);
    if (!digested.ok) return JSON.stringify(digested.failure);
    const missing: string[] = [];
    for (const file of source.licenceFiles) {
      await access(join(unpacked.value, file)).catch(() => missing.push(file));
    }
    const { tree } = digested.value;
    const pinned = tree === source.tree ? 'as pinned' : 'NOT as pinned';
    return `${tree}, ${pinned}${missing.length === 0 ? '' : `, without ${missing.join(' ')}`}`;
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
