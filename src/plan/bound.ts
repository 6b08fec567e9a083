import type { Digest } from '../core/digest.ts';
import type { Command, Platform } from './action.ts';
import type { SandboxPath } from './names.ts';

/** What a ref resolves to: the digest of a tree, or of one file. */
export type Content =
  | { readonly kind: 'tree'; readonly digest: Digest }
  | {
      readonly kind: 'file';
      readonly digest: Digest;
      readonly executable: boolean;
    };

export interface BoundInput {
  readonly path: SandboxPath | '/';
  readonly contents: readonly Content[];
  /** Undefined: none. */
  readonly below?: readonly Content[];
  readonly writable: boolean;
}

/**
 * A recipe whose refs are replaced by content digests: the preimage of a key, and everything that an
 * executor needs apart from a store. The same type is used for plan ids, with plan ids instead of content.
 */
export interface BoundRecipe {
  readonly commands: readonly Command[];
  readonly env: Readonly<Record<string, string>>;
  readonly tools: readonly Content[];
  readonly inputs: readonly BoundInput[];
  readonly outputs: Readonly<Record<string, SandboxPath>>;
  readonly platform: Platform;
  /** Undefined: none. */
  readonly compileServer?: Content;
}
