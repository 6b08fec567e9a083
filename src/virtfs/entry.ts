import type { Bytes } from './bytes.ts';

/** Type of a name in a share, as the guest sees it. */
export type Kind = 'file' | 'directory' | 'symlink' | 'character-device' | 'block-device' | 'fifo' | 'socket';

/** One member of a share or of a tarball. */
export interface Entry {
  /** Relative to the share; empty for the share's own directory. */
  readonly path: Bytes;
  /** Permissions with setuid, setgid and sticky bits: 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 2^32-1, as is `gid`. */
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970; may be negative. */
  readonly mtime: bigint;
  readonly content: Content;
}

export type Content =
  | { readonly kind: 'file'; /** Bytes. */ readonly size: number }
  | { readonly kind: 'symlink'; readonly target: Bytes }
  | { readonly kind: 'character-device' | 'block-device'; readonly major: number; readonly minor: number }
  | { readonly kind: 'directory' | 'fifo' }
  /** Another name of an earlier entry, whose attributes it shares. */
  | { readonly kind: 'link'; readonly to: Bytes };

/** Splits nanoseconds into whole seconds, rounded down, and the rest. */
export function splitTime(time: bigint): { readonly seconds: bigint; readonly nanoseconds: bigint } {
  const billion = 1_000_000_000n;
  const nanoseconds = ((time % billion) + billion) % billion;
  return { seconds: (time - nanoseconds) / billion, nanoseconds };
}

/** Seconds as a decimal number with as many decimal places as needed, for pax headers and `touch -d @`. */
export function decimalTime(time: bigint): string {
  const size = time < 0n ? -time : time;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const whole = `${time < 0n ? '-' : ''}${String(size / 1_000_000_000n)}`;
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** The inverse of `decimalTime`; decimal places beyond the ninth are truncated. Undefined for anything else. */
export function parseDecimalTime(text: string): bigint | undefined {
  const match = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = ''] = match;
  const size = BigInt(whole) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign !== '-') return size;
  return /[1-9]/.test(fraction.slice(9)) ? -size - 1n : -size;
}
