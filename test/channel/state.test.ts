import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  forgetGuest,
  guestFile,
  isGuestName,
  listGuests,
  openGuestState,
  readGuest,
  writeRecord,
  type GuestRecord,
  type GuestState,
} from '../../src/guest/state.ts';
import { processStamp } from '../../src/core/process-stamp.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');
const elsewhere = processStamp().replace(/\d+$/, '1');

function record(name: string, process = processStamp()): GuestRecord {
  return {
    name,
    arch: 'armv5l',
    image: '/images/armv5l',
    process,
    port: 40000,
    since: '2025-01-01T00:00:00.000Z',
    hostKey: 'AAAA',
  };
}

async function opened(): Promise<GuestState> {
  const state = await openGuestState(join(temporaryDirectory(), 'store', 'guests'));
  if (!state.ok) throw new Error(state.failure.reason);
  return state.value;
}

async function write(state: GuestState, written: GuestRecord): Promise<void> {
  mkdirSync(join(state.directory, written.name), { mode: 0o700 });
  await writeRecord(state, written);
}

describe('the directory', () => {
  test('is made, for its owner alone, and may be there already', async () => {
    const { directory } = await opened();
    expect(lstatSync(directory).mode & 0o777).toBe(0o700);
    chmodSync(directory, 0o755);
    expect((await openGuestState(directory)).ok).toBe(true);
    expect(lstatSync(directory).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['is writable by others', (directory: string) => chmodSync(directory, 0o777)],
    ['is writable by others', (directory: string) => chmodSync(directory, 0o770)],
  ])('is refused when it %s', async (why, spoil) => {
    const { directory } = await opened();
    spoil(directory);
    expect(await openGuestState(directory)).toMatchObject({
      ok: false,
      failure: { reason: 'unsafe-guest-directory', path: directory, why },
    });
  });

  test('is refused when it belongs to someone else', async () => {
    // Only root can give a directory away; for everybody else, root has some.
    const asRoot = process.getuid?.() === 0;
    const directory = asRoot ? (await opened()).directory : '/usr';
    if (asRoot) chownSync(directory, 12345, 12345);
    expect(await openGuestState(directory)).toMatchObject({
      ok: false,
      failure: {
        reason: 'unsafe-guest-directory',
        path: directory,
        why: expect.stringContaining('belongs to another user') as string,
      },
    });
  });

  test('is refused when it is a link or a file', async () => {
    const { directory } = await opened();
    const [link, file] = [join(directory, 'link'), join(directory, 'file')];
    symlinkSync('.', link);
    writeFileSync(file, '');
    for (const path of [link, file]) {
      expect(await openGuestState(path)).toMatchObject({
        ok: false,
        failure: { reason: 'unsafe-guest-directory', path, why: 'is not a directory' },
      });
    }
    expect((await openGuestState(join(file, 'guests'))).ok).toBe(false);
  });
});

describe('records', () => {
  test('are read back, with the state of the process', async () => {
    const state = await opened();
    await write(state, record('living'));
    await write(state, record('gone', dead));
    await write(state, record('far', elsewhere));
    expect((await listGuests(state)).map((guest) => [guest.name, guest.state])).toEqual([
      ['far', 'elsewhere'],
      ['gone', 'ended'],
      ['living', 'running'],
    ]);
    expect(await readGuest(state, 'living')).toEqual({ ...record('living'), state: 'running' });
    expect(lstatSync(guestFile(state, 'living', 'record')).mode & 0o777).toBe(0o600);
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"name":"guest"}',
    JSON.stringify({ ...record('guest'), port: 'many' }),
    JSON.stringify({ ...record('guest'), process: '1' }),
    JSON.stringify(record('another')),
  ])('%j is none', async (text) => {
    const state = await opened();
    mkdirSync(join(state.directory, 'guest'));
    writeFileSync(guestFile(state, 'guest', 'record'), text);
    expect(await readGuest(state, 'guest')).toBeUndefined();
    expect(await listGuests(state)).toEqual([]);
  });

  test('other files are no guests', async () => {
    const state = await opened();
    writeFileSync(join(state.directory, 'file'), '');
    mkdirSync(join(state.directory, 'empty'));
    mkdirSync(join(state.directory, '.hidden'));
    expect(await listGuests(state)).toEqual([]);
  });

  test('forgetting also removes keys and console, but not a later guest of the same name', async () => {
    const state = await opened();
    await write(state, record('guest'));
    writeFileSync(guestFile(state, 'guest', 'clientKey'), 'secret');
    await forgetGuest(state, record('guest', dead));
    expect(readdirSync(state.directory)).toEqual(['guest']);
    await forgetGuest(state, record('guest'));
    expect(readdirSync(state.directory)).toEqual([]);
    await forgetGuest(state, record('guest'));
  });
});

test.each([
  ['armv5l', true],
  ['a.b-c_9', true],
  ['', false],
  ['.', false],
  ['..', false],
  ['-a', false],
  ['a/b', false],
  ['a b', false],
  ['a'.repeat(65), false],
])('the name %j: %s', (name, fit) => {
  expect(isGuestName(name)).toBe(fit);
});
