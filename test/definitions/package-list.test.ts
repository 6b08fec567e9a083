import { describe, expect, test } from 'vitest';
import { readPackageList } from '../../src/definitions/package-list.ts';
import { readSystem } from '../../src/definitions/read-system.ts';
import type { System } from '../../src/definitions/definition.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { sampleDefinitions } from './sample-definitions.ts';

const read = readSystem(new Map(Object.entries(sampleDefinitions)), 'systems/small.morph');
if (!read.ok) throw new Error(failureText(read.failure));
const system: System = read.value;

function list(text: string) {
  const found = readPackageList('list.yml', text, system);
  if (!found.ok) throw new Error(failureText(found.failure));
  const { packages, ...commands } = found.value;
  return { ...commands, packages: packages.map(({ chunk, ...more }) => [chunk.id, more]) };
}

function faults(text: string): readonly string[] {
  const found = readPackageList('list.yml', text, system);
  if (found.ok) throw new Error('it was read');
  return failureText(found.failure)
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim());
}

describe('a list of packages', () => {
  test('names chunks, with or without anything to say of them, and commands', () => {
    const text = `---
packages:
  zlib: {}
  tools/nano:
  libc: {artifacts: [libc-runtime]}
pre_install_commands: [mkdir etc]
post_install_commands:
- |
  echo yes
`;
    expect(list(text)).toEqual({
      packages: [
        ['tools/zlib', {}],
        ['tools/nano', {}],
        ['base/libc', { artifacts: ['libc-runtime'] }],
      ],
      preInstall: ['mkdir etc'],
      postInstall: ['echo yes\n'],
    });
    expect(list('packages: [zlib, nano]\n').packages.map(([id]) => id)).toEqual(['tools/zlib', 'tools/nano']);
  });

  test('has all its faults told with their lines', () => {
    const text = `global: {use: {+: python}}
packages:
  zlip: {}
  nano: {kw: {+: ~arm}, use: {-: X}}
postinstall_commands: []
`;
    expect(faults(text)).toEqual([
      expect.stringMatching(
        /^list\.yml:5: postinstall_commands: unknown field; did you mean post_install_commands/,
      ),
      expect.stringMatching(/^list\.yml:1: global: belongs to Gentoo's Portage/),
      expect.stringMatching(/^list\.yml:4: packages\.nano\.use: belongs to Gentoo's Portage/),
      expect.stringMatching(/^list\.yml:4: packages\.nano\.kw: belongs to Gentoo's Portage/),
    ]);
    expect(faults('packages: {zlip: {}, first-libc: {}}\n')).toEqual([
      'list.yml:1: packages.zlip: small has no such chunk; did you mean zlib?',
      'list.yml:1: packages.first-libc: is for building other chunks, and never installed',
    ]);
    expect(faults('packages: []\n')).toEqual(['list.yml:1: packages: names no package']);
    expect(faults('packages: text\n')[0]).toContain('must be an object');
  });
});
