import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  compressionOf,
  DamagedStream,
  decompressed,
  type Compression,
} from '../../src/sources/decompress.ts';
import { withoutSha256Check } from '../../src/sources/xz-check.ts';
import { temporaryDirectory } from './temporary.ts';

/** A tar archive of one file `p-1/a.txt`, "hello"; `blocks` has a file of 300000 times x beside it, in five xz blocks. */
const packed = {
  crc64: [
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Cf/AG9dADgLQiMOfkxRG7LMSRi0PlTfQMsRT6sZVKoTRosUz7NodTu+WoY6tIpRJayC',
    'uAPs5ACqHerVuauOhi7OcUx6LEfIW4vkHc10GLFcfzqvwo0mftsoXIRY/SETGfGr58nkadhNYHdA46oeN/OwOrbjAAAAYEglXNbr',
    '7yEAAYsBgFAAAP2BpwuxxGf7AgAAAAAEWVo=',
  ].join(''),
  sha256: [
    '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4Cf/AG9dADgLQiMOfkxRG7LMSRi0PlTfQMsRT6sZVKoTRosUz7NodTu+WoY6tIpRJayC',
    'uAPs5ACqHerVuauOhi7OcUx6LEfIW4vkHc10GLFcfzqvwo0mftsoXIRY/SETGfGr58nkadhNYHdA46oeN/OwOrbjAAAAitzTyTdM',
    'DY7cEHyzoqjhOIwce+D0Usz7dETj+dIy/VoAAaMBgFAAAKYGWOC26d8cAgAAAAAKWVo=',
  ].join(''),
  blocks: [
    '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4P//AKldADgLQiMOfkxRG7LMSRi0PlTfQMsRT6sZVKoTRosUz7NodTu+WoY6tIpRJayC',
    'uAPs5ACqHerVuauOhi7OcUx6LEfIW4vkHc10GLFcemeznyj6+3DSlHszZ9naiqtT7fvBF8+lFKtg0mE0LlsNOf6Yluidkjjijp6i',
    'pV8PymZYp2rENUCtyIqV3JtxpSq4UH0dhvZXVU9JjzUakpMZGy4QQDx4QSZHZ+N4AAAAAAAAA4jmQb1dGMcqobTBlJ49Y+AbZ85N',
    '08uVDavr1mTrMNwCACEBFgAAAHQv5aPg//8ATF0APG/7v/6jsV7l+D+yqiZV+GhwQXAVD439HkwbikK3GfRpGHGuZiOKik0vow3Z',
    'f6bjjCMRU+BZGMV1iuJ3+LaUfwxqwN50SWRcnjrRAAAfh0Xw0tE4fsGvIhGjz0F7Lp6IXoU0cmScHZedDpNw4wIAIQEWAAAAdC/l',
    'o+D//wBMXQA8b/u//qOxXuX4P7KqJlX4aHBBcBUPjf0eTBuKQrcZ9GkYca5mI4qKTS+jDdl/puOMIxFT4FkYxXWK4nf4tpR/DGrA',
    '3nRJZFyeOtEAAB+HRfDS0Th+wa8iEaPPQXsunohehTRyZJwdl50Ok3DjAgAhARYAAAB0L+Wj4P//AExdADxv+7/+o7Fe5fg/sqom',
    'VfhocEFwFQ+N/R5MG4pCtxn0aRhxrmYjiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElkXJ460QAAH4dF8NLROH7BryIR',
    'o89Bey6eiF6FNHJknB2XnQ6TcOMCACEBFgAAAHQv5aPgr/8ASl0APG/7v/6jsV7l+D+yqiZV+GhwQXAVD439HkwbikK3GfRpGHGu',
    'ZiOKik0vow3Zf6bjjCMRU+BZGMV1iuJ3+LaUelT8r12hIm1PKgAAAABT2TDXQIDywSaR1Vl6fc9xG4GhmsYdUrOfrfCf3PA59QAF',
    '3QGAgASAAYCABIABgIAEgAGAgAR+gOACAAB/5N9NBXgSTAcAAAAAClla',
  ].join(''),
  bzip2: [
    'QlpoOTFBWSZTWS7o/0MAAI17gMmQABBAA/+AAIRiRN5ABAggAHUNJqZPUDQyGEZAElQGh6gAADJD1q8GJkgKnJIRlfi5gsyiGKBC',
    'IgOo6zwMVHMAxARFKaAhNYkFPzcq9y3xTBhmQhEU+r2KSaDyEB8BrBIPxdyRThQkC7o/0MA=',
  ].join(''),
};

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'archive');
  writeFileSync(path, bytes);
  return path;
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

async function unpackedBytes(base64: string): Promise<Buffer> {
  const path = file(Buffer.from(base64, 'base64'));
  const compression = await compressionOf(path);
  if (compression === undefined) throw new Error('unknown compression');
  return bytesOf(decompressed(path, compression));
}

describe('decompressed', () => {
  it.each(['crc64', 'sha256', 'bzip2'] as const)('reads %s', async (kind) => {
    const tar = await unpackedBytes(packed[kind]);
    expect(tar.length).toBe(10240);
    expect(tar.includes('hello\n')).toBe(true);
  });

  it('reads xz with SHA-256 over many blocks', async () => {
    const tar = await unpackedBytes(packed.blocks);
    expect(tar.length).toBe(307200);
    expect(tar.filter((byte) => byte === 120).length).toBeGreaterThanOrEqual(300000);
  });

  it('accepts input in pieces of any size', async () => {
    const bytes = Buffer.from(packed.blocks, 'base64');
    async function* singly() {
      for (const byte of bytes) yield Buffer.from([byte]);
    }
    async function* whole() {
      yield bytes;
    }
    expect(await bytesOf(withoutSha256Check(singly()))).toEqual(await bytesOf(withoutSha256Check(whole())));
  });

  it.each(Object.entries(packed))(
    'throws DamagedStream on %s that is cut off anywhere',
    async (_kind, base64) => {
      const bytes = Buffer.from(base64, 'base64');
      for (const length of [40, bytes.length >> 1, bytes.length - 100]) {
        const path = file(bytes.subarray(0, length));
        const compression = (await compressionOf(path)) as Compression;
        await expect(bytesOf(decompressed(path, compression))).rejects.toThrow(DamagedStream);
      }
    },
  );

  it('throws DamagedStream on flipped bits', async () => {
    const bytes = gzipSync(Buffer.alloc(100000, 'abc'));
    bytes[60] = (bytes[60] ?? 0) ^ 0xff;
    await expect(bytesOf(decompressed(file(bytes), 'gzip'))).rejects.toThrow(DamagedStream);
  });
});

describe('bzip2', () => {
  it('reads several streams behind each other', async () => {
    const two = Buffer.concat([Buffer.from(packed.bzip2, 'base64'), Buffer.from(packed.bzip2, 'base64')]);
    expect((await bytesOf(decompressed(file(two), 'bzip2'))).length).toBe(20480);
  });

  it('terminates for any bytes', async () => {
    const good = Buffer.from(packed.bzip2, 'base64');
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(good.length), async (changed, length) => {
        const bytes = Buffer.from(good.subarray(0, length));
        for (const [at, value] of changed) if (at < length) bytes[at] = value;
        try {
          expect((await bytesOf(decompressed(file(bytes), 'bzip2'))).length).toBeLessThan(1_000_000);
        } catch (error) {
          expect(error).toBeInstanceOf(DamagedStream);
          expect((error as Error).message).toMatch(/the stream is (damaged|cut off)$/);
        }
      }),
    );
  });
});

describe('compressionOf', () => {
  it('looks at the first bytes', async () => {
    expect(await compressionOf(file(Buffer.from(packed.crc64, 'base64')))).toBe('xz');
    expect(await compressionOf(file(Buffer.from(packed.bzip2, 'base64')))).toBe('bzip2');
    expect(await compressionOf(file(gzipSync('x')))).toBe('gzip');
    expect(await compressionOf(file(await unpackedBytes(packed.crc64)))).toBe('none');
    expect(await compressionOf(file(Buffer.from('not found')))).toBeUndefined();
    expect(await compressionOf(file(Buffer.alloc(0)))).toBeUndefined();
  });
});
