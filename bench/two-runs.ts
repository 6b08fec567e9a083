/**
 * Whether building a system twice gives the same: each time with a store of its own, in which there are compilers and tools but no
 * chunk, and with another number of guests and jobs. It lists the chunks whose archives differ, with the files that do. It can be
 * interrupted and run again: what was built stays.
 *
 *     node src/start/run.mjs bench/two-runs.ts SYSTEM DIRECTORY [CHUNK...]
 *
 * DIRECTORY, which needs room for two stores, keeps them. The compilers come from the user's store.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { processSession, storeDirectory } from '../src/cli/session.ts';
import { place } from '../src/core/place.ts';
import type { System } from '../src/definitions/definition.ts';
import { chunksOf } from '../src/definitions/read-system.ts';
import { recallAction } from '../src/engine/history.ts';
import { openDiskStore } from '../src/store/disk-store.ts';
import { takeInventory } from '../src/store/inventory.ts';
import type { Store } from '../src/store/store.ts';
import { chunkActionName } from '../stages/chunk.ts';
import { installedNames } from '../stages/chunk/script.ts';
import { archOf } from '../src/system/plan-system.ts';

const { repository } = place();
const [system, named, ...only] = process.argv.slice(2);
if (system === undefined || named === undefined) throw new Error('name a system and a directory');
const directory = path.resolve(named);

const runs = [
  { name: 'first', guests: 1, jobs: 1 },
  { name: 'second', guests: 2, jobs: 3 },
];

const planned = bootstrap('system', 'plan', system, '--json', '--host', 'i686');
const described = JSON.parse(planned) as System;
const arch = archOf(described);
const stores: Store[] = [];
for (const { name, guests, jobs } of runs) {
  const root = path.join(directory, name);
  if (!existsSync(root)) {
    // One that was interrupted begins anew.
    const unfinished = `${root}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    await copyStore(storeDirectory(processSession(), undefined), unfinished);
    renameSync(unfinished, root);
  }
  console.log(`${name}: ${String(guests)} guests, ${String(jobs)} jobs`);
  const words = ['system', 'build', system, '--host', 'i686', '--store', root, '-k', '-j', String(jobs)];
  const chosen = only.flatMap((chunk) => ['--only', chunk]);
  const out = ['--guests', String(guests), '--out', path.join(directory, `${name}-out`)];
  spawnSync(path.join(repository, 'bootstrap'), [...words, ...out, ...chosen], { stdio: 'inherit' });
  const store = await openDiskStore({ root, epochSeconds: 0 });
  if (!store.ok) throw new Error(JSON.stringify(store.failure));
  stores.push(store.value);
}

const same: string[] = [];
const differing: string[] = [];
const missing: string[] = [];
for (const { id } of chunksOf(described)) {
  const trees = await Promise.all(stores.map(async (store) => installedBy(store, id)));
  const [first, second] = trees;
  if (first === undefined || second === undefined) missing.push(id);
  else if (first.digest === second.digest) same.push(id);
  else differing.push(`  ${id}: ${differences(first.path, second.path).join(', ')}`);
}
const all = same.length + differing.length;
console.log(
  `${String(same.length)} of ${String(all)} chunks are the same, bit for bit${all === 0 ? '' : ` (${((100 * same.length) / all).toFixed(0)} %)`}`,
);
if (differing.length > 0) console.log(`These differ:\n${differing.join('\n')}`);
if (missing.length > 0) console.log(`${String(missing.length)} were not built in both: ${missing.join(' ')}`);
for (const store of stores) await store.release();

/** What building a chunk left. Undefined: it was not built. */
async function installedBy(store: Store, id: string) {
  const history = await recallAction(store, chunkActionName(arch, id));
  const digest = history?.built?.outputs['installed'];
  return digest === undefined ? undefined : { digest, path: store.treePath(digest) };
}

/** Members of two archives that differ. */
function differences(first: string, second: string): readonly string[] {
  const sums = [first, second].map((place) => {
    const script = `mkdir "$0" && cd "$0" && tar -x --exclude='./dev/*' -f "$1" &&
      find . -type f -exec sha256sum {} + && find . -type l -printf '%l  %p\\n'`;
    const scratch = path.join(directory, 'unpacked');
    const archive = path.join(place, installedNames.archive);
    const { status, stdout } = spawnSync('sh', ['-c', script, scratch, archive], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    rmSync(scratch, { recursive: true, force: true });
    if (status !== 0) throw new Error(`${archive} cannot be unpacked`);
    return new Map(stdout.split('\n').map((line) => [line.slice(line.indexOf('  ') + 2), line] as const));
  });
  const [one = new Map<string, string>(), two = new Map<string, string>()] = sums;
  const names = [...new Set([...one.keys(), ...two.keys()])].filter(
    (name) => one.get(name) !== two.get(name),
  );
  return names.length === 0 ? ['modes, owners or order'] : names;
}

/** Copies a store without what building chunks and systems left, and without build trees. */
async function copyStore(from: string, to: string): Promise<void> {
  const isOfSystem = (action: string): boolean =>
    /^(?:chunk-|artefact-|system-[^/]*\/)/.test(action) && !action.startsWith('system-image-');
  const copy = (file: string): void => {
    const place = path.join(to, path.relative(from, file));
    cpSync(file, place, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  };
  const { entries } = await takeInventory(from);
  for (const { paths, producers, scratch } of entries) {
    if (scratch || (producers.length > 0 && producers.every(({ action }) => isOfSystem(action)))) continue;
    for (const file of paths) if (!isResultOfSystem(file)) copy(file);
  }
  for (const kind of readdirSync(path.join(from, 'notes')))
    if (kind !== 'actions') copy(path.join(from, 'notes', kind));

  function isResultOfSystem(file: string): boolean {
    if (path.basename(path.dirname(file)) !== 'results') return false;
    const { action } = JSON.parse(readFileSync(file, 'utf8')) as { action: string };
    return isOfSystem(action);
  }
}

function bootstrap(...words: readonly string[]): string {
  const { status, stdout } = spawnSync(path.join(repository, 'bootstrap'), words, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`bootstrap ${words.join(' ')} ended with ${String(status)}`);
  return stdout;
}
