import { access, constants, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { findProgram, machinePath } from '../core/host-programs.ts';
import { compilerPrograms } from '../machine/machine-compiler.ts';
import { listUtilities } from '../machine/machine-utilities.ts';
import type { Arches } from '../repository/load-arches.ts';
import { probeNamespaces } from '../sandbox/namespaces.ts';
import { openStore } from './open-store.ts';

/** One thing that was checked. */
export interface Finding {
  readonly what: string;
  /** `missing`: a build fails without it. `absent`: something else fails without it, as `remedy` says. */
  readonly state: 'ok' | 'missing' | 'absent';
  /** What was found, or what is wrong. */
  readonly detail: string;
  /** What to do; undefined if nothing is wrong. */
  readonly remedy?: string;
}

/** Where to look, and how to word what is found. */
export interface Diagnosis {
  /** This repository, absolute. */
  readonly repository: string;
  /** Directory of the store, absolute. */
  readonly store: string;
  readonly arches: Arches;
  /** The user's PATH, where emulators are looked for. */
  readonly searchPath: string;
  /** Renders a failure. */
  readonly describe: (failure: Failure) => string;
  readonly say: (text: string) => void;
}

/** The minimum that the main command needs, for one arch and one host. */
const room = { diskGiB: 15, files: 400_000, memoryMiB: 2000 };

/** Checks everything that a build and a boot need, and changes nothing except creating an empty store. */
export async function diagnose(diagnosis: Diagnosis): Promise<readonly Finding[]> {
  return [
    nodeFinding(),
    ...(await programFindings(machinePath, diagnosis.describe)),
    ...(await sandboxFindings(diagnosis)),
    ...(await roomFindings(diagnosis.store)),
    ...(await originFindings(machinePath)),
    ...(await emulatorFindings(diagnosis)),
  ];
}

/** The compiler chain, make, and the utilities that the first action uses. */
export async function programFindings(
  directories: readonly string[],
  describe: Diagnosis['describe'],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const wanted = { ...compilerPrograms, make: 'make', sh: 'dash' };
  for (const [program, debianPackage] of Object.entries(wanted)) {
    const found = await findProgram(program, directories);
    if (found !== undefined) findings.push({ what: program, state: 'ok', detail: found });
    else findings.push(missingProgram(program, debianPackage));
  }
  const utilities = await listUtilities(directories);
  if (utilities.ok)
    findings.push({
      what: 'utilities',
      state: 'ok',
      detail: 'sed, grep, awk and the others that busybox needs',
    });
  else if (utilities.failure.reason !== 'missing-program') {
    findings.push({ what: 'utilities', state: 'missing', detail: describe(utilities.failure) });
  } else if (!(utilities.failure.program in wanted)) {
    findings.push(missingProgram(utilities.failure.program, utilities.failure.debianPackage));
  }
  return findings;
}

function nodeFinding(): Finding {
  // The launcher has checked that it is recent enough.
  return { what: 'node', state: 'ok', detail: `${process.version} at ${process.execPath}` };
}

async function sandboxFindings({
  store: storeRoot,
  say,
  describe,
  repository,
}: Diagnosis): Promise<readonly Finding[]> {
  const store = await openStore(storeRoot, 0, say);
  if (!store.ok) {
    const [detail = '', ...rest] = describe(store.failure).split('\n');
    return [{ what: 'store', state: 'missing', detail, remedy: rest.at(-1)?.trim() ?? '' }];
  }
  const stored: Finding = { what: 'store', state: 'ok', detail: storeRoot };
  const means = await probeNamespaces(store.value, 'where-allowed', repository);
  if (!means.ok) {
    const { failure } = means;
    if (failure.reason === 'missing-program')
      return [stored, missingProgram(failure.program, failure.debianPackage)];
    const [detail = '', ...rest] = describe(failure).split('\n');
    return [
      stored,
      { what: 'namespaces', state: 'missing', detail, remedy: rest.map((line) => line.trim()).join('; ') },
    ];
  }
  const { overlays } = means.value;
  const overlay: Finding =
    overlays.readOnly && overlays.writable
      ? { what: 'overlay mounts', state: 'ok', detail: 'allowed' }
      : {
          what: 'overlay mounts',
          state: 'absent',
          detail: 'not allowed: inputs are copied instead, which is slower',
          remedy:
            'Unprivileged overlay mounts need kernel 5.11 or later, and a store that is not itself on an overlay.',
        };
  return [stored, { what: 'namespaces', state: 'ok', detail: 'allowed' }, overlay];
}

async function roomFindings(storeRoot: string): Promise<readonly Finding[]> {
  const { bavail, bsize, files, ffree } = await statfs(await nearestDirectory(storeRoot));
  const free = (bavail * bsize) / 1024 ** 3;
  const memory = Math.floor(totalmem() / 1024 ** 2);
  const disk = `${free.toFixed(1)} GiB free for the store`;
  const memoryText = `${memory} MiB`;
  return [
    free >= room.diskGiB
      ? { what: 'disk', state: 'ok', detail: disk }
      : {
          what: 'disk',
          state: 'missing',
          detail: `${disk}, a build from scratch needs about ${room.diskGiB}`,
          remedy: 'Free some space, or choose another place with --store DIR.',
        },
    ...fewFilesFinding(files > 0 ? ffree : Infinity),
    memory >= room.memoryMiB
      ? { what: 'memory', state: 'ok', detail: memoryText }
      : {
          what: 'memory',
          state: 'missing',
          detail: `${memoryText}, compiling gcc needs about ${room.memoryMiB}`,
          remedy: 'Add memory or swap space.',
        },
  ];
}

/** Most file systems have plenty of inodes, in which case there is no line. */
function fewFilesFinding(free: number): readonly Finding[] {
  if (free >= room.files) return [];
  const detail = `${free} more files fit on the store's file system; a build from scratch needs about ${room.files}`;
  const remedy = 'Remove some files, or choose another place with --store DIR.';
  return [{ what: 'inodes', state: 'missing', detail, remedy }];
}

/** Without apt, sources come only from upstream or a mirror. */
async function originFindings(directories: readonly string[]): Promise<readonly Finding[]> {
  const found = await findProgram('apt-get', directories);
  return [
    found === undefined
      ? {
          what: 'apt-get',
          state: 'absent',
          detail: 'sources come from their upstream sites or --mirror URL only',
          remedy: 'It is part of Debian and its derivatives; other systems work without it.',
        }
      : { what: 'apt-get', state: 'ok', detail: found },
  ];
}

/** Only `run` needs an emulator, so none is `missing`. */
async function emulatorFindings({ arches, searchPath, describe }: Diagnosis): Promise<readonly Finding[]> {
  const users = new Map<string, { debianPackage: string; arches: string[] }>();
  const findings: Finding[] = [];
  for (const name of arches.names) {
    const arch = await arches.load(name);
    if (!arch.ok) {
      findings.push({ what: arches.fileOf(name), state: 'missing', detail: describe(arch.failure) });
      continue;
    }
    const { program, debianPackage } = arch.value.emulator;
    const user = users.get(program) ?? { debianPackage, arches: [] };
    user.arches.push(name);
    users.set(program, user);
  }
  const searched = searchPath.split(':').filter((directory) => directory !== '');
  for (const [program, { debianPackage, arches: names }] of users) {
    const found = await findProgram(program, searched);
    findings.push(
      found === undefined
        ? {
            what: program,
            state: 'absent',
            detail: `wanted by \`bootstrap run\` for ${names.join(', ')}`,
            remedy: `apt-get install ${debianPackage}`,
          }
        : { what: program, state: 'ok', detail: found },
    );
  }
  return findings;
}

function missingProgram(program: string, debianPackage: string): Finding {
  return { what: program, state: 'missing', detail: 'not found', remedy: `apt-get install ${debianPackage}` };
}

/** The store may not exist yet, so its file system is that of its nearest existing ancestor. */
async function nearestDirectory(directory: string): Promise<string> {
  const there = await access(directory, constants.F_OK).then(
    () => true,
    () => false,
  );
  return there || directory === '/' ? directory : nearestDirectory(path.dirname(directory));
}
