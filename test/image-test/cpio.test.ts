import { describe, expect, it } from 'vitest';
import { packCpio } from '../../src/image-test/cpio.ts';

/** Reads an archive as the kernel does: name, mode and content of each entry. */
function entriesOf(archive: Uint8Array): readonly (readonly [string, number, string])[] {
  const text = Buffer.from(archive).toString('latin1');
  const entries: [string, number, string][] = [];
  for (let place = 0; place < text.length;) {
    expect(text.slice(place, place + 6)).toBe('070701');
    const field = (index: number): number =>
      parseInt(text.slice(place + 6 + 8 * index, place + 14 + 8 * index), 16);
    const nameEnd = place + 110 + field(11);
    const name = text.slice(place + 110, nameEnd - 1);
    expect(text[nameEnd - 1]).toBe('\0');
    const start = Math.ceil(nameEnd / 4) * 4;
    if (name === 'TRAILER!!!') return entries;
    entries.push([name, field(1), text.slice(start, start + field(6))]);
    place = Math.ceil((start + field(6)) / 4) * 4;
  }
  throw new Error('the archive has no end');
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('packCpio', () => {
  it('packs files with their modes, each directory once and before what is in it', () => {
    const archive = packCpio(
      new Map([
        ['tests/run', { bytes: bytes('#!/bin/sh\n'), executable: true }],
        ['tests/a/b', { bytes: bytes('12345'), executable: false }],
        ['tests/a/empty', { bytes: bytes(''), executable: false }],
      ]),
    );
    expect(archive.length % 4).toBe(0);
    expect(entriesOf(archive)).toEqual([
      ['tests', 0o040755, ''],
      ['tests/run', 0o100755, '#!/bin/sh\n'],
      ['tests/a', 0o040755, ''],
      ['tests/a/b', 0o100644, '12345'],
      ['tests/a/empty', 0o100644, ''],
    ]);
  });

  it('is the same for the same files', () => {
    const files = new Map([['a', { bytes: bytes('x'), executable: false }]]);
    expect(packCpio(files)).toEqual(packCpio(files));
  });
});
