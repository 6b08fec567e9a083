import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/digest.ts';
import { ArchiveCache } from '../../src/sources/archive-cache.ts';
import { processStamp } from '../../src/core/process-stamp.ts';
import { temporaryDirectory } from './temporary.ts';

const sha = sha256(createHash('sha256').update('whole').digest('hex'));
/** A process of this pid namespace that is certainly gone: no process starts at tick 0 but the first. */
const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');

describe('ArchiveCache', () => {
  it('accepts a file with the right hash, and returns it', async () => {
    const cache = new ArchiveCache(join(temporaryDirectory(), 'new'));
    expect(await cache.find(sha)).toBeUndefined();
    const { part, resumed } = await cache.claimPart(sha);
    expect(resumed).toBe(false);
    writeFileSync(part, 'whole');
    const file = join(cache.directory, sha);
    expect(await cache.accept(sha, part)).toEqual({ ok: true, value: file });
    await cache.releasePart(sha, part);
    expect(await cache.find(sha)).toBe(file);
    expect(readdirSync(cache.directory)).toEqual([sha]);
  });

  it('discards a file with another hash', async () => {
    const cache = new ArchiveCache(temporaryDirectory());
    const { part } = await cache.claimPart(sha);
    writeFileSync(part, 'whola');
    const actual = createHash('sha256').update('whola').digest('hex');
    expect(await cache.accept(sha, part)).toEqual({ ok: false, failure: actual });
    expect(readdirSync(cache.directory)).toEqual([]);
  });

  it('removes an archive that was damaged in the cache', async () => {
    const cache = new ArchiveCache(temporaryDirectory());
    writeFileSync(join(cache.directory, sha), 'hole');
    expect(await cache.find(sha)).toBeUndefined();
    expect(readdirSync(cache.directory)).toEqual([]);
  });

  it('reports a directory in the way, and never writes through a link', async () => {
    const cache = new ArchiveCache(temporaryDirectory());
    const unwritable = (path: string) => ({ failure: { reason: 'unwritable', path } });
    mkdirSync(join(cache.directory, sha));
    await expect(cache.find(sha)).rejects.toMatchObject(unwritable(join(cache.directory, sha)));
    mkdirSync(join(cache.directory, `${sha}.part`));
    await expect(cache.claimPart(sha)).rejects.toMatchObject(
      unwritable(join(cache.directory, `${sha}.part`)),
    );

    rmdirSync(join(cache.directory, `${sha}.part`));
    const victim = join(temporaryDirectory(), 'victim');
    writeFileSync(victim, 'kept');
    symlinkSync(victim, join(cache.directory, `${sha}.part`));
    const { part, resumed } = await cache.claimPart(sha);
    expect(resumed).toBe(false);
    expect(existsSync(part)).toBe(false);
    expect(readFileSync(victim, 'utf8')).toBe('kept');
  });

  it('continues with what was released, and with what a killed process left', async () => {
    const cache = new ArchiveCache(temporaryDirectory());
    const first = await cache.claimPart(sha);
    writeFileSync(first.part, 'who');
    await cache.releasePart(sha, first.part);
    expect(readdirSync(cache.directory)).toEqual([`${sha}.part`]);
    const second = await cache.claimPart(sha);
    expect(second).toEqual({ part: first.part, resumed: true });
    expect(readFileSync(second.part, 'utf8')).toBe('who');
    await cache.releasePart(sha, second.part);

    const killed = new ArchiveCache(temporaryDirectory());
    writeFileSync(join(killed.directory, `${sha}.${dead}.part`), 'wh');
    mkdirSync(join(killed.directory, `${sha}.${dead}.part.d`));
    expect((await killed.claimPart(sha)).resumed).toBe(true);
    expect(readdirSync(killed.directory)).toEqual([`${sha}.${processStamp()}.part`]);
  });

  it('leaves alone the part files of other living processes, and other archives', async () => {
    const cache = new ArchiveCache(temporaryDirectory());
    const parent = `${sha}.${stampOf(1)}.part`;
    writeFileSync(join(cache.directory, parent), 'w');
    writeFileSync(join(cache.directory, `${'0'.repeat(64)}.part`), 'other');
    expect((await cache.claimPart(sha)).resumed).toBe(false);
    expect(readdirSync(cache.directory).sort()).toEqual([`${'0'.repeat(64)}.part`, parent].sort());
  });

  it('gives a part file to one claimant only', async () => {
    const cache = new ArchiveCache(temporaryDirectory());
    writeFileSync(join(cache.directory, `${sha}.part`), 'who');
    const claims = await Promise.all([cache.claimPart(sha), cache.claimPart(sha)]);
    expect(claims.filter((claim) => claim.resumed)).toHaveLength(1);
    expect(readdirSync(cache.directory)).toHaveLength(1);
  });

  it('leaves no empty part', async () => {
    const cache = new ArchiveCache(temporaryDirectory());
    const { part } = await cache.claimPart(sha);
    writeFileSync(part, '');
    await cache.releasePart(sha, part);
    expect(readdirSync(cache.directory)).toEqual([]);
  });
});

function stampOf(pid: number): string {
  const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  const start = text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return processStamp().replace(/^\d+\.\d+/, `${String(pid)}.${start}`);
}
