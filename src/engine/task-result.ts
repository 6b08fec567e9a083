import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { AwaitEnd } from './await-key.ts';
import type { ExternalInput } from './external-inputs.ts';
import type { Node } from './nodes.ts';
import type { RunEnd } from './run-action.ts';

/** The result of a task that ran concurrently with the loop. */
export type TaskResult =
  | { readonly kind: 'action'; readonly node: Node; readonly end: RunEnd }
  | { readonly kind: 'awaited'; readonly node: Node; readonly end: AwaitEnd }
  | { readonly kind: 'fetched'; readonly node: Node }
  | { readonly kind: 'input'; readonly input: ExternalInput; readonly obtained: Result<Digest, Failure> }
  | { readonly kind: 'crash'; readonly task: Node | ExternalInput; readonly error: unknown };
