import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { probeProcess } from '../../src/core/process-stamp.ts';
import { removeForcibly } from '../../src/store/remove.ts';
import { scratchParent } from './scratch-parent.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Directory in which each test process has its home, cache and temporary directory. */
    readonly testRoot: string;
  }
}

let before: ReturnType<typeof snapshot> | undefined;
let root: string | undefined;

/**
 * Gives the run a directory of its own, in which every test process lives (`own-environment.ts`). `teardown` fails the run
 * when the user's own store or home changed all the same.
 */
export function setup(project: TestProject): void {
  root = mkdtempSync(path.join(scratchParent(), 'bootstrap-tests-'));
  project.provide('testRoot', root);
  before = snapshot(usersPlaces());
}

export async function teardown(): Promise<void> {
  if (root === undefined || before === undefined) return;
  await removeForcibly(root);
  const { seen, busy } = before;
  const after = snapshot(usersPlaces());
  const changed = [...new Set([...seen.keys(), ...after.seen.keys()])].filter(
    (place) => seen.get(place) !== after.seen.get(place),
  );
  if (changed.length === 0) return;
  const list = changed.map((place) => `  ${place}\n`).join('');
  if (busy || after.busy) {
    console.warn(`While the tests ran, another run changed the user's own store:\n${list}`);
    return;
  }
  // vitest prints what is thrown here, and ends with 0 all the same.
  process.exitCode = 1;
  throw new Error(`The tests changed what is the user's own:\n${list}`);
}

interface Places {
  readonly home: string;
  /** Stores that a program started without options would use. */
  readonly stores: readonly string[];
}

function usersPlaces(): Places {
  const home = homedir();
  const cache = process.env['XDG_CACHE_HOME'] || path.join(home, '.cache');
  const named = process.env['BOOTSTRAP_STORE'];
  return { home, stores: [path.join(cache, 'bootstrap'), ...(named ? [named] : [])] };
}

/** What a change of the user's own would show in; the times of directories change with every rename into them. */
function snapshot({ home, stores }: Places): { seen: Map<string, string>; busy: boolean } {
  const seen = new Map<string, string>();
  seen.set(home, namesIn(home).join('\n'));
  let busy = false;
  for (const store of stores) {
    for (const kind of namesIn(store)) {
      const directory = path.join(store, kind);
      if (kind === 'scratch') busy ||= namesIn(directory).some(isOfLivingProcess);
      const below = kind === 'notes' ? namesIn(directory).map((name) => path.join(directory, name)) : [];
      for (const place of [directory, ...below]) seen.set(place, String(statSync(place).mtimeMs));
    }
  }
  return { seen, busy };
}

function isOfLivingProcess(name: string): boolean {
  return probeProcess(name.slice(0, name.indexOf('-'))) === 'alive';
}

function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

/** A home, a cache and a temporary directory for this process alone; undefined names are to be unset. */
export function ownEnvironment(root: string): Readonly<Record<string, string | undefined>> {
  const own = mkdtempSync(path.join(root, `${String(process.pid)}-`));
  const [home, temporary] = [path.join(own, 'home'), path.join(own, 'tmp')];
  for (const directory of [home, temporary]) mkdirSync(directory, { mode: 0o700 });
  return {
    HOME: home,
    TMPDIR: temporary,
    XDG_CACHE_HOME: undefined,
    XDG_CONFIG_HOME: undefined,
    XDG_RUNTIME_DIR: undefined,
    BOOTSTRAP_STORE: undefined,
  };
}
