/**
 * What building chunks in guests costs beside their commands. Chunks that do nothing but wait for a known time are built, as many at
 * once as there are guests; everything else is overhead: disks, booting, packing, splitting, and what the engine does between.
 * With the file of a system that has been built, also how long it takes to find that there is nothing to do.
 *
 *     ./bootstrap image ARCH --host i686 && node src/start/run.mjs bench/system.ts [ARCH [STRATUM [SYSTEM]]]
 *
 * STRATUM is one of ours that the chunks need, such as `libc`, which then lies in their roots; `-` is none.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { BuildEvent } from '../src/core/event.ts';
import { place } from '../src/core/place.ts';

const { repository } = place();
const [arch = 'aarch64', stratum = '-', system] = process.argv.slice(2);
const guests = 2;
const chunks = 4 * guests;
/** Seconds that each waits. */
const waiting = 20;

const directory = mkdtempSync(path.join(tmpdir(), 'bench-system-'));
try {
  const events = buildWaiting();
  const started = events.findLast(({ kind }) => kind === 'build-started');
  const ended = events.findLast(({ kind }) => kind === 'build-finished');
  if (started === undefined || ended === undefined) throw new Error('the events have no beginning or no end');
  const makespan = (ended.at - started.at) / 1000;
  const overhead = (makespan * guests - chunks * waiting) / chunks;
  const of = stratum === '-' ? '' : ` in a root with strata/${stratum}.morph`;
  console.log(`${String(chunks)} chunks on ${arch}${of}, ${String(guests)} guests at once:`);
  console.log(`  beside its commands a chunk takes ${overhead.toFixed(1)} s of a guest's time`);
  for (const minutes of [1, 5]) {
    const busy = (minutes * 60) / (minutes * 60 + overhead);
    console.log(
      `  of chunks that take ${String(minutes)} min, guests are busy ${(busy * 100).toFixed(0)} % of the time`,
    );
  }
  if (system !== undefined) nothingToDo(system);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Builds the chunks and returns what the engine told. */
function buildWaiting(): readonly BuildEvent[] {
  cpSync(path.join(repository, 'definitions'), directory, { recursive: true });
  const names = Array.from({ length: chunks }, (_, number) => `waiting-${String(number)}`);
  const needs = stratum === '-' ? '' : `build-depends: [{morph: strata/${stratum}.morph}]\n`;
  const entries = names.map(
    (name) => `- {name: ${name}, morph: packages/${name}.morph, repo: lock:zlib, ref: 1.3.1}\n`,
  );
  write('strata/waiting.morph', `name: waiting\nkind: stratum\n${needs}chunks:\n${entries.join('')}`);
  for (const name of names) {
    // Another one each time: what was built before would not be built again.
    const install = `mkdir -p "$DESTDIR/usr/share"; echo ${String(Date.now())} > "$DESTDIR/usr/share/${name}"`;
    const commands = `build-commands: ['sleep ${String(waiting)}']\ninstall-commands: ['${install}']\n`;
    write(`packages/${name}.morph`, `name: ${name}\nkind: chunk\nbuild-system: manual\n${commands}`);
  }
  const file = write(
    'systems/waiting.morph',
    `name: waiting\nkind: system\narch: ${arch}\nstrata: [{morph: strata/waiting.morph}]\n`,
  );
  const log = path.join(directory, 'events');
  const only = names.flatMap((name) => ['--only', name]);
  run('system', 'build', file, '--host', 'i686', '--guests', String(guests), '--events', log, ...only);
  return readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as BuildEvent);
}

/** How long a build takes that has nothing to do: the fastest of three. */
function nothingToDo(file: string): void {
  const words = ['system', 'build', file, '--host', 'i686', '--out', directory] as const;
  run(...words);
  const times = [1, 2, 3].map(() => {
    const began = performance.now();
    run(...words);
    return (performance.now() - began) / 1000;
  });
  console.log(`${path.basename(file)}, which is built: ${Math.min(...times).toFixed(1)} s to find that out`);
}

function write(name: string, text: string): string {
  const file = path.join(directory, name);
  writeFileSync(file, text);
  return file;
}

function run(...words: readonly string[]): void {
  const { status } = spawnSync(path.join(repository, 'bootstrap'), words, {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`bootstrap ${words.join(' ')} ended with ${String(status)}`);
}
