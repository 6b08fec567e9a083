import { lstatSync } from 'node:fs';
import { digest, isDigest, type Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { MachineProvider } from '../plan/providers.ts';
import { catchFailures } from '../core/fault.ts';
import type { Store } from '../store/store.ts';
import { findProgram } from '../core/host-programs.ts';
import { compilerPrograms, listCompiler, programDirectories } from './machine-compiler.ts';
import { listUtilities, utilityNames } from './machine-utilities.ts';

type Kind = 'compiler' | 'machine-utilities';

/** Incremented when the listing or its layout changes; the first was 1. */
const noteFormat = 1;

/** What is remembered of a tree: its digest, and the stat records of everything from which it was made. */
interface MachineNote {
  readonly format: typeof noteFormat;
  readonly tree: Digest;
  /** Where programs were found. */
  readonly programs: Readonly<Record<string, string | null>>;
  /** Machine path to its record. */
  readonly records: Readonly<Record<string, string>>;
}

export interface MachineProviderOptions {
  readonly store: Store;
  /** Where to look for programs; the first match wins. Undefined: `/usr/local/bin`, `/usr/bin`, `/bin`. */
  readonly directories?: readonly string[];
}

/** Provides the machine's compiler chain and utilities, listed by probing and copied into the store. */
export function createMachineProvider(options: MachineProviderOptions): MachineProvider {
  const { store, directories = programDirectories } = options;
  const obtaining = new Map<Kind, Promise<Result<Digest, Failure>>>();
  return {
    obtain: (kind) => {
      // Two actions that ask at the same time share the work; a later call probes again.
      const running =
        obtaining.get(kind) ??
        catchFailures(store.root, () => obtain(store, kind, directories)).finally(() => {
          obtaining.delete(kind);
        });
      obtaining.set(kind, running);
      return running;
    },
  };
}

async function obtain(
  store: Store,
  kind: Kind,
  directories: readonly string[],
): Promise<Result<Digest, Failure>> {
  const known = readNote(await store.getNote('machine', kind));
  const programs = await findPrograms(kind, directories);
  if (known !== undefined && isUnchanged(known, programs) && (await store.hasTree(known.tree)))
    return ok(known.tree);

  const listed = await (kind === 'compiler' ? listCompiler(directories) : listUtilities(directories));
  if (!listed.ok) return listed;
  // Recorded before copying, so that the next run notices what changed while we were reading.
  const records = Object.fromEntries([...listed.value.watched].map((path) => [path, recordOf(path)]));
  const scratch = await store.makeScratch(kind);
  try {
    await listed.value.writeTo(`${scratch.path}/tree`);
    const adopted = await store.adoptTree(`${scratch.path}/tree`);
    if (!adopted.ok) return adopted;
    const note: MachineNote = { format: noteFormat, tree: adopted.value, programs, records };
    await store.putNote('machine', kind, note);
    return adopted;
  } finally {
    await scratch.release();
  }
}

async function findPrograms(kind: Kind, directories: readonly string[]): Promise<MachineNote['programs']> {
  const found: [string, string | null][] = [];
  for (const name of kind === 'compiler' ? Object.keys(compilerPrograms) : utilityNames) {
    found.push([name, (await findProgram(name, directories)) ?? null]);
  }
  return Object.fromEntries(found);
}

function isUnchanged(note: MachineNote, programs: MachineNote['programs']): boolean {
  return (
    Object.entries(programs).every(([name, path]) => note.programs[name] === path) &&
    Object.entries(note.records).every(([path, record]) => recordOf(path) === record)
  );
}

/** Kind, size, times and inode of a path as text; links are not followed. Synchronous, because that is fastest for thousands of calls. */
function recordOf(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 'missing';
  return [found.mode, found.size, found.mtimeMs, found.ctimeMs, found.ino].join(' ');
}

/** A note as it was written, or nothing if it is of another format. */
function readNote(value: unknown): MachineNote | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const note = value as Partial<MachineNote>;
  if (note.format !== noteFormat || !isDigest(note.tree)) return undefined;
  if (typeof note.programs !== 'object' || typeof note.records !== 'object') return undefined;
  return { format: noteFormat, tree: digest(note.tree), programs: note.programs, records: note.records };
}
