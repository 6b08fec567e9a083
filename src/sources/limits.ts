/** Limits on the contents of an archive. The largest pinned source, linux, has 84 thousand entries and 1.3 GB. */
export interface Limits {
  /** Total bytes of all files, and bytes of the decompressed archive. */
  readonly totalBytes: number;
  readonly fileBytes: number;
  readonly entries: number;
}

export const defaultLimits: Limits = {
  totalBytes: 4 * 2 ** 30,
  fileBytes: 2 * 2 ** 30,
  entries: 500_000,
};
