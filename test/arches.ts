/**
 * `npm run test:arches [-- ARCH… --versions SET --with-native --no-build --write-only -j N]`: builds what is missing of the image of every arch, tests
 * them side by side, and writes what was proved: docs/arches.json, docs/arches.md and the short table of the README.
 *
 * An image gets the native compiler with `--with-native`, where $BOOTSTRAP_TEST_NATIVE names its arch (`armv5l x86_64`),
 * or where the one that lies under out/ has it. `--no-build` tests what is there; `--write-only` tests nothing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import {
  archesDocument,
  archesSummary,
  insertSummary,
  proofOf,
  proofsFile,
  proofsText,
  readProofs,
  type Proofs,
} from '../src/image-test/arch-proofs.ts';
import { choiceLabel, choiceWords, directorySuffix } from '../src/inputs/versions.ts';
import { openArches } from '../src/repository/load-arches.ts';
import { loadSources } from '../src/repository/load-inputs.ts';
import type { TestResult } from '../src/image-test/test-guest.ts';
import { place } from '../src/core/place.ts';
import { failureText } from '../src/report/failure-text.ts';
import type { Arch } from '../src/inputs/arch.ts';

const { repository } = place();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'with-native': { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    'write-only': { type: 'boolean', default: false },
    versions: { type: 'string' },
    out: { type: 'string' },
    jobs: { type: 'string', short: 'j' },
  },
});
const sources = await loadSources(repository, values.versions === undefined ? {} : { set: values.versions });
if (!sources.ok) stop(failureText(sources.failure));
const { lock, chosen } = sources.value;
const placeOptions = [
  ...choiceWords(lock, chosen.choice),
  ...(values.out === undefined ? [] : ['--out', path.resolve(values.out)]),
];
const out = values.out === undefined ? path.join(repository, 'out') : path.resolve(values.out);

/** Every descriptor, and the ones that are asked for. */
async function loadArches(): Promise<{ readonly all: readonly Arch[]; readonly wanted: readonly Arch[] }> {
  const arches = await openArches(repository);
  const all: Arch[] = [];
  for (const name of arches.names) {
    const arch = await arches.load(name);
    if (!arch.ok) stop(failureText(arch.failure));
    else all.push(arch.value);
  }
  const wanted: Arch[] = [];
  for (const name of positionals) {
    const arch = await arches.find(name, 'arch');
    if (!arch.ok) stop(failureText(arch.failure));
    else wanted.push(arch.value);
  }
  return { all, wanted: positionals.length === 0 ? all : wanted };
}

function stop(text: string): never {
  console.error(text);
  process.exit(2);
}

function image(name: string): string {
  return path.join(out, `${name}${directorySuffix(lock, chosen.choice)}`, `system-image-${name}`);
}

function build(name: string): boolean {
  const asked = (process.env['BOOTSTRAP_TEST_NATIVE'] ?? '').split(/[\s,]+/);
  const native =
    values['with-native'] || asked.includes(name) || existsSync(path.join(image(name), 'toolchain.sqf'));
  const argv = ['image', name, ...(native ? ['--with-native'] : []), ...placeOptions];
  console.log(`\n$ bootstrap ${argv.join(' ')}`);
  return (
    spawnSync(path.join(repository, 'bootstrap'), argv, { stdio: ['ignore', 'inherit', 'inherit'] })
      .status === 0
  );
}

/** Gives the tests that came to a table, sound or not. */
function test(names: readonly string[]): readonly (TestResult & { readonly sound: boolean })[] {
  if (names.length === 0) return [];
  const argv = [
    'test',
    '--json',
    ...names,
    ...placeOptions,
    ...(values.jobs === undefined ? [] : ['--jobs', values.jobs]),
  ];
  console.log(`\n$ bootstrap ${argv.join(' ')}`);
  const run = spawnSync(path.join(repository, 'bootstrap'), argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (run.stdout === '') return [];
  return (JSON.parse(run.stdout) as { tests: (TestResult & { sound: boolean })[] }).tests;
}

async function writeFormatted(file: string, text: string, parser: 'json' | 'markdown'): Promise<void> {
  const place = path.join(repository, file);
  writeFileSync(place, await format(text, { ...(await resolveConfig(place)), parser }));
  console.log(`wrote ${file}`);
}

const { all, wanted } = await loadArches();
const before = await readProofs(repository);
if (!before.ok) stop(failureText(before.failure));
const names = values['write-only'] ? [] : wanted.map(({ name }) => name as string);
const unbuilt = values['no-build']
  ? names.filter((name) => !existsSync(path.join(image(name), 'run-emulator.sh')))
  : names.filter((name) => !build(name));
const tested = names.filter((name) => !unbuilt.includes(name));
const results = test(tested);

// Nothing is proved any more of what was asked for with these versions and came to no result.
const asked = choiceLabel(chosen.choice);
const anew = results.map((result) => ({ arch: result.arch, proof: proofOf(result, lock) }));
const proofs: Proofs = Object.fromEntries(
  all.flatMap(({ name }) => {
    const own = anew.filter(({ arch }) => arch === name).map(({ proof }) => proof);
    const gone = new Set([
      ...own.map(({ versions }) => versions),
      ...(names.includes(name) ? [asked, undefined] : []),
    ]);
    const kept = (before.value[name] ?? []).filter(({ versions }) => !gone.has(versions));
    return kept.length + own.length === 0 ? [] : [[name, [...kept, ...own]] as const];
  }),
);
await writeFormatted(proofsFile, proofsText(proofs), 'json');
await writeFormatted('docs/arches.md', archesDocument(all, proofs, lock.defaultSet), 'markdown');
const readme = insertSummary(
  readFileSync(path.join(repository, 'README.md'), 'utf8'),
  archesSummary(all, proofs, lock.defaultSet),
);
if (readme === undefined) stop('README.md: lacks the marks between which the table of arches stands');
await writeFormatted('README.md', readme, 'markdown');

const sound = results.filter((result) => result.sound).map(({ arch }) => arch);
const unsound = tested.filter((name) => !sound.includes(name));
for (const name of unbuilt) console.log(`not tested, for want of an image: ${name}`);
for (const name of unsound) console.log(`not sound: ${name}`);
for (const { arch, rows, console: said } of results.filter((result) => !result.sound)) {
  for (const { id, verdict, detail } of rows)
    if (verdict === 'failed' || verdict === 'not reached')
      console.log(`${arch}, ${id}: ${verdict} ${detail}`);
  for (const line of said) console.log(`${arch}| ${line}`);
}
console.log(`${String(sound.length)} passed, ${String(unsound.length + unbuilt.length)} failed`);
process.exitCode = unsound.length + unbuilt.length === 0 ? 0 : 1;
