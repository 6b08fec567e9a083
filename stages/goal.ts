import type { Digest } from '../src/core/digest.ts';
import type { ImageKind } from '../src/image/emulator.ts';
import type { WantedSymbol } from '../src/inputs/kernel-config.ts';
import type { Toolchain } from './toolchain.ts';

/** What the user asked for, before any narrowing to stages. Plain data. */
export interface Goal {
  /** `image`: kernel, root filesystem and image, with no compiler but stage 1. */
  readonly kind: 'everything' | 'image';
  /** Whether an image gets the native compiler too; everything always does. */
  readonly withNative: boolean;
  /** How the root filesystem reaches the guest. Undefined: as an initramfs. */
  readonly image?: ImageKind;
  /** Tree of the user's directory `overlay`, whose files are laid over the root filesystem. */
  readonly overlay?: Digest;
  /** What compiles an image in the place of stage 1. Never with a compiler among the products. */
  readonly toolchain?: Toolchain;
  /** Further symbols of the kernel, which win over those of the descriptor. In order of name. */
  readonly kernelSymbols?: readonly WantedSymbol[];
}
