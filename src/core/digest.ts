import type { Brand } from './brand.ts';

/**
 * Content address of a blob or of a tree: `<sha256 in lower-case hex>-<size in bytes>`.
 *
 * The pair is the Remote Execution API's `Digest`. For a tree the blob is the canonical encoding
 * of its root `Directory` message, so `size` is the size of that message, not of the files.
 */
export type Digest = Brand<'Digest'>;

const digestPattern = /^[0-9a-f]{64}-(?:0|[1-9][0-9]*)$/;

/** The only cast to `Digest`. Throws on a malformed string, which is a bug in the caller. */
export function digest(text: string): Digest {
  if (!digestPattern.test(text)) throw new Error(`malformed digest: ${text}`);
  return text as Digest;
}

/** Whether untrusted text has the form of a digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && digestPattern.test(text);
}

/** The two halves of a digest: SHA-256 in hex, and size in bytes. */
export function digestParts(value: Digest): {
  readonly hash: string;
  readonly size: number;
} {
  const dash = value.indexOf('-');
  return { hash: value.slice(0, dash), size: Number(value.slice(dash + 1)) };
}

/** SHA-256 of a file as published: 64 lower-case hex digits. */
export type Sha256 = Brand<'Sha256'>;

/** The only cast to `Sha256`. Throws on a malformed string. */
export function sha256(text: string): Sha256 {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`malformed SHA-256: ${text}`);
  return text as Sha256;
}
