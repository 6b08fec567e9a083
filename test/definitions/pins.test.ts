import { describe, expect, test } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import { gitSourcesOf, parsePins, renderPins, sourceKey, type Pin } from '../../src/definitions/pins.ts';
import { chunksOf, readSystem } from '../../src/definitions/read-system.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { sampleDefinitions } from './sample-definitions.ts';

const pin = (repository: string, submodules: Pin['submodules'] = {}): Pin => ({
  repository,
  ref: 'v1',
  submodules,
  commit: '0'.repeat(40),
  tree: digest(`${'a'.repeat(64)}-12`),
});

function refused(text: string): string {
  const parsed = parsePins(text, 'pins.json');
  if (parsed.ok) throw new Error('it was read');
  return failureText(parsed.failure);
}

describe('pins', () => {
  test('are written in the same order however they were found, and read back', () => {
    const pins = [pin('upstream:b'), pin('upstream:a', { y: 'u', x: 'v' }), pin('upstream:a')];
    const entries = pins.map((each) => [sourceKey(each), each] as const);
    const text = renderPins(new Map(entries));
    expect(renderPins(new Map(entries.toReversed()))).toBe(text);
    const read = parsePins(text, 'pins.json');
    expect(read.ok && renderPins(read.value)).toBe(text);
    expect(read.ok && read.value.get(sourceKey(pin('upstream:a', { x: 'v', y: 'u' })))).toMatchObject({
      submodules: { x: 'v', y: 'u' },
    });
  });

  test('that are none are refused with their lines', () => {
    const text = renderPins(new Map([['x', pin('upstream:a')]]));
    expect(refused(text.replace('"commit": "0', '"commit": "x'))).toContain(
      'pins.json:7: sources[0].commit: must be 40 hexadecimal digits',
    );
    expect(refused(text.replace(/"tree": ".*"/, '"tree": "x"'))).toContain(
      'sources[0].tree: must be a digest',
    );
    expect(refused(text.replace('"format": 1', '"format": 2'))).toContain('format: must be one of 1; is 2');
    expect(refused('{')).toContain('is not JSON');
    const twice = JSON.parse(text) as { sources: unknown[] };
    twice.sources.push(twice.sources[0]);
    expect(refused(JSON.stringify(twice))).toContain('sources[1]: pins what an earlier one pins');
  });
});

test('the commits of a system are each named once', () => {
  const system = readSystem(new Map(Object.entries(sampleDefinitions)), 'systems/small.morph');
  const sources = system.ok ? gitSourcesOf(chunksOf(system.value)) : [];
  expect(sources.map(({ chunk, source }) => [chunk, source.repository])).toEqual([
    ['base/first-libc', 'upstream:libc'],
    ['tools/nano', 'https://example.org/nano.git'],
  ]);
});
