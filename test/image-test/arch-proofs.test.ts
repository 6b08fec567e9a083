import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  archesDocument,
  archesSummary,
  archFacts,
  insertSummary,
  proofLine,
  proofLines,
  proofOf,
  readProofs,
} from '../../src/image-test/arch-proofs.ts';
import { checksOf } from '../../src/image-test/checks.ts';
import { describeArch } from '../../src/inputs/arch.ts';
import { sampleArch } from '../inputs/sample-arch.ts';
import { names, result } from './sample-result.ts';
import { repositoryCopy, run, temporaryDirectory, testSession } from '../cli/rig.ts';

const sample = describeArch(sampleArch);
const lock = { defaultSet: 'one', sets: { one: { linux: '6.1' }, two: { linux: '6.12' } } };
const other = describeArch({ ...sampleArch, name: 'another', aliases: [] });

describe('proofOf', () => {
  test('proves every area when everything passed', () => {
    const proof = proofOf(result(), lock);
    expect(new Set(Object.values(proof.areas).map(({ verdict }) => verdict))).toEqual(new Set(['passed']));
    expect(proof).toMatchObject({ kernel: 'Linux 6.1 sample', bootSeconds: 7 });
  });

  test('fails an area for one check of it, and names that', () => {
    const { areas } = proofOf(
      result({ 'cross:times': 'failed', tcp: 'not reached', eth0: 'not reached' }),
      lock,
    );
    expect(areas['cross programs']).toEqual({ verdict: 'failed', detail: 'cross:times' });
    expect(areas.network).toEqual({ verdict: 'not reached', detail: 'eth0, tcp' });
  });

  test('reports what was left out', () => {
    const { areas } = proofOf(
      result({ 'native:numbers': 'absent', 'native:times': 'absent', clock: 'cannot' }),
      lock,
    );
    expect(areas['native compiler']).toEqual({ verdict: 'absent', detail: 'why native:numbers' });
    expect(areas.clock).toEqual({ verdict: 'cannot', detail: 'why clock' });
  });

  test('proves an area in part if some of its checks could not be run', () => {
    const done = result({ 'cross:times': 'cannot' });
    const proof = proofOf(done, lock);
    const detail = 'not cross:times: why cross:times';
    expect(proof.areas['cross programs']).toEqual({ verdict: 'passed', detail });
    expect(proofLine(proof)).toContain('cross programs (in part)');
    expect(archesDocument([sample], { sample: [proof] }, 'one')).toMatch(/\| yes +\| in part +\| yes/);
    expect(archesDocument([sample], { sample: [proof] }, 'one')).toContain(
      `- sample, cross programs: ${detail}`,
    );
    expect(archesSummary([sample], { sample: [proof] }, 'one')).toContain('| in part |');
  });

  test('proves nothing of an area without checks', () => {
    const { areas } = proofOf({ ...result(), rows: [] }, lock);
    expect(areas.boot.verdict).toBe('not reached');
  });
});

describe('what is written', () => {
  const proofs = { sample: [proofOf(result({ tcp: 'failed' }), lock)] };

  test('the document names arches in order, with what failed and what was never tested', () => {
    const text = archesDocument([sample, other], proofs, 'one');
    expect(text).toContain('| sample | one | yes | yes | **no** | yes |');
    expect(text).toContain('| 7 s | 3.0 MiB | 2.0 MiB |');
    expect(text).toContain('- sample, network: failed: tcp');
    expect(text).toContain('have not been tested: another.');
    expect(text.indexOf('| another |')).toBeLessThan(text.lastIndexOf('| sample |'));
    expect(archesDocument([other, sample], proofs, 'one')).toBe(text);
  });

  test('an image built with an external toolchain proves nothing about our own', () => {
    const toolchain = {
      ...{ name: 'sample-linux-gnu-gcc', version: 'sample-linux-gnu-gcc (Debian) 12.2.0' },
      ...{ triple: 'sample-linux-gnu', digest: 'd', dynamicLoader: false },
    };
    const proof = proofOf({ ...result(), toolchain }, lock);
    expect(proofLine(proof)).toMatch(/; compiled by sample-linux-gnu-gcc \(Debian\) 12\.2\.0$/);
    expect(archesDocument([sample], { sample: [proof] }, 'one')).toContain(
      '\n- sample: sample-linux-gnu-gcc (Debian) 12.2.0\n',
    );
    expect(archesSummary([sample], { sample: [proof] }, 'one')).toContain('| yes (external toolchain) |');
    expect(archesDocument([sample], proofs, 'one')).toContain(
      'None that is known: the tested images were built by our own stage-1 compilers',
    );
  });

  test('proofs with other versions stand beside those with the default ones', () => {
    const newer = proofOf({ ...result({ tcp: 'failed' }), versions: { linux: '6.12' } }, lock);
    const odd = proofOf({ ...result(), versions: { linux: '6.13' } }, lock);
    expect([newer.versions, odd.versions]).toEqual(['two', 'one+linux-6.13']);
    const both = { sample: [newer, ...proofs.sample] };
    const text = archesDocument([sample], both, 'one');
    expect(text.indexOf('| sample | one | yes |')).toBeLessThan(text.indexOf('| sample | two | yes |'));
    expect(text).toContain('- sample, two, network: failed: tcp');
    expect(archesSummary([sample], both, 'one')).toContain('| yes | yes | yes |');
    expect(archesSummary([sample], { sample: [newer] }, 'one')).toContain('| yes (two) | yes | yes |');
    expect(proofLines(both.sample, 'one')[1]).toMatch(/^with two: proved: boot/);
    expect(proofLines(both.sample, 'two')[0]).toMatch(/^proved: boot/);
  });

  test('the summary has a line for each', () => {
    expect(archesSummary([sample, other], proofs, 'one').split('\n').slice(2)).toEqual([
      '| another | an arch for tests | not tested |  |  |',
      '| sample | an arch for tests | yes | yes | yes |',
    ]);
  });

  test('it goes between its markers and nowhere else', () => {
    const readme = 'a\n<!-- arches: begin -->\nold\n<!-- arches: end -->\nb\n';
    const written = insertSummary(readme, 'new');
    expect(written).toBe('a\n<!-- arches: begin -->\n\nnew\n\n<!-- arches: end -->\nb\n');
    expect(insertSummary(written ?? '', 'new')).toBe(written);
    expect(insertSummary('no marks', 'new')).toBeUndefined();
  });
});

describe('list arches', () => {
  test.each([
    ['{', 'is not JSON'],
    ['[1]', 'docs/arches.json: must be an object; is a list'],
    ['{"armv5l": {}}', 'docs/arches.json: armv5l: must be a list; is an object'],
    ['{"armv5l": [{}]}', 'docs/arches.json: armv5l[0].areas: is missing'],
    [
      '{"armv5l": [{"areas": {"boot": {"verdict": "good"}}}]}',
      'armv5l[0].areas.boot.verdict: must be one of "passed"',
    ],
  ])('names the file when it holds %s', async (text, message) => {
    const repository = repositoryCopy();
    mkdirSync(path.join(repository, 'docs'));
    writeFileSync(path.join(repository, 'docs/arches.json'), text);
    const { code, err } = await run(testSession({ repository }), 'list', 'arches');
    expect(code).toBe(2);
    expect(err).toContain('docs/arches.json');
    expect(err).toContain(message);
  });

  test('does without the file', async () => {
    expect(await readProofs(temporaryDirectory())).toEqual({ ok: true, value: {} });
  });
});

test('in short: what an arch is, and what failed', () => {
  expect(archFacts(sample)).toBe(
    '32 bit, little endian, sample-linux-musleabi; board, console ttyAMA0, at most 256 MiB',
  );
  expect(proofLines(undefined, 'one')).toEqual(['nothing proved yet']);
  const nothing = Object.fromEntries(checksOf(names).map(({ id }) => [id, 'not reached' as const]));
  expect(proofLine(proofOf(result(nothing), lock))).toMatch(/^nothing proved; failed: boot, clock/);
});
