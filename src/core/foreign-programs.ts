import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { machine, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The smallest program of a processor that another one's kernel may run: it ends with exit code 0. An ELF header, one
 * program header that maps the whole file, and the call of exit(0).
 */
const programs: Readonly<Record<string, Uint8Array>> = {
  i686: Buffer.from(
    [
      '7f454c46010101000000000000000000', // ELF, 32 bits, little endian
      '0200030001000000548004083400000000000000', // executable, processor 3, entry 0x8048054, program headers at 52
      '00000000340020000100000000000000', // header sizes, one program header
      '01000000000000000080040800800408', // PT_LOAD, offset 0, address 0x8048000
      '5d0000005d0000000500000000100000', // 93 bytes, readable and executable, page size 4096
      'b80100000031dbcd80', // mov eax, 1 (exit); xor ebx, ebx; int 0x80
    ].join(''),
    'hex',
  ),
};

/** What the kernel has answered, by processor. Tests that must start no process put an answer in before anybody asks. */
export const answers = new Map<string, boolean>();

/**
 * Whether this machine's kernel runs programs of a processor, by its GNU name: its own, or one whose programs it has been seen to
 * run (a 64-bit kernel may be built without those of 32 bits). Asked once in a process.
 */
export function runsProgramsOf(cpu: string): boolean {
  if (cpu === machine()) return true;
  const program = programs[cpu];
  if (program === undefined) return false;
  const before = answers.get(cpu);
  if (before !== undefined) return before;
  const runs = tryToRun(program);
  answers.set(cpu, runs);
  return runs;
}

function tryToRun(program: Uint8Array): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'bootstrap-program-'));
  try {
    const file = join(directory, 'program');
    writeFileSync(file, program, { mode: 0o700 });
    return spawnSync(file, { stdio: 'ignore' }).status === 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
