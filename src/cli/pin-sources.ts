/**
 * For whoever pins a source (docs/sources.md):
 *
 * `npm run pin -- NAME…` fetches every origin of all versions of the named sources that is reachable, unpacks it, and prints
 * the digest of its tree, with those of `licenceFiles` that are missing there.
 *
 * `npm run pin -- NAME --version V --package P --suite S [--suite S] [--url U --sha256 H [--drop PATH]…]` adds a version to
 * `sources.lock`: it finds the orig file in Debian's index, fetches and unpacks it, and takes the rest from the last version there.
 *
 * Archives are kept in `out/pin`, or in the directory of `--downloads`.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { sha256 } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { place } from '../core/place.ts';
import { parseLock } from '../inputs/lock-file.ts';
import type { LockedSource, Origin } from '../inputs/lock.ts';
import { failureText } from '../report/failure-text.ts';
import { Apt } from '../sources/apt.ts';
import { ArchiveCache } from '../sources/archive-cache.ts';
import { ArchiveFetcher, placesOf, placeText, type Place } from '../sources/archive-fetcher.ts';
import { debianOrigins, unpackOrigin } from '../sources/pin.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    version: { type: 'string' },
    package: { type: 'string' },
    suite: { type: 'string', multiple: true, default: [] },
    url: { type: 'string' },
    sha256: { type: 'string' },
    drop: { type: 'string', multiple: true, default: [] },
    downloads: { type: 'string' },
  },
});
const root = place().repository;
const directory = values.downloads === undefined ? join(root, 'out/pin') : resolve(values.downloads);
await mkdir(directory, { recursive: true });
const lockPath = join(root, 'sources.lock');
const lock = parseLock(await readFile(lockPath, 'utf8'), 'sources.lock');
if (!lock.ok) stop(lock.failure);
const pinned = lock.value;
const { sources } = pinned;
const apt = new Apt({ directory: join(directory, 'apt') });
const fetcher = new ArchiveFetcher({ cache: new ArchiveCache(directory), apt, offline: false });
const unpacked = new Map<string, ReturnType<typeof unpackOrigin>>();
const unknown = positionals.find((name) => !sources.some((source) => source.name === name));
if (unknown !== undefined) stop(`sources.lock has no ${unknown}: write its first version by hand`);

if (values.version === undefined) {
  for (const source of sources.filter(({ name }) => positionals.includes(name))) await check(source);
} else {
  const other = sources.findLast(({ name }) => name === positionals[0]);
  if (other === undefined || positionals.length > 1) stop('name one source for --version');
  await pin(other, values.version);
}

function stop(why: Failure | string): never {
  console.error(typeof why === 'string' ? why : failureText(why));
  process.exit(2);
}

/** What an origin unpacks to. Several origins may name one archive, which is unpacked once. */
function unpackOnce(source: LockedSource, at: Place): ReturnType<typeof unpackOrigin> {
  const { origin } = at;
  const parts = [
    origin.sha256,
    origin.kind === 'debian' ? origin.inner : undefined,
    origin.directory,
    origin.drop,
  ];
  const key = JSON.stringify(parts);
  const known = unpacked.get(key) ?? unpackOrigin(source, at, { fetcher, directory });
  unpacked.set(key, known);
  return known;
}

/** Prints what each origin unpacks to. */
async function check(source: LockedSource): Promise<void> {
  for (const at of placesOf(source.origins, undefined)) {
    const done = await unpackOnce(source, at);
    const label = `${source.name} ${source.version} from ${placeText(at)}`;
    if (!done.ok) {
      const why = done.failure;
      console.log(`${label}: ${typeof why === 'string' ? why : failureText(why)}`);
      continue;
    }
    const { tree, missingLicences } = done.value;
    const pinned = tree === source.tree ? 'as pinned' : 'NOT as pinned';
    const without = missingLicences.length === 0 ? '' : `, without ${missingLicences.join(' ')}`;
    console.log(`${label}: ${tree}, ${pinned}${without}`);
  }
}

/** Adds a version after the others of its source. */
async function pin(other: LockedSource, version: string): Promise<void> {
  if (sources.some((source) => source.name === other.name && source.version === version)) {
    stop(`sources.lock has ${other.name} ${version} already`);
  }
  const { package: name, suite: suites, url, drop } = values;
  if (name === undefined || suites.length === 0)
    stop('say which Debian package it is, with --package and --suite');
  const odd = suites.find((suite) => !/^[a-z][a-z0-9-]*$/.test(suite));
  if (odd !== undefined) stop(`--suite ${odd}: that is not the name of a Debian suite`);
  const debian = await debianOrigins(other, { version, package: name, suites }, apt);
  if (!debian.ok) stop(debian.failure);
  const [first] = debian.value;
  if (first === undefined) stop('there is no origin');
  const taken = await unpackOnce({ ...other, version }, { origin: first });
  if (!taken.ok) stop(taken.failure);
  const { tree, missingLicences } = taken.value;
  if (missingLicences.length > 0) stop(`it has no ${missingLicences.join(', ')}`);
  const upstream: readonly Origin[] =
    url === undefined
      ? []
      : [
          {
            kind: 'url',
            url,
            sha256: sha256(values.sha256 ?? stop('--url needs --sha256')),
            ...(drop.length === 0 ? {} : { drop }),
          },
        ];
  const added: LockedSource = { ...other, version, tree, origins: [...upstream, ...debian.value] };
  const at = sources.indexOf(other) + 1;
  const written = { ...pinned, sources: [...sources.slice(0, at), added, ...sources.slice(at)] };
  const text = `${JSON.stringify(written, undefined, 2)}\n`;
  const sound = parseLock(text, 'sources.lock with the new version');
  if (!sound.ok) stop(sound.failure);
  await writeFile(`${lockPath}.new`, text);
  await rename(`${lockPath}.new`, lockPath);
  console.log(`added ${added.name} ${version} to sources.lock; no set has it yet`);
  await check(added);
}
