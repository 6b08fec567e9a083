/** What differs between arches is data in `arches/`: no other code names one. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Arch } from '../../src/inputs/arch.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Code, all of it. Tests and documents may take arches for examples; patches are pieces of upstream's sources. */
const places = ['src', 'stages', 'target', 'bootstrap', 'eslint.config.js', 'vitest.config.ts'];

/** Aliases that are words of their own. */
const otherWords = new Map([['sh', 'the shell']]);

/** Names that may stand in a file, and why. */
const exceptions: readonly {
  readonly file: string;
  readonly names: readonly string[];
  readonly why: string;
}[] = [
  {
    file: 'src/inputs/musl-arches.ts',
    names: [
      ...['aarch64', 'i386', 'm68k', 'mips', 'powerpc', 'powerpc64', 'riscv64', 's390x', 'x86_64'],
      ...['ppc', 'ppc64', 'sh4', 'x86'],
    ],
    why: "musl's list of what it runs on, and what meson calls that",
  },
  {
    file: 'src/definitions/arches.ts',
    names: ['aarch64', 'armv5l', 'armv7l', 'i686', 'mips', 'mipsel', 'powerpc64', 'ppc64', 'x86_64'],
    why: 'what Baserock calls the same machines',
  },
  {
    file: 'stages/chunk/oci-arches.ts',
    names: [
      'aarch64',
      'armv5l',
      'armv7l',
      'i686',
      'mips',
      'mipsel',
      'powerpc64',
      'ppc64',
      'riscv64',
      's390x',
      'x86_64',
      'arm64',
      'mipsle',
      'amd64',
    ],
    why: 'what the language Go calls the same machines',
  },
  { file: 'src/core/foreign-programs.ts', names: ['i686'], why: 'a program of that processor' },
  { file: 'src/cli/program.ts', names: ['armv5l', 'i686'], why: 'examples in the help' },
  { file: 'src/emulator/complaint.ts', names: ['ppc'], why: "Debian's names of packages" },
  {
    file: 'stages/cross-compiler.ts',
    names: ['armv5l', 'armv5l-linux-musleabi'],
    why: 'an example in a comment of a recipe',
  },
  { file: 'target/ccwrap.c', names: ['armv5l'], why: 'an example in a comment' },
];

function filesBelow(place: string): readonly string[] {
  const file = path.join(root, place);
  if (!statSync(file).isDirectory()) return [place];
  return readdirSync(file).flatMap((name) => filesBelow(path.join(place, name)));
}

/** Names, aliases and triples of all arches. */
async function allNames(): Promise<readonly string[]> {
  const modules = readdirSync(path.join(root, 'arches')).filter((name) => name.endsWith('.ts'));
  const arches = await Promise.all(
    modules.map(async (name) => ((await import(path.join(root, 'arches', name))) as { arch: Arch }).arch),
  );
  const names = arches.flatMap(({ name, aliases, triple }) => [name as string, ...aliases, triple as string]);
  return names.filter((name) => !otherWords.has(name));
}

/** Comments of TypeScript may show an example in quotes. */
function withoutExamples(file: string, text: string): string {
  if (!file.endsWith('.ts')) return text;
  return text.replace(/^[ \t]*(?:\/\*\*|\*|\/\/).*$/gm, (comment) => comment.replace(/`[^`]*`|"[^"]*"/g, ''));
}

function escaped(name: string): string {
  return name.replaceAll(/[.+*?()|[\]{}\\^$-]/g, '\\$&');
}

it('names no arch outside arches/', async () => {
  const names = [...(await allNames())].sort((a, b) => b.length - a.length);
  const word = new RegExp(`(?<![A-Za-z0-9_])(?:${names.map(escaped).join('|')})(?![A-Za-z0-9_])`, 'g');
  const found = places.flatMap(filesBelow).flatMap((file) => {
    const allowed = exceptions.filter((exception) => exception.file === file).flatMap((it) => it.names);
    const lines = withoutExamples(file, readFileSync(path.join(root, file), 'utf8')).split('\n');
    return lines.flatMap((line, index) =>
      [...line.matchAll(word)]
        .filter(([name]) => !allowed.includes(name))
        .map(([name]) => `${file}:${String(index + 1)}: ${name}: ${line.trim()}`),
    );
  });
  expect(found).toEqual([]);
});

it('lists no exception that is not needed', () => {
  for (const { file, names, why } of exceptions) {
    const text = readFileSync(path.join(root, file), 'utf8');
    expect(
      names.some((name) => text.includes(name)),
      `${file}: ${why}`,
    ).toBe(true);
  }
});
