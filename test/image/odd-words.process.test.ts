import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachments, emulatorArguments, imageFiles, type RootDisk } from '../../src/image/emulator.ts';
import { renderRunScript } from '../../src/image/run-script.ts';
import type { Arch, ArchDescriptor } from '../../src/inputs/arch.ts';
import { checkArch } from '../../src/inputs/arch-schema.ts';
import { virtioDevices } from '../../src/inputs/virtio-devices.ts';
import { shells, type Shell } from '../core/shells.ts';
import { sampleArch } from '../inputs/sample-arch.ts';
import { runs } from '../setup/runs.ts';

/** What shells and the emulator read as grammar, and what is only rare. */
const oddities = [
  ...[
    '$(touch x)',
    '`touch x`',
    '${HOME}',
    '$HOME',
    '$',
    '\\',
    "'",
    '"',
    '*',
    '?',
    '[a-z]',
    '~',
    '#',
    '!',
    '&',
  ],
  ...[
    ';touch x;',
    '|touch x',
    '>x',
    '<x',
    '(',
    ')',
    '{a,b}',
    ',',
    ',,',
    '-',
    '--',
    '=',
    ':',
    '%s',
    '@',
    'é',
    '界',
  ],
] as const;

function text(further: readonly string[], forbidden: RegExp): fc.Arbitrary<string> {
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...oddities, ...further) },
    { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 3 }) },
  );
  return fc
    .array(part, { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('').replace(forbidden, ''))
    .filter((one) => one !== '');
}

const word = text([], /[\s\p{Cc}]/gu);
const line = text([' '], /\p{Cc}/gu);
const kernelWord = text([' ', 'a='], /["\P{ASCII}\p{Cc}]/gu).filter((one) => one !== '--');
const fileName = text([' ', '\n'], /[/\0]/g).filter((one) => one !== '.' && one !== '..');

/** A descriptor that `checkArch` takes, with odd texts wherever it takes them. */
const oddArch: fc.Arbitrary<Arch> = fc
  .record({
    machine: word,
    cpu: word,
    network: word,
    networkBy: fc.constantFrom('nic' as const, 'device' as const),
    virtioPlaces: fc.uniqueArray(
      text([], /[\s\p{Cc},]/gu).map((value) => `addr=${value}`),
      { minLength: virtioDevices.length, maxLength: virtioDevices.length },
    ),
    arguments: fc.array(line, { maxLength: 4 }),
    kernelWords: fc.uniqueArray(kernelWord, { maxLength: 4 }),
  })
  .map((odd) => {
    const descriptor: ArchDescriptor = {
      ...sampleArch,
      emulator: { ...sampleArch.emulator, ...odd, commandLineLimit: 4096 },
    };
    const checked = checkArch(descriptor, 'arches/sample.ts');
    if (!checked.ok) throw new Error(JSON.stringify(checked.failure));
    return checked.value;
  });

/** Parameters of a kernel command line, as `next_arg` in the kernel's lib/cmdline.c splits it. */
function kernelParameters(commandLine: string): readonly string[] {
  const parameters: string[] = [];
  let rest = commandLine.trimStart();
  while (rest !== '') {
    const quoted = rest.startsWith('"');
    let inQuote = quoted;
    let end = quoted ? 1 : 0;
    while (end < rest.length && (inQuote || !/\s/.test(rest.charAt(end)))) {
      if (rest.charAt(end) === '"') inQuote = !inQuote;
      end += 1;
    }
    const whole = rest.slice(quoted ? 1 : 0, quoted && rest.charAt(end - 1) === '"' ? end - 1 : end);
    const equals = whole.indexOf('=', 1);
    const value = whole.slice(equals + 1);
    parameters.push(
      equals > 0 && value.startsWith('"')
        ? `${whole.slice(0, equals)}=${value.slice(1, value.endsWith('"') ? -1 : undefined)}`
        : whole,
    );
    rest = rest.slice(end).trimStart();
  }
  return parameters;
}

let base: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'odd-words-')));
  mkdirSync(join(base, 'bin'));
  writeFileSync(join(base, 'bin', sampleArch.emulator.program), `#!/bin/sh\nprintf '%s\\0' "$@"\n`, {
    mode: 0o755,
  });
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

/** Runs the script of an image in a directory of this name; gives the emulator's arguments. */
function start(
  shell: Shell,
  directory: string,
  { env = {}, from }: { env?: Record<string, string>; from?: string } = {},
): readonly string[] {
  const [program, ...rest] = shell.argv;
  const called = from ?? join(directory, imageFiles.script);
  const { status, stdout, stderr } = spawnSync(program, [...rest, called], {
    cwd: join(base, 'cwd'),
    encoding: 'utf8',
    env: { PATH: `${join(base, 'bin')}:/usr/bin:/bin`, HOME: '/nowhere', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.split('\0').slice(0, -1);
}

/** What the images of these tests have their root filesystem on. */
const rootDisk = { file: 'root.ext2', writable: true } as const;

function layImage(directory: string, arch: Arch, disk?: RootDisk): void {
  rmSync(join(base, 'cwd'), { recursive: true, force: true });
  mkdirSync(join(base, 'cwd'));
  mkdirSync(directory, { recursive: true });
  for (const file of [...Object.values(imageFiles), rootDisk.file]) writeFileSync(join(directory, file), '');
  writeFileSync(join(directory, imageFiles.script), renderRunScript(arch, disk));
}

function after(words: readonly string[], option: string): string | undefined {
  return words[words.indexOf(option) + 1];
}

describe.each(shells)('run-emulator.sh in $name', (shell) => {
  it('passes on what the descriptor means, and executes none of it', () => {
    fc.assert(
      fc.property(oddArch, fileName, (arch, name) => {
        const directory = join(base, 'images', name);
        layImage(directory, arch, rootDisk);
        const files = readdirSync(directory).sort();
        const words = start(shell, directory);
        const { emulator } = arch;
        const commandLine = after(words, '-append') ?? '';
        expect(words).toEqual(
          emulatorArguments(arch, { directory, memory: '128', commandLine }, true, rootDisk),
        );
        expect(after(words, '-M')).toBe(emulator.machine);
        expect(after(words, '-cpu')).toBe(emulator.cpu);
        expect(kernelParameters(commandLine)).toEqual([
          'console=ttyAMA0',
          ...(emulator.kernelWords ?? []),
          'panic=1',
          'HOST=sample',
        ]);
        expect(words).toContain(
          `if=none,id=root,format=raw,readonly=on,file=${directory.replaceAll(',', ',,')}/root.ext2`,
        );
        expect(readdirSync(join(base, 'cwd'))).toEqual([]);
        expect(readdirSync(directory).sort()).toEqual(files);
        rmSync(directory, { recursive: true });
      }),
      { numRuns: runs(40) },
    );
  });

  it('attaches files at any path, including relative ones', () => {
    const arch = checkArch(sampleArch, 'arches/sample.ts');
    if (!arch.ok) throw new Error('the sample is broken');
    fc.assert(
      fc.property(fileName, (name) => {
        const directory = join(base, 'image');
        layImage(directory, arch.value);
        const cwd = join(base, 'cwd');
        const env: Record<string, string> = {};
        for (const { kind, variable } of attachments) {
          const place = `${variable}${name}`;
          if (kind === 'folder') mkdirSync(join(cwd, place));
          else writeFileSync(join(cwd, place), '');
          env[variable] = kind === 'folder' ? join(cwd, place) : place;
        }
        const before = readdirSync(cwd).sort();
        const words = start(shell, directory, { env });
        for (const { kind, variable } of attachments) {
          const end = `${kind === 'folder' ? 'path' : 'file'}=${join(cwd, `${variable}${name}`).replaceAll(',', ',,')}`;
          expect(words.filter((one) => one.endsWith(end))).toHaveLength(1);
        }
        expect(readdirSync(cwd).sort()).toEqual(before);
      }),
      { numRuns: runs(15) },
    );
  });

  it.each(['-', '-P', '--', '-n', '~', 'a b', 'end\n', '$(touch x)', '*', 'a,b:c'])(
    'finds its image in a directory that is called %j, by a relative path',
    (name) => {
      const arch = checkArch(sampleArch, 'arches/sample.ts');
      if (!arch.ok) throw new Error('the sample is broken');
      const directory = join(base, 'cwd', name);
      layImage(directory, arch.value);
      const words = start(shell, directory, { from: `./${name}/${imageFiles.script}` });
      expect(after(words, '-kernel')).toBe(`${directory}/kernel`);
      expect(readdirSync(join(base, 'cwd'))).toEqual([name]);
    },
  );
});
