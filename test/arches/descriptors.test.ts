import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Arch } from '../../src/inputs/arch.ts';
import { checkArch } from '../../src/inputs/arch-schema.ts';
import { kernelCommandLine } from '../../src/image/emulator.ts';

const directory = new URL('../../arches/', import.meta.url);
const files = readdirSync(directory).filter((name) => name.endsWith('.ts'));

async function load(file: string): Promise<unknown> {
  const module = (await import(new URL(file, directory).href)) as { readonly arch?: unknown };
  return module.arch;
}

describe.each(files)('arches/%s', (file) => {
  it('is a valid descriptor', async () => {
    const checked = checkArch(await load(file), `arches/${file}`);
    expect(checked.ok ? [] : checked.failure).toEqual([]);
  });

  it('leaves room on the kernel command line', async () => {
    const arch = (await load(file)) as Arch;
    expect(kernelCommandLine(arch).length).toBeLessThan(arch.emulator.commandLineLimit / 2);
  });
});

it('brings the arches of the first release', () => {
  expect(files).toEqual(expect.arrayContaining(['aarch64.ts', 'armv5l.ts', 'i686.ts', 'x86_64.ts']));
});

it('gives each name, alias and triple to one arch', async () => {
  const arches = await Promise.all(files.map(async (file) => (await load(file)) as Arch));
  const names = arches.flatMap(({ name, aliases }) => [name as string, ...aliases]);
  expect(names).toEqual([...new Set(names)]);
  const triples = arches.map(({ triple }) => triple);
  expect(triples).toEqual([...new Set(triples)]);
});

it('describes armv5l as soft float', async () => {
  const arch = (await load('armv5l.ts')) as Arch;
  expect(arch.triple).toBe('armv5l-linux-musleabi');
  expect(arch.gcc.configure).toEqual(['--with-arch=armv5te', '--with-float=soft']);
  expect(arch.emulator.memory.limit).toBe(256);
});
