import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decompressed } from '../../src/sources/decompress.ts';
import { temporaryDirectory } from './temporary.ts';

/** One block of bzip2 at its fullest: 45,899,235 zeros. */
const fullBlock = Buffer.from('QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXF3JFOFCQDgni3w==', 'base64');

// In a process of its own, whose greatest size so far nobody else has raised.
it('decompresses a bomb a block at a time', async () => {
  // 3 kB that hold 3 GB.
  const bomb = join(temporaryDirectory(), 'bomb');
  writeFileSync(bomb, Buffer.concat(Array.from({ length: 66 }, () => fullBlock)));
  const before = process.resourceUsage().maxRSS;
  let bytes = 0;
  for await (const piece of decompressed(bomb, 'bzip2')) {
    bytes += piece.length;
    if (bytes > 100_000_000) break;
  }
  expect(bytes).toBeLessThan(100_000_000 + 46_000_000);
  // Kilobytes. A block and its tables, twice over, and what waits for the collector.
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(500_000);
});
