/** What an archive may hold at most. The largest pinned source, linux, has 84 thousand entries and 1.3 GB. */
export interface Limits {
  /** Bytes of all files together, and of the decompressed archive. */
  readonly totalBytes: number;
  readonly fileBytes: number;
  readonly entries: number;
}

export const defaultLimits: Limits = {
  totalBytes: 4 * 2 ** 30,
  fileBytes: 2 * 2 ** 30,
  entries: 500_000,
};
