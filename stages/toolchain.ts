import type { Digest } from '../src/core/digest.ts';
import type { Arch } from '../src/inputs/arch.ts';
import type { Ref } from '../src/plan/action.ts';
import { defineSetting } from './stage.ts';

/** An external toolchain: a cross compiler that builds an image instead of stage 1. Plain data, with no path of a machine. */
export interface Toolchain {
  /** File name of its gcc: `arm-linux-gnueabi-gcc`. */
  readonly name: string;
  /** What actions write before `gcc`, `ld` and the others: the same without `gcc`, or a path in the sandbox. */
  readonly command: string;
  /** `gcc -dumpmachine`. */
  readonly triple: string;
  /** First line of `gcc --version`. */
  readonly version: string;
  /** Of the tree of all its files, which lie in a sandbox as the tree has them. */
  readonly digest: Digest;
  /** Whether its C library is the arch's own musl, by the dynamic loader that its programs want. */
  readonly musl: boolean;
}

/** The external toolchain that compiles an image instead of stage 1. Never with a compiler among the products. */
export const toolchainSetting = defineSetting<Toolchain>();

/** What precedes the names of the target's compiler programs, stage 1's where there is no other. */
export function commandPrefix(arch: Arch, toolchain: Toolchain | undefined): string {
  return toolchain?.command ?? `${arch.triple}-`;
}

/** The machine's compiler, with what an external toolchain has of the machine beside it: an input at `/`. */
export function machineTrees(toolchain: Toolchain | undefined): Ref | readonly Ref[] {
  return toolchain === undefined ? { kind: 'compiler' } : [{ kind: 'compiler' }, toolchainTree(toolchain)];
}

/** The files of an external toolchain, an input at `/`. */
export function toolchainTree({ digest }: Toolchain): Ref {
  return { kind: 'directory', name: 'toolchain', digest };
}

/** Programs of an external toolchain for configure scripts, which know stage 1's by the triple alone. */
export function compilerVariables(toolchain: Toolchain | undefined): Readonly<Record<string, string>> {
  if (toolchain === undefined) return {};
  const { command } = toolchain;
  return { CC: `${command}gcc`, AR: `${command}ar`, RANLIB: `${command}ranlib`, STRIP: `${command}strip` };
}
