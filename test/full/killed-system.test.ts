/** A system whose building is killed again and again: what comes out in the end is the same as ever. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { bootstrap, repository } from '../real/built.ts';

const work = mkdtempSync(path.join(tmpdir(), 'killed-system-'));
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

const moments = 20;
/** In milliseconds: longer than building takes. */
const longest = 5000;

const chunks = ['one', 'two', 'three', 'four'] as const;

/** Definitions of four chunks, each of which needs those before it. Another nonce makes other actions with the same result. */
function define(nonce: number): void {
  const files: Record<string, string> = {
    VERSION: 'version: 8\n',
    DEFAULTS:
      "build-systems: {manual: {}}\nsplit-rules: {chunk: [{artifact: -all, include: ['.*']}], stratum: []}\n",
    'systems/four.morph':
      'name: four\nkind: system\narch: x86_32\nstrata: [{name: four, morph: strata/four.morph}]\n',
    'strata/four.morph': `name: four\nkind: stratum\nchunks:\n${chunks
      .map(
        (name, index) =>
          `- {name: ${name}, morph: ${name}.morph, repo: 'lock:zlib', ref: 1.3.1, build-depends: [${chunks.slice(0, index).join(', ')}]}\n`,
      )
      .join('')}`,
  };
  for (const name of chunks) {
    files[`${name}.morph`] = `name: ${name}
kind: chunk
build-commands:
- ': ${String(nonce)}; cat /usr/share/four/* > all 2>/dev/null || :; sleep 0.3; sha256sum *.c all > sums'
install-commands:
- mkdir -p "$DESTDIR/usr/share/four"; cp sums "$DESTDIR/usr/share/four/${name}"; sleep 0.1
x-bootstrap: {compiler: false}
`;
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(work, name)), { recursive: true });
    writeFileSync(path.join(work, name), text);
  }
}

const words = [
  ...['system', 'build', path.join(work, 'systems/four.morph'), '--host', 'i686'],
  ...chunks.flatMap((name) => ['--only', name]),
];

/** Trees of all four chunks, by what is in them. */
async function trees(): Promise<readonly string[]> {
  const { stdout } = await bootstrap(...words);
  return [...stdout.matchAll(/^ {2}four\/\S+ +\S*\/([^/]+)$/gm)].map(([, tree]) => tree ?? '');
}

/** Starts a build and kills it, without a chance to clean up. Returns whether it was still running. */
async function killAfter(milliseconds: number): Promise<boolean> {
  const child = spawn(`${repository}/bootstrap`, words, { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await Promise.race([ended, sleep(milliseconds)]);
  const running = child.exitCode === null;
  if (running && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await ended;
  return running;
}

test(`building that is killed at ${String(moments)} moments ends with the same trees`, async () => {
  define(0);
  const expected = await trees();
  expect(new Set(expected).size).toBe(chunks.length);
  let killed = 0;
  for (let moment = 1; moment <= moments; moment += 1) {
    define(moment);
    if (await killAfter(Math.random() * longest)) killed += 1;
    expect(await trees()).toEqual(expected);
  }
  // Most moments are before the end, or the test tests nothing.
  expect(killed).toBeGreaterThan(moments / 4);
}, 900_000);
