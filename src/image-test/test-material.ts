import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { quoteWord } from '../core/shell-word.ts';
import { isBefore } from '../core/version-order.ts';
import { needsOfProgram } from './checks.ts';
import type { PackedFile } from './cpio.ts';
import type { Arch, Facility } from '../inputs/arch.ts';
import type { TestPrograms } from './test-programs.ts';

/** Parameters of what a test needs. */
export interface Material {
  readonly repository: string;
  readonly arch: Arch;
  readonly programs: TestPrograms;
}

/** Whether the board cannot do something, as its descriptor says. */
export function lacks({ emulator }: Arch, facility: Facility): boolean {
  return (emulator.lacks ?? []).some((lack) => lack.facility === facility);
}

/** Whether a program needs something that the board cannot do. */
function cannotRun(arch: Arch, program: string): boolean {
  return needsOfProgram(program).some((facility) => lacks(arch, facility));
}

/**
 * The arch with an emulator of this version, without the faults that were fixed before it. An unknown version may be
 * old.
 */
export function withEmulator(arch: Arch, version: string): Arch {
  const { lacks: all, ...emulator } = arch.emulator;
  if (all === undefined) return arch;
  const left = all.filter(
    ({ emulatorBefore }) =>
      emulatorBefore === undefined || version === '' || isBefore(version, emulatorBefore),
  );
  return { ...arch, emulator: { ...emulator, lacks: left } };
}

/** Checks that are not run for this image or on this machine, each with the reason. */
export function absentChecks({ programs, arch }: Material, nativeCompiler: boolean): Map<string, string> {
  const absent = new Map<string, string>();
  const { cross, expected } = programs;
  if (!cross.ok && cross.failure.kind === 'absent') {
    for (const group of ['cross', 'musl', 'user']) absent.set(group, cross.failure.why);
  }
  if (!expected.ok && expected.failure.kind === 'absent') absent.set('native', expected.failure.why);
  if (!nativeCompiler)
    absent.set('native', `not in this image; \`bootstrap image ${arch.name} --with-native\` puts it there`);
  return absent;
}

/** Shell variables for the guest. */
export function guestSettings(
  { arch, programs }: Material,
  nonce: string,
  port: number,
  nativeCompiler: boolean,
): string {
  const native =
    nativeCompiler && programs.expected.ok && !lacks(arch, 'native-compiler') && !lacks(arch, 'disk');
  const values = {
    nonce,
    arch: arch.name,
    port: String(port),
    lacks: (arch.emulator.lacks ?? []).map(({ facility }) => facility).join(' '),
    programs: programs.names.programs.filter((name) => !cannotRun(arch, name)).join(' '),
    musl: programs.names.musl.join(' '),
    cross: programs.cross.ok ? 'yes' : 'no',
    native: native ? 'yes' : 'no',
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${quoteWord(value)}\n`)
    .join('');
}

/** All files that are passed to the guest. */
export async function guestFiles(
  { repository, programs }: Material,
  settings: string,
): Promise<ReadonlyMap<string, PackedFile>> {
  const files = new Map(programs.sources);
  const script = await readFile(path.join(repository, 'target/tests/guest.sh'));
  files.set('guest.sh', { bytes: script, executable: true });
  files.set('settings', { bytes: new TextEncoder().encode(settings), executable: false });
  if (programs.expected.ok) {
    for (const [name, file] of programs.expected.value) files.set(`expected/${name}`, file);
  }
  if (programs.cross.ok) for (const [place, file] of programs.cross.value.files) files.set(place, file);
  return files;
}

/**
 * The input typed in the second boot. It never contains the nonce as a whole, because a console echoes what is typed.
 */
export function typedChecks(nonce: string, disk: boolean): string {
  const word = `${nonce.slice(0, 3)}''${nonce.slice(3)}`;
  const lines = [
    `n=${word}`,
    `printf '\\n@%s passed console %s\\n' "$n" "$(tty)"`,
    ...(disk
      ? [
          `(cd /home && sha256sum -c written.sum) >/tmp/said 2>&1 && v=passed || v=failed`,
          `printf '\\n@%s %s disk-again %s\\n' "$n" $v "$(tr '\\n' ' ' </tmp/said)"`,
        ]
      : []),
    `printf '\\n@%s done\\n' "$n"`,
    'exit',
  ];
  return lines.map((line) => `${line}\n`).join('');
}
