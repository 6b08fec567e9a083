/** What the user asked for, before any narrowing to stages. Plain data. */
export interface Goal {
  /** `image`: kernel, root filesystem and image, with no compiler but stage 1. */
  readonly kind: 'everything' | 'image';
  /** Whether an image gets the native compiler too; everything always does. */
  readonly withNative: boolean;
}
