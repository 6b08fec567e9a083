import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { scriptArguments } from '../script.ts';
import { asOrdinaryUser, command, isRoot, linesOf, nobody, openDirectory } from '../sandbox/processes.ts';

const child = fileURLToPath(new URL('store-owner-child.ts', import.meta.url));
const program = fileURLToPath(new URL('../../src/start/start.cjs', import.meta.url));
const root = 0;
/** Writes into every kind of input, and says who it is. */
const text = 'echo x >/area/x; echo y >>/area/usr/y; ls /area/x; id -u; cat /proc/self/uid_map';

/** Runs an action on a store, and gives its lines and the result at their end. */
async function runOn(store: string, user: 'root' | 'an ordinary user', what = text) {
  const line = command(store, what);
  const lines = await linesOf(user === 'root' ? line : asOrdinaryUser(line), {
    ...process.env,
    TMPDIR: '/tmp',
  });
  return { lines: lines.slice(0, -1), result: JSON.parse(lines.at(-1) ?? '') as unknown };
}

async function giveTo(user: number, ...paths: readonly string[]): Promise<void> {
  await promisify(execFile)('chown', ['-Rh', `${String(user)}:${String(user)}`, ...paths]);
}

/** Paths of a directory that belong to somebody else. */
async function foreignTo(user: number, directory: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('find', [directory, '!', '-uid', String(user)]);
  return stdout.split('\n').filter((path) => path !== '');
}

async function storeOf(user: number): Promise<string> {
  const directory = await openDirectory();
  const store = join(directory, 'store');
  await mkdir(store);
  if (isRoot) await chown(store, user, user);
  return store;
}

const done = { ok: true, value: { exitCode: 0 } };

// What cannot be tried without root's help is left out where an ordinary user runs this.
describe.runIf(isRoot)('a store of another user', () => {
  it("is root's to work in as its owner", async () => {
    const store = await storeOf(nobody);
    const { lines, result } = await runOn(store, 'root');
    expect(result).toMatchObject(done);
    expect(lines.slice(1, -1)).toEqual(['/area/x', '0']);
    expect(lines.at(-1)?.trim()).toMatch(new RegExp(`^0 +${String(nobody)} +1$`));
    expect(await foreignTo(nobody, store)).toEqual([]);
    // And its owner goes on with it.
    expect((await runOn(store, 'an ordinary user')).result).toMatchObject(done);
  });

  it.each([['limit', '20G'], ['du'], ['gc', '--max-size', '0M'], ['verify', '--repair']])(
    "stays its owner's when root runs `store %s`",
    async (...words) => {
      const store = await storeOf(nobody);
      expect((await runOn(store, 'an ordinary user', 'true')).result).toMatchObject(done);
      await linesOf([process.execPath, [program, 'store', ...words, '--store', store]]);
      expect(await foreignTo(nobody, store)).toEqual([]);
    },
  );

  it.each([
    ["root's own", root, 'root'],
    ["an ordinary user's own", nobody, 'an ordinary user'],
  ] as const)('may be one of which parts belong to others: %s', async (_, owner, user) => {
    const store = await storeOf(owner);
    expect((await runOn(store, user)).result).toMatchObject(done);
    for (const other of [1234, owner === root ? nobody : root]) {
      await giveTo(other, join(store, 'trees'));
      if (user === 'an ordinary user') await chown(join(store, 'trees'), owner, owner);
      const { lines, result } = await runOn(store, user);
      expect(result).toMatchObject(done);
      expect(lines.slice(1, -1)).toEqual(['/area/x', '0']);
    }
  });

  it('may hold trees of which one file belongs to another', async () => {
    const store = await storeOf(nobody);
    expect((await runOn(store, 'an ordinary user')).result).toMatchObject(done);
    const { stdout } = await promisify(execFile)('find', [join(store, 'trees'), '-name', 'sed']);
    const [file = ''] = stdout.split('\n');
    await giveTo(1234, file);
    const { lines, result } = await runOn(store, 'an ordinary user', 'echo >>/area/usr/bin/sed; echo wrote');
    expect(result).toMatchObject(done);
    expect(lines.at(-1)).toBe('wrote');
  });

  it('is refused in one sentence if it is read-only', async () => {
    const store = await storeOf(root);
    expect((await runOn(store, 'root')).result).toMatchObject(done);
    expect((await runOn(store, 'an ordinary user')).result).toMatchObject({
      ok: false,
      failure: { reason: 'unwritable', path: expect.stringContaining(store) as string },
    });
  });

  it('is refused if its owner cannot read this program', async () => {
    const store = await storeOf(nobody);
    const directory = await openDirectory();
    const secret = join(directory, 'program');
    await writeFile(secret, '');
    const ask = async () => {
      const line = [process.execPath, scriptArguments(child, store, secret)] as const;
      return JSON.parse((await linesOf(line, { ...process.env, TMPDIR: '/tmp' })).at(-1) ?? '') as unknown;
    };
    expect(await ask()).toEqual({ result: { ok: true }, user: nobody, groups: [nobody] });
    await chmod(secret, 0o600);
    expect(await ask()).toMatchObject({
      result: { ok: false, failure: { reason: 'unwritable', path: store } },
      user: root,
    });
  });
});

describe('a store of the current user', () => {
  it('changes no user', async () => {
    const store = await storeOf(process.getuid?.() ?? root);
    const line = [process.execPath, scriptArguments(child, store)] as const;
    const answer: unknown = JSON.parse((await linesOf(line)).at(-1) ?? '');
    expect(answer).toMatchObject({ result: { ok: true }, user: process.getuid?.() });
    expect((await runOn(store, isRoot ? 'root' : 'an ordinary user')).result).toMatchObject(done);
  });
});
