import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { readElf, type ElfFacts } from './elf.ts';
import { findProgram } from '../core/host-programs.ts';
import { askProgram, tryProgram } from './machine-files.ts';
import type { LocatedToolchain } from './toolchain.ts';

/** The properties of what a toolchain produced. */
export interface TriedToolchain {
  /** `gcc -dumpmachine`. */
  readonly triple: string;
  /** First line of `gcc --version`. */
  readonly version: string;
  /** Of an object file that it compiled. */
  readonly object: Pick<ElfFacts, 'bits' | 'byteOrder' | 'machine'>;
  /** Dynamic loader of programs that it links by default; undefined if they are static. */
  readonly interpreter?: string;
}

const objectText = 'int answer(void) { return 42; }\n';
const programText = `#include <stdio.h>
#include <string.h>
int main(int count, char **words)
{
	printf("%d %zu\\n", count, strlen(words[0]));
	return 0;
}
`;

/** Compiles an object, then links a static program, and looks at what came out. Fails with `unusable-toolchain`. */
export async function tryToolchain(toolchain: LocatedToolchain): Promise<Result<TriedToolchain, Failure>> {
  const { prefix } = toolchain;
  const { gcc } = toolchain.programs;
  const machine = await tryProgram(gcc, ['-dumpmachine']);
  const version = machine.ok ? await tryProgram(gcc, ['--version']) : machine;
  if (!machine.ok || !version.ok) {
    return refusal(
      prefix,
      `does not run on this machine: ${firstLine(machine.ok ? version : machine)}`,
      `Try: ${gcc} --version`,
    );
  }
  const scratch = await mkdtemp(join(tmpdir(), 'bootstrap-toolchain-'));
  try {
    const [object, program] = [join(scratch, 'object'), join(scratch, 'program')];
    await writeFile(`${object}.c`, objectText);
    await writeFile(`${program}.c`, programText);
    const compiled = await tryProgram(gcc, ['-c', '-o', `${object}.o`, `${object}.c`]);
    const facts = compiled.ok ? await readElf(`${object}.o`) : undefined;
    if (!compiled.ok || facts === undefined) {
      const why = compiled.ok ? 'its output is not an ELF object' : firstLine(compiled);
      return refusal(prefix, `does not compile C: ${why}`, `Try: ${gcc} -c FILE.c`);
    }
    const linked = await tryProgram(gcc, ['-static', '-o', program, `${program}.c`]);
    if (!linked.ok) {
      return refusal(prefix, `has no static C library: ${firstLine(linked)}`, await libraryHint(gcc));
    }
    const dynamic = await tryProgram(gcc, ['-o', program, `${program}.c`]);
    const interpreter = dynamic.ok ? (await readElf(program))?.interpreter : undefined;
    const { bits, byteOrder, machine: family } = facts;
    return ok({
      triple: firstLine(machine),
      version: firstLine(version),
      object: { bits, byteOrder, machine: family },
      ...(interpreter === undefined ? {} : { interpreter }),
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function refusal(prefix: string, why: string, hint: string): Result<never, Failure> {
  return failed({ reason: 'unusable-toolchain', prefix, why, hint });
}

/** The most informative line of a compiler's output: the first that mentions an error, otherwise the first. */
function firstLine(answer: Result<string, string>): string {
  const lines = (answer.ok ? answer.value : answer.failure).split('\n').filter((line) => line.trim() !== '');
  const telling = answer.ok ? undefined : lines.find((line) => /error|cannot|not found/i.test(line));
  return (telling ?? lines[0] ?? 'it printed nothing').trim();
}

/** Debian's cross compiler packages recommend the C library for them. */
async function libraryHint(gcc: string): Promise<string> {
  const general = 'Install the C library for it, with headers and libc.a.';
  const dpkg = await findProgram('dpkg-query', ['/usr/bin']);
  if (dpkg === undefined) return general;
  const owner = /^([^:\s]+)[^\n]*: \//m.exec((await askProgram(dpkg, ['--search', gcc])) ?? '')?.[1];
  if (owner === undefined) return general;
  const asked = ['--show', '--showformat=${Recommends}', owner];
  const library = /\blibc[a-z0-9.]*-dev[a-z0-9-]*/.exec((await askProgram(dpkg, asked)) ?? '')?.[0];
  if (library === undefined) return general;
  return `${basename(gcc)} comes without it. Install it; on Debian: apt-get install ${library}`;
}
