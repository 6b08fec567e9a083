import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Node } from './nodes.ts';
import type { RunEnd } from './run-action.ts';
import type { Supply } from './supplies.ts';

/** What a task that ran beside the loop brought back. */
export type Arrival =
  | { readonly kind: 'action'; readonly node: Node; readonly end: RunEnd }
  | { readonly kind: 'supply'; readonly supply: Supply; readonly obtained: Result<Digest, Failure> }
  | { readonly kind: 'crash'; readonly task: Node | Supply; readonly error: unknown };
