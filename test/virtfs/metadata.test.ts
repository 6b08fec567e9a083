import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalTime, parseDecimalTime } from '../../src/virtfs/entry.ts';
import {
  formatMetadata,
  largestMajor,
  largestMinor,
  packDevice,
  parseMetadata,
  unpackDevice,
} from '../../src/virtfs/metadata.ts';

describe('metadata', () => {
  it('is written as qemu writes it', () => {
    expect(formatMetadata({ uid: 1000, gid: 100, mode: 0o100644 })).toBe(
      'virtfs.uid=1000\nvirtfs.gid=100\nvirtfs.mode=33188\n',
    );
    expect(formatMetadata({ uid: 0, gid: 0, mode: 0o020666, rdev: 259 })).toBe(
      'virtfs.uid=0\nvirtfs.gid=0\nvirtfs.mode=8630\nvirtfs.rdev=259\n',
    );
  });

  it('has large numbers as C stores them in an int', () => {
    const text = formatMetadata({ uid: 2 ** 32 - 2, gid: 2 ** 31, rdev: packDevice(1, 0xfffff) });
    expect(text).toBe('virtfs.uid=-2\nvirtfs.gid=-2147483648\nvirtfs.rdev=-1048065\n');
    expect(parseMetadata(text)).toEqual({
      ok: true,
      value: { uid: 2 ** 32 - 2, gid: 2 ** 31, rdev: packDevice(1, 0xfffff) },
    });
    expect(parseMetadata('virtfs.uid=4294967294\n')).toEqual({ ok: true, value: { uid: 2 ** 32 - 2 } });
  });

  it('has no attributes if empty', () => {
    expect(parseMetadata('')).toEqual({ ok: true, value: {} });
  });

  it('takes the last of several lines', () => {
    expect(parseMetadata('virtfs.uid=1\nvirtfs.uid=2')).toEqual({ ok: true, value: { uid: 2 } });
  });

  it.each([
    ['virtfs.uid=0\nroot\n', 2],
    ['virtfs.uid=\n', 1],
    ['virtfs.uid=0x10\n', 1],
    ['virtfs.uid=4294967296\n', 1],
    ['virtfs.uid=-2147483649\n', 1],
    ['virtfs.name=1\n', 1],
    ['virtfs.uid=1\n\nvirtfs.gid=1\n', 2],
    ['\n', 1],
  ])('%j is refused at its line', (text, line) => {
    expect(parseMetadata(text)).toEqual({
      ok: false,
      failure: `line ${String(line)} is not of the form virtfs.uid=NUMBER`,
    });
  });

  it('comes back as it was', () => {
    const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const metadata = fc.record(
      { uid: number, gid: number, mode: number, rdev: number },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(metadata, (any) => {
        expect(parseMetadata(formatMetadata(any))).toEqual({ ok: true, value: any });
      }),
    );
  });
});

describe('device numbers', () => {
  it('are packed as Linux packs them', () => {
    expect(packDevice(1, 3)).toBe(0x103);
    expect(packDevice(259, 0)).toBe(0x10300);
    expect(packDevice(8, 256)).toBe(0x100800);
    expect(packDevice(largestMajor, largestMinor)).toBe(0xffffffff);
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: largestMajor }),
        fc.integer({ min: 0, max: largestMinor }),
        (major, minor) => {
          expect(unpackDevice(packDevice(major, minor))).toEqual({ major, minor });
        },
      ),
    );
  });
});

describe('times', () => {
  it.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [-1n, '-0.000000001'],
    [-1_500_000_000n, '-1.5'],
    [1_700_000_000_123_456_789n, '1700000000.123456789'],
  ])('%d is %s', (time, text) => {
    expect(decimalTime(time)).toBe(text);
    expect(parseDecimalTime(text)).toBe(time);
  });

  it('are truncated after the ninth decimal place', () => {
    expect(parseDecimalTime('1.0000000019')).toBe(1_000_000_001n);
    expect(parseDecimalTime('-1.0000000011')).toBe(-1_000_000_002n);
  });

  it.each(['', '.5', '1e9', 'NaN', '1 ', '--1', '1.2.3'])('are not %j', (text) => {
    expect(parseDecimalTime(text)).toBeUndefined();
  });
});
