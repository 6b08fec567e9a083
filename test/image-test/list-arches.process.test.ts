import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { proofOf, type Proof } from '../../src/image-test/arch-proofs.ts';
import { repositoryCopy, run, testSession } from '../cli/rig.ts';
import { result } from './sample-result.ts';

const lock = { defaultSet: 'gcc-16', sets: { 'gcc-16': { linux: '6.1' } } };

describe('list arches', () => {
  test('describes an arch and what was proved about it', async () => {
    const repository = repositoryCopy();
    mkdirSync(path.join(repository, 'docs'));
    const proof: Proof = proofOf(result({ tcp: 'failed' }), lock);
    writeFileSync(path.join(repository, 'docs/arches.json'), JSON.stringify({ armv5l: [proof] }));
    const session = testSession({ repository });
    const { out } = await run(session, 'list', 'arches');
    expect(out).toMatch(
      /^ {2}armv5l +32-bit.*\n +32 bit, little endian, armv5l-linux-musleabi; versatilepb, console ttyAMA0, at most 256 MiB\n +proved: boot, clock, disk, .*; failed: network\n/m,
    );
    expect(out).toContain('nothing proved yet');
    const json = JSON.parse((await run(session, 'list', 'arches', '--json')).out) as {
      arches: { name: string; proved: readonly Proof[]; bits: number }[];
    };
    expect(json.arches.find(({ name }) => name === 'armv5l')).toMatchObject({ bits: 32, proved: [proof] });
    expect(json.arches.find(({ name }) => name === 'i686')?.proved).toEqual([]);
  });
});
