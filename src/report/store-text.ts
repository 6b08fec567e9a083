import { count } from '../core/count.ts';

/** Bytes for people, in powers of 1,024: `512 B`, `3.4 MiB`, `120 GiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 99.95 ? size.toFixed(0) : size.toFixed(1)} ${units[unit] ?? ''}`;
}

/** What takes up space in a store. */
export interface Usage {
  readonly root: string;
  readonly bytes: number;
  readonly kinds: readonly { readonly kind: string; readonly count: number; readonly bytes: number }[];
  readonly stages: readonly {
    readonly name: string;
    readonly trees: number;
    readonly bytes: number;
    readonly scratchBytes: number;
  }[];
}

/** Two tables: by kind, and trees by stage. `limit` in bytes; undefined: there is none. */
export function usageText({ root, bytes, kinds, stages }: Usage, limit: number | undefined): string {
  const rows = kinds
    .filter((row) => row.count > 0 || row.bytes > 0)
    .map((row) => [row.kind, row.count === 0 ? '' : String(row.count), sizeText(row.bytes)]);
  const bound = limit === undefined ? 'no limit' : `limit ${sizeText(limit)}`;
  const byKind = table([['KIND', 'COUNT', 'SIZE'], ...rows, ['all', '', sizeText(bytes)]]);
  const byStage = table([
    ['STAGE', 'TREES', 'SIZE', 'SCRATCH'],
    ...stages.map((row) => [
      row.name,
      String(row.trees),
      sizeText(row.bytes),
      row.scratchBytes === 0 ? '' : sizeText(row.scratchBytes),
    ]),
  ]);
  return `${root} (${bound})\n\n${byKind}${stages.length === 0 ? '' : `\n${byStage}`}`;
}

/** What a collection removed or would remove. */
export interface Collected {
  readonly removed: readonly { readonly kind: string; readonly scratch: boolean; readonly bytes: number }[];
  readonly leftovers: number;
  readonly freedBytes: number;
  readonly leftBytes: number;
  readonly protectedBytes: number;
}

/** One line for each kind of thing, then the sum. */
export function collectionText(collected: Collected, dryRun: boolean): string {
  const { removed, leftovers, freedBytes, leftBytes, protectedBytes } = collected;
  const kinds = new Map<string, { number: number; bytes: number }>();
  for (const { kind, scratch, bytes } of removed) {
    const noun = scratch ? 'scratch output' : kind;
    const row = kinds.get(noun) ?? { number: 0, bytes: 0 };
    kinds.set(noun, { number: row.number + 1, bytes: row.bytes + bytes });
  }
  const lines = [...kinds].map(
    ([noun, { number, bytes }]) => `  ${count(number, noun)}, ${sizeText(bytes)}\n`,
  );
  if (leftovers > 0) lines.push(`  ${count(leftovers, 'leftover')} of killed runs\n`);
  const held =
    protectedBytes === 0 ? '' : `, of which products and running builds need ${sizeText(protectedBytes)}`;
  const left = `the store ${dryRun ? 'would take' : 'takes'} ${sizeText(leftBytes)}${held}`;
  if (lines.length === 0) return `nothing to remove: ${left}\n`;
  const verb = dryRun ? 'would remove' : 'removed';
  return `${verb}\n${lines.join('')}${sizeText(freedBytes)} ${dryRun ? 'would be free' : 'are free'}; ${left}\n`;
}

/** What reading a store in full found. */
export interface Verified {
  readonly checked: number;
  readonly damage: readonly { readonly kind: string; readonly name: string; readonly detail: string }[];
}

export function verificationText({ checked, damage }: Verified, repaired: boolean): string {
  const lines = damage.map(({ kind, name, detail }) => `${kind} ${name}: ${detail}\n`);
  const all = `${count(checked, 'thing')} read`;
  if (damage.length === 0) return `${all}, no damage found\n`;
  const advice = repaired
    ? 'What was damaged has been discarded; it will be rebuilt or fetched again when it is needed.'
    : '`bootstrap store verify --repair` discards it, so that it is rebuilt or fetched again when it is needed.';
  return `${lines.join('')}${all}, ${damage.length} damaged\n${advice}\n`;
}

/** Columns as wide as necessary; all but the first are right-aligned. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
