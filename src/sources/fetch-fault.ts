import type { Failure } from '../core/failure.ts';

/** Why an origin gave no file. */
export type FetchFault =
  /** It could not be fetched there. */
  | { readonly kind: 'unavailable'; readonly why: string }
  /** What came is not what is pinned, and was thrown away. Another origin may serve. */
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** Nothing that another origin would change: no room, say. */
  | { readonly kind: 'failure'; readonly failure: Failure };
