import type { Failure } from '../core/failure.ts';

/** Why an origin supplied no file. */
export type FetchFault =
  /** It could not be fetched there. */
  | { readonly kind: 'unavailable'; readonly why: string }
  /** The file is not the pinned one, and was discarded. Another origin may work. */
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** Something that another origin would not change, such as a full disk. */
  | { readonly kind: 'failure'; readonly failure: Failure };
