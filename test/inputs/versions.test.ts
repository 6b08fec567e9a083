import { describe, expect, it } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import type { Lock } from '../../src/inputs/lock.ts';
import {
  choiceLabel,
  choiceOf,
  chooseVersions,
  choiceWords,
  directorySuffix,
  setsWith,
  type AskedVersions,
} from '../../src/inputs/versions.ts';
import { sourceName } from '../../src/plan/names.ts';
import { failureText } from '../../src/report/failure-text.ts';

function pinned(name: string, ...versions: readonly string[]): Lock['sources'] {
  return versions.map((version) => ({
    name: sourceName(name),
    version,
    homepage: 'https://p.example/',
    licence: 'MIT',
    licenceFiles: ['COPYING'],
    tree: digest(`${'0'.repeat(64)}-0`),
    origins: [],
  }));
}

const lock: Lock = {
  format: 2,
  sourceDateEpoch: 1,
  defaultSet: 'old',
  sets: {
    new: { gcc: '16.2.0', linux: '6.12.107', zlib: '1.3.1' },
    old: { gcc: '14.2.0', linux: '6.1.176', zlib: '1.3.1' },
  },
  sources: [
    ...pinned('gcc', '14.2.0', '15.3.0', '16.2.0'),
    ...pinned('linux', '6.1.176', '6.1.187', '6.12.107'),
    ...pinned('zlib', '1.3.1'),
  ],
};

function chosen(asked?: AskedVersions) {
  const done = chooseVersions(lock, asked);
  if (!done.ok) throw new Error(failureText(done.failure));
  return done.value;
}

function ids(asked?: AskedVersions): readonly string[] {
  return chosen(asked).sources.map(({ name, version }) => `${name} ${version}`);
}

describe('chooseVersions', () => {
  it('takes the default set, the set that is named, and versions instead of its own', () => {
    expect(ids()).toEqual(['gcc 14.2.0', 'linux 6.1.176', 'zlib 1.3.1']);
    expect(ids({ set: 'new' })).toEqual(['gcc 16.2.0', 'linux 6.12.107', 'zlib 1.3.1']);
    expect(ids({ versions: { gcc: '15.3.0' } })).toEqual(['gcc 15.3.0', 'linux 6.1.176', 'zlib 1.3.1']);
    const both = { set: 'new', versions: { linux: '6.1.187' } };
    expect(ids(both)).toEqual(['gcc 16.2.0', 'linux 6.1.187', 'zlib 1.3.1']);
  });

  it('says the same of the same versions, however they were asked for', () => {
    const { choice } = chosen({ versions: { gcc: '16.2.0', linux: '6.12.107' } });
    expect(choice).toEqual({ set: 'new', instead: {} });
    expect(chosen({ versions: { gcc: '14.2.0' } }).choice).toEqual({ set: 'old', instead: {} });
    expect(chosen({ set: 'new', versions: { linux: '6.1.176' } }).choice).toEqual({
      set: 'old',
      instead: { gcc: '16.2.0' },
    });
  });

  it.each<[AskedVersions, string]>([
    [{ set: 'nev' }, "there is no set of versions named 'nev'\n  Did you mean new?"],
    [{ set: 'toString' }, "there is no set of versions named 'toString'\n  sources.lock has new, old."],
    [
      { versions: { gcc: '15.2.0' } },
      '--gcc 15.2.0: sources.lock does not pin this version of gcc\n  Did you mean 15.3.0? It pins 14.2.0, 15.3.0, 16.2.0.',
    ],
    [{ versions: { gcc: '16' } }, 'Did you mean 16.2.0?'],
    [{ versions: { gcc: '17.1.0' } }, 'Did you mean 16.2.0?'],
    [{ versions: { linux: '6.12.118' } }, 'Did you mean 6.12.107?'],
    [{ versions: { linux: '6.1.180' } }, 'Did you mean 6.1.176?'],
    [{ versions: { linux: 'new' } }, 'It pins 6.1.176, 6.1.187, 6.12.107.'],
    [{ versions: { gdb: '1' } }, '--gdb 1: sources.lock has no source named gdb'],
  ])('refuses %j', (asked, message) => {
    const done = chooseVersions(lock, asked);
    expect(done.ok ? '' : failureText(done.failure)).toContain(message);
  });
});

describe('a choice', () => {
  it.each<[AskedVersions, string, string, string]>([
    [{}, 'old', '', ''],
    [{ set: 'new' }, 'new', '+new', '--versions new'],
    [{ versions: { gcc: '15.3.0' } }, 'old+gcc-15.3.0', '+gcc-15.3.0', '--gcc 15.3.0'],
    [
      { set: 'new', versions: { linux: '6.1.187' } },
      'new+linux-6.1.187',
      '+new+linux-6.1.187',
      '--versions new --linux 6.1.187',
    ],
  ])('%j is said as %s', (asked, label, suffix, words) => {
    const { choice } = chosen(asked);
    expect(choiceLabel(choice)).toBe(label);
    expect(directorySuffix(lock, choice)).toBe(suffix);
    expect(choiceWords(lock, choice).join(' ')).toBe(words);
  });

  it('is made again from its own words', () => {
    const { choice } = chosen({ set: 'new', versions: { gcc: '15.3.0' } });
    expect(chosen({ set: choice.set, versions: choice.instead }).choice).toEqual(choice);
  });

  it('is found for versions of some sources, and for versions that the lock no longer has', () => {
    expect(choiceOf(lock, { linux: '6.12.107' })).toEqual({ set: 'new', instead: {} });
    expect(choiceOf(lock, { zlib: '1.3.1' })).toEqual({ set: 'old', instead: {} });
    const gone = choiceOf(lock, { gcc: '14.2.0', linux: '6.1.1' });
    expect(choiceLabel(gone)).toBe('old+linux-6.1.1');
  });
});

it('setsWith names the sets that have a version', () => {
  const of = (name: string, version: string) => pinned(name, version).map((one) => setsWith(lock, one));
  expect(of('gcc', '14.2.0')).toEqual([['old']]);
  expect(of('gcc', '15.3.0')).toEqual([[]]);
  expect(of('zlib', '1.3.1')).toEqual([['new', 'old']]);
});
