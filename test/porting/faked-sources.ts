import { kernelFactFiles } from '../../stages/arch-check/kernel.ts';
import { toolchainReport } from '../../stages/arch-check/toolchain.ts';
import type { OpenBuildContext } from '../../src/build/build-context.ts';
import type { TreeSketch } from '../store/sketch.ts';
import { fakeContext } from '../build/fake-context.ts';

/** What gcc, binutils and musl say of armv5l. */
export const armReport = `canonical=armv5l-unknown-linux-musleabi
gcc.processor=arm
binutils.vector=arm_elf32_le_vec
byte-order=little
bits=32
musl.arch=arm
musl.loader=ld-musl-arm.so.1
musl.known=aarch64
musl.known=arm
musl.known=i386
`;

/** What the kernel has, as far as a test looks. */
export interface FakedKernel {
  /** Lines of Kconfig: name, place, dependencies. */
  readonly symbols: readonly (readonly [string, string, string])[];
  /** Final configuration, without \`CONFIG_\`. */
  readonly values: Readonly<Record<string, string>>;
}

/** A build context whose every action is faked, and in which upstream's sources have answered this. */
export function fakedSources(report: string, { symbols, values }: FakedKernel): OpenBuildContext {
  const facts = {
    [kernelFactFiles.arches]: 'alpha\narm\narm64\nm68k\nx86\n',
    [kernelFactFiles.symbols]: symbols.map((symbol) => `${symbol.join('\t')}\n`).join(''),
    [kernelFactFiles.deviceTrees]:
      'arch/arm/boot/dts/arm/versatile-ab.dts\narch/arm/boot/dts/arm/versatile-pb.dts\n',
    [kernelFactFiles.commandLine]: 'arch/arm/include/uapi/asm/setup.h:20:#define COMMAND_LINE_SIZE 1024\n',
    [kernelFactFiles.makefile]: 'KBUILD_IMAGE := $(boot)/zImage\nBOOT_TARGETS = zImage Image xipImage\n',
    [kernelFactFiles.bootMakefile]: '',
  };
  const config = Object.entries(values).map(([name, value]) => `CONFIG_${name}=${value}\n`);
  const configuration = {
    [kernelFactFiles.status]: '0\n',
    [kernelFactFiles.log]: '',
    [kernelFactFiles.config]: config.join(''),
  };
  return fakeContext({
    selected: { plan: { actions: [], sources: [], products: [], goals: [] } } as never,
    behaviour: ({ name, recipe }) => {
      const tree: TreeSketch = name.endsWith('/toolchain')
        ? { [toolchainReport]: report }
        : name.endsWith('/kernel-facts')
          ? facts
          : name.endsWith('/kernel-configuration')
            ? configuration
            : { 'made-by': name };
      return { outputs: Object.fromEntries(Object.keys(recipe.outputs).map((output) => [output, tree])) };
    },
  });
}
