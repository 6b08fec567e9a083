import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arch as armv5l } from '../../arches/armv5l.ts';
import { arch as mips } from '../../arches/mips.ts';
import { arch as s390x } from '../../arches/s390x.ts';
import type { Arch } from '../../src/inputs/arch.ts';
import { muslArches } from '../../src/inputs/musl-arches.ts';
import { buildSystemFiles } from '../../stages/build-systems.ts';
import { crossCompilerPackage, nativeCompilerPackage } from '../../stages/products.ts';
import { imageInputs, madeElsewhere, said } from './image-inputs.ts';

/** The list of processor families in meson's reference; meson warns of others. */
const mesonFamilies = new Set(
  `aarch64 alpha arc arm avr c2000 csky dspic e2k ft32 ia64 loongarch64 m68k microblaze mips mips64 msp430 parisc pic24 ppc ppc64
  pru riscv32 riscv64 rl78 rx s390 s390x sh4 sparc sparc64 sw_64 tricore wasm32 wasm64 x86 x86_64`.split(
    /\s+/,
  ),
);

const archDirectory = join(import.meta.dirname, '../../arches');
const arches: readonly Arch[] = await Promise.all(
  readdirSync(archDirectory)
    .filter((file) => file.endsWith('.ts'))
    .map(async (file) => ((await import(join(archDirectory, file))) as { arch: Arch }).arch),
);

function textOf(arch: Arch, path: string): string {
  const file = buildSystemFiles(arch).find((one) => one.path === path);
  if (file === undefined || !('text' in file)) throw new Error(`no ${path}`);
  return file.text;
}

describe('what a cross compiler brings for build systems', () => {
  test('files, programs and their short names', () => {
    const files = buildSystemFiles(armv5l);
    expect(files.map((file) => ('link' in file ? `${file.path} -> ${file.link}` : file.path))).toEqual([
      'toolchain.cmake',
      'environment-setup',
      'bin/armv5l-linux-musleabi-meson-cross',
      'bin/armv5l-meson-cross -> armv5l-linux-musleabi-meson-cross',
      'bin/armv5l-linux-musleabi-pkg-config',
      'bin/armv5l-pkg-config -> armv5l-linux-musleabi-pkg-config',
      'bin/armv5l-linux-musleabi-run',
      'bin/armv5l-run -> armv5l-linux-musleabi-run',
    ]);
    for (const file of files) {
      if ('text' in file) expect(file.executable === true, file.path).toBe(file.path.startsWith('bin/'));
    }
  });

  test('none of it knows where it lies', () => {
    for (const file of buildSystemFiles(armv5l)) {
      if ('text' in file) expect(file.text, file.path).not.toContain('/tools');
    }
  });

  test.each(arches.map((arch) => [arch.name, arch] as const))('%s: what meson is told', (_, arch) => {
    const cross = textOf(arch, `bin/${arch.triple}-meson-cross`);
    const family = /^cpu_family = '(.*)'$/m.exec(cross)?.[1];
    expect(mesonFamilies).toContain(family);
    expect(muslArches.get(arch.musl.arch)?.mesonFamily).toBe(family);
    expect(cross).toContain(`endian = '${arch.byteOrder}'`);
    expect(cross).toContain("system = 'linux'");
  });

  test.each([
    [armv5l, 'armv5l', 'arm', 'little'],
    [mips, 'mips', 'mips', 'big'],
    [s390x, 's390x', 's390x', 'big'],
  ])('%#: processor, family and byte order', (arch, processor, family, endian) => {
    expect(textOf(arch, 'toolchain.cmake')).toContain(`set(CMAKE_SYSTEM_PROCESSOR ${processor})\n`);
    expect(textOf(arch, `bin/${arch.triple}-meson-cross`)).toContain(
      `cpu_family = '${family}'\ncpu = '${processor}'\nendian = '${endian}'\n`,
    );
  });

  test('an arch without an emulator for single programs has none to offer', () => {
    const { userProgram, ...emulator } = armv5l.emulator;
    expect(userProgram).toBe('qemu-arm');
    const without: Arch = { ...armv5l, emulator };
    expect(buildSystemFiles(without).map(({ path }) => path)).not.toContain('bin/armv5l-run');
    expect(textOf(without, 'toolchain.cmake')).not.toContain('EMULATOR');
    expect(textOf(without, `bin/${armv5l.triple}-meson-cross`)).not.toMatch(/(^|")exe_wrapper/m);
    const readme = (target: Arch) =>
      crossCompilerPackage({ ...imageInputs, target }, [], madeElsewhere('cross'))
        .actions.map(said)
        .join('\n');
    expect(readme(without)).not.toContain('armv5l-run');
    expect(readme(armv5l)).toContain('bin/armv5l-run PROGRAM');
  });

  test('only packaging knows of it: the compiler is as it was', () => {
    const cross = crossCompilerPackage(imageInputs, [], madeElsewhere('cross'));
    const written = cross.actions.flatMap(({ recipe }) =>
      recipe.commands.filter(({ kind }) => kind === 'write'),
    );
    expect(written.map((command) => ('path' in command ? command.path : ''))).toContain(
      '/pack/cross-compiler-armv5l-i686/toolchain.cmake',
    );
    expect(cross.actions.map(said).join('\n')).toContain('-DCMAKE_TOOLCHAIN_FILE=');
    // The native compiler is what build systems find by themselves.
    const native = nativeCompilerPackage(imageInputs, [], madeElsewhere('native'));
    expect(native.actions.map(said).join('\n')).not.toContain('toolchain.cmake');
  });
});
