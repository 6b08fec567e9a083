import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import { digestBytes } from '../store/directory-message.ts';

/** Blobs by digest, as a Remote Execution server stores them. */
export interface BlobCache {
  /** Which of these it does not have. */
  missing(blobs: Iterable<Digest>): Promise<ReadonlySet<Digest>>;
  /** Undefined: it does not have it. Never returns bytes that do not match the digest. */
  get(blob: Digest): Promise<Uint8Array | undefined>;
  put(bytes: Uint8Array): Promise<Digest>;
}

/** Runs actions, given nothing but their digest. */
export interface ActionService {
  readonly blobs: BlobCache;
  /** Checks that it works; the failure gives reason and remedy. */
  check(): Promise<Result<void, Failure>>;
  /**
   * Runs the `Action` with this digest, and returns an encoded `ActionResult`. Fails with `backend-unreachable` if a
   * message or blob that it needs is missing or malformed, and with `interrupted`.
   */
  run(action: Digest, signal?: AbortSignal): Promise<Result<Uint8Array, Failure>>;
}

/** Blobs in memory. */
export function createMemoryCache(): BlobCache {
  const blobs = new Map<Digest, Uint8Array>();
  return {
    missing: (wanted) => Promise.resolve(new Set([...wanted].filter((blob) => !blobs.has(blob)))),
    get: (blob) => Promise.resolve(blobs.get(blob)),
    put: (bytes) => {
      const blob = digestBytes(bytes);
      blobs.set(blob, bytes);
      return Promise.resolve(blob);
    },
  };
}
