import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { keepGitServer } from '../sources/git-server.ts';
import { run, testSession, type TestSession } from './rig.ts';

const { server } = keepGitServer();

const argv = ['system', 'fetch', 'set/systems/s.morph'] as const;

/** A session with a system of two chunks, from these repositories. */
function sessionWith(first: string, second: string): TestSession {
  const session = testSession();
  const chunk = (name: string, repo: string) =>
    `- {name: ${name}, repo: '${repo}', ref: main, build-system: manual}\n`;
  const files = {
    VERSION: 'version: 8\n',
    DEFAULTS: 'build-systems: {manual: {}}\n',
    'strata/s.morph': `name: s\nkind: stratum\nchunks:\n${chunk('one', first)}${chunk('two', second)}`,
    'systems/s.morph': 'name: s\nkind: system\narch: armv5l\nstrata: [{morph: strata/s.morph}]\n',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(session.home, 'set', name)), { recursive: true });
    writeFileSync(path.join(session.home, 'set', name), text);
  }
  return session;
}

function alias(): readonly string[] {
  return ['--alias', `here=${server().url('')}`];
}

describe('system fetch', () => {
  test('pins what is not pinned if it is told to, and fetches the same again', async () => {
    server().commit('one', { file: 'one\n' });
    server().commit('two', { file: 'two\n' });
    const session = sessionWith('here:one', server().url('two'));
    const unpinned = await run(session, ...argv, ...alias());
    expect(unpinned).toMatchObject({ code: 2, out: '' });
    expect(unpinned.err).toContain('2 sources not pinned: s/one, s/two');
    const pinned = await run(session, ...argv, ...alias(), '--pin');
    expect(pinned).toMatchObject({ code: 0, out: '2 sources in the store, 2 of them new\n' });
    const pins = readFileSync(path.join(session.home, 'set/bootstrap-pins.json'), 'utf8');
    expect(JSON.parse(pins)).toMatchObject({
      format: 1,
      sources: [{ repository: server().url('two') }, { repository: 'here:one', ref: 'main' }],
    });
    const again = await run(session, ...argv, ...alias());
    expect(again).toMatchObject({ code: 0, out: '2 sources in the store, 0 of them new\n' });
    const elsewhere = await run(session, ...argv, ...alias(), '--store', 'other');
    expect(elsewhere).toMatchObject({ code: 0, out: '2 sources in the store, 2 of them new\n' });
    expect(readFileSync(path.join(session.home, 'set/bootstrap-pins.json'), 'utf8')).toBe(pins);
  });

  test('refuses what is no longer what it was, and fetches the others', async () => {
    server().commit('moving', { file: 'one\n' });
    server().commit('two', { file: 'two\n' });
    const session = sessionWith('here:moving', 'here:two');
    expect((await run(session, ...argv, ...alias(), '--pin')).code).toBe(0);
    server().commit('moving', { file: 'another\n' });
    const moved = await run(session, ...argv, ...alias(), '--store', 'other');
    expect(moved.code).toBe(1);
    expect(moved.err).toContain('s/one');
    expect(moved.err).toContain('here:moving main');
    const still = await run(session, ...argv, ...alias(), '--store', 'other', '--offline');
    expect(still.err).not.toContain('s/two');
  });

  test('keeps the pins of what it could fetch', async () => {
    server().commit('two', { file: 'two\n' });
    const session = sessionWith('here:absent', 'here:two');
    const partly = await run(session, ...argv, ...alias(), '--pin', '--pins', 'my-pins.json');
    expect(partly.code).toBe(1);
    expect(partly.err).toContain('could not fetch source s/one');
    const { sources } = JSON.parse(readFileSync(path.join(session.home, 'my-pins.json'), 'utf8')) as {
      sources: readonly { repository: string }[];
    };
    expect(sources.map(({ repository }) => repository)).toEqual(['here:two']);
  });

  test('explains mistakes', async () => {
    const session = sessionWith('here:one', 'here:two');
    const noUrl = await run(session, ...argv, '--alias', 'here');
    expect(noUrl).toMatchObject({ code: 2 });
    expect(noUrl.err).toContain('--alias here: must be NAME=URL');
    const noAlias = await run(session, ...argv, '--pin');
    expect(noAlias.err).toContain('here:one: the URL must begin with one of http://');
    writeFileSync(path.join(session.home, 'bad.json'), '{"format": 1}');
    expect((await run(session, ...argv, '--pins', 'bad.json')).err).toContain('sources: is missing');
  });
});
