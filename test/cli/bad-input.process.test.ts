/** Mistakes and mishaps as a user meets them: the program in a process of its own, on a real store. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { machinePath } from '../../src/core/host-programs.ts';
import { removeForcibly } from '../../src/store/remove.ts';
import { scriptArguments } from '../script.ts';
import { mayLack } from '../setup/skip.ts';
import { cutFile, file, startFileServer, status } from '../sources/file-server.ts';
import {
  archiveOf,
  inNamespace,
  oneMessage,
  pinBusybox,
  sharedClone,
  start,
  type Clone,
} from './real-program.ts';

const files = { LICENSE: 'do what you like\n', 'some-noise': randomBytes(5000) };
const build = ['armv5l', '--only-action', 'host-tools/busybox'];
const namespaces = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status === 0;
// More than a busy machine needs.
const patient = { timeout: 300_000 };

/** Everything in a directory of the user's store. */
function stored({ home }: Clone, directory: string): readonly string[] {
  return readdirSync(path.join(home, '.cache/bootstrap', directory));
}

function sizesIn(directory: string): readonly number[] {
  if (!existsSync(directory)) return [];
  const found = readdirSync(directory).map((name) =>
    statSync(path.join(directory, name), { throwIfNoEntry: false }),
  );
  return found.map((stats) => stats?.size ?? 0);
}

function expectNothingHalfDone(store: string): void {
  for (const name of ['scratch', 'damaged', 'results'])
    expect(readdirSync(path.join(store, name))).toEqual([]);
}

describe('an archive', patient, () => {
  const refused = (url: string, expected: string): RegExp =>
    new RegExp(
      [
        '^source busybox \\S+ has the wrong hash and was discarded',
        `  from      ${url}`,
        `  expected  ${expected}`,
        '  got       [0-9a-f]{64}',
        '  The file at this origin was changed or is damaged\\. Try another origin with --mirror URL; .*',
        '$',
      ].join('\n'),
    );

  test('with another hash is refused', async () => {
    const clone = sharedClone();
    const server = await startFileServer();
    const url = `${server.url}/busybox.tar.gz`;
    const { sha256 } = await pinBusybox(clone, url, files);
    server.on('/busybox.tar.gz', file(archiveOf({ LICENSE: 'another\n' })));
    const message = await oneMessage(clone, await clone.run(['fetch', 'busybox']), 1);
    expect(message).toMatch(refused(url, sha256));
    expect(stored(clone, 'downloads')).toEqual([]);
    expectNothingHalfDone(path.join(clone.home, '.cache/bootstrap'));
  });

  test('that is shorter on the server than it should be is refused too', async () => {
    const clone = sharedClone();
    const server = await startFileServer();
    const url = `${server.url}/busybox.tar.gz`;
    const { archive, sha256 } = await pinBusybox(clone, url, files);
    server.on('/busybox.tar.gz', file(archive.subarray(0, 1000)));
    const message = await oneMessage(clone, await clone.run(['fetch', 'busybox']), 1);
    expect(message).toMatch(refused(url, sha256));
    expect(stored(clone, 'downloads')).toEqual([]);
    expectNothingHalfDone(path.join(clone.home, '.cache/bootstrap'));
  });

  test('whose server cuts the connection is kept as far as it came, and fetched on by the next run', async () => {
    const clone = sharedClone();
    const server = await startFileServer();
    const url = `${server.url}/busybox.tar.gz`;
    const { archive, sha256 } = await pinBusybox(clone, url, files);
    const downloads = path.join(clone.home, '.cache/bootstrap/downloads');
    const cutOnceSeen = async (response: ServerResponse): Promise<void> => {
      response.writeHead(200, { 'content-length': archive.length }).write(archive.subarray(0, 1000));
      // What is still on its way when a connection breaks is lost to the receiver.
      while (!response.destroyed && !sizesIn(downloads).includes(1000)) await sleep(20);
      response.destroy();
    };
    server.on('/busybox.tar.gz', (_, response) => void cutOnceSeen(response), cutFile(archive, 0));
    const message = await oneMessage(clone, await clone.run(['fetch', 'busybox']), 1);
    expect(message).toMatch(
      new RegExp(
        `^could not fetch source busybox \\S+\n  ${url}: connection lost after 1000 of ${archive.length} bytes\n` +
          '  Check the network and run the command again, or name a mirror that has the file with --mirror URL\\.\n$',
      ),
    );
    expect(stored(clone, 'downloads')).toEqual([`${sha256}.part`]);
    expectNothingHalfDone(path.join(clone.home, '.cache/bootstrap'));
    server.on('/busybox.tar.gz', file(archive));
    expect(await clone.run(['fetch', 'busybox'])).toMatchObject({
      code: 0,
      out: '1 source in the store, 1 of them new\n',
    });
    expect(server.asked.at(-1)).toBe('/busybox.tar.gz bytes=1000-');
    expect(stored(clone, 'downloads')).toEqual([sha256]);
  });

  test('that no server has is named with what each of them said', async () => {
    const clone = sharedClone();
    const server = await startFileServer();
    const url = `${server.url}/busybox.tar.gz`;
    await pinBusybox(clone, url, files);
    server.on('/mirror/busybox.tar.gz', status(403));
    const ended = await clone.run(['fetch', 'busybox', '--mirror', `${server.url}/mirror`]);
    expect(await oneMessage(clone, ended, 1)).toMatch(
      new RegExp(
        `^could not fetch source busybox \\S+\n  ${server.url}/mirror/busybox.tar.gz: HTTP 403\n  ${url}: HTTP 404\n`,
      ),
    );
  });
});

describe.skipIf(mayLack(namespaces))('a machine without', patient, () => {
  /** Lays what nobody can execute over a program, wherever the machine has it. */
  const hide = machinePath
    .map((directory) => `if [ -e ${directory}/"$0" ]; then mount --bind /dev/null ${directory}/"$0"; fi`)
    .join('\n');
  // One for all, so that what the machine does have is copied once.
  let store = '';
  beforeAll(() => {
    store = mkdtempSync(path.join(tmpdir(), 'lacking-store-'));
  });
  afterAll(() => removeForcibly(store));

  test.each([
    ['gcc', 'gcc', 'compiling the first tools'],
    ['make', 'make', 'building busybox'],
    ['sh', 'dash', 'building busybox'],
    ['mkfifo', 'coreutils', 'setting up sandboxes'],
  ])('%s is told what to install', async (program, debianPackage, purpose) => {
    const clone = sharedClone();
    const server = await startFileServer();
    const { archive } = await pinBusybox(clone, `${server.url}/busybox.tar.gz`, files);
    server.on('/busybox.tar.gz', file(archive));
    const wrapper = inNamespace(`${hide}\nexec "$@"`, program);
    const ended = await clone.run([...build, '--store', store], wrapper);
    expect(await oneMessage(clone, ended, 1)).toBe(
      `${program} is missing; it is needed for ${purpose}\n` +
        `  Install it; on Debian: apt-get install ${debianPackage}\n`,
    );
    expectNothingHalfDone(store);
  });
});

describe.skipIf(mayLack(namespaces))('a full disk', patient, () => {
  /**
   * Runs a command line on a tmpfs with these options as store. What it left there is listed, without directories and
   * without its lease: those of processes that have ended count for nothing, and the next start removes them.
   */
  async function onSmallStore(clone: Clone, options: string, argv: readonly string[]) {
    const full = path.join(clone.home, 'full');
    mkdirSync(full);
    const script = [
      `mount -t tmpfs -o ${options} tmpfs "$0"`,
      'code=0; "$@" || code=$?',
      '(cd "$0"; find . ! -type d ! -path "./store/leases/*") >"$0.left"',
      'exit $code',
    ].join('\n');
    const ended = await clone.run([...argv, '--store', path.join(full, 'store')], inNamespace(script, full));
    const left = readFileSync(`${full}.left`, 'utf8').split('\n').slice(0, -1);
    return {
      ended,
      left: left.map((name) => name.slice('./store/'.length)),
      store: path.join(full, 'store'),
    };
  }

  async function served(clone: Clone, content: Readonly<Record<string, string | Uint8Array>>) {
    const server = await startFileServer();
    const { archive, sha256 } = await pinBusybox(clone, `${server.url}/busybox.tar.gz`, content);
    server.on('/busybox.tar.gz', file(archive));
    return { archive, sha256 };
  }

  const remedy =
    '  Free some space, or choose another place (--store DIR for the store, --out DIR for products).\n' +
    '  Then run the command again: it resumes where it left off.\n';

  test('ends a download, whose beginning stays', async () => {
    const clone = sharedClone();
    const { sha256 } = await served(clone, { LICENSE: 'x', noise: randomBytes(4 << 20) });
    const { ended, left, store } = await onSmallStore(clone, 'size=2M', ['fetch', 'busybox']);
    const message = await oneMessage(clone, ended, 1);
    expect(message.startsWith(`no space left at ${store}/downloads/${sha256}.`)).toBe(true);
    expect(message).toContain('  ENOSPC: no space left on device, write\n');
    expect(message.endsWith(remedy)).toBe(true);
    expect(left).toEqual([`downloads/${sha256}.part`]);
  });

  test('ends an unpacking, of which nothing stays', async () => {
    const clone = sharedClone();
    const { sha256 } = await served(clone, { LICENSE: 'x', nothing: Buffer.alloc(8 << 20) });
    const { ended, left, store } = await onSmallStore(clone, 'size=4M', ['fetch', 'busybox']);
    const message = await oneMessage(clone, ended, 1);
    expect(message.startsWith(`no space left at ${store}/scratch/`)).toBe(true);
    expect(message.endsWith(remedy)).toBe(true);
    expect(left).toEqual([`downloads/${sha256}`]);
  });

  test('ends a build with one message, although more than one thing fails', async () => {
    const clone = sharedClone();
    await served(clone, { LICENSE: 'x', nothing: Buffer.alloc(8 << 20) });
    const { ended, left, store } = await onSmallStore(clone, 'size=4M', build);
    const message = await oneMessage(clone, ended, 1);
    expect(message.startsWith(`no space left at ${store}/`)).toBe(true);
    expect(message.endsWith(remedy)).toBe(true);
    expect(left.filter((name) => !/^downloads\/[0-9a-f]{64}(?:\.part)?$/.test(name))).toEqual([]);
  });

  test('that has room for bytes but for no more files says so', async () => {
    const clone = sharedClone();
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`file-${index}`, 'x']));
    await served(clone, { LICENSE: 'x', ...many });
    const { ended, left } = await onSmallStore(clone, 'size=64M,nr_inodes=200', ['fetch', 'busybox']);
    expect(await oneMessage(clone, ended, 1)).toMatch(
      /\n {2}it is out of inodes: 6\d MiB are left, but it can hold no more files\n/,
    );
    expect(left).toHaveLength(1);
  });

  test('with few inodes is what doctor warns of', async () => {
    const clone = sharedClone();
    const { ended, store } = await onSmallStore(clone, 'size=64M,nr_inodes=2000', ['doctor']);
    expect(ended).toMatchObject({ code: 1, err: '' });
    expect(ended.out).toContain(`ok       store `);
    expect(ended.out).toContain(store);
    expect(ended.out).toMatch(
      /\nmissing {2}inodes +1\d{3} more files fit on the store's file system; a build from scratch needs about 400000\n/,
    );
  });

  test('ends the fetching of all, not of one', async () => {
    const clone = sharedClone();
    const { sha256 } = await served(clone, { LICENSE: 'x', nothing: Buffer.alloc(8 << 20) });
    const argv = ['fetch', 'busybox', 'zlib', 'xz'];
    const { ended, left } = await onSmallStore(clone, 'size=4M', argv);
    expect(await oneMessage(clone, ended, 1)).toContain('no space left at ');
    expect(left).toEqual([`downloads/${sha256}`]);
  });

  test('below --out leaves whole products and no sums, and the next run finishes', async () => {
    const clone = sharedClone();
    const out = path.join(clone.home, 'out');
    mkdirSync(out);
    const program = path.join(import.meta.dirname, 'faked-build.ts');
    const edition = path.join(clone.home, 'edition');
    writeFileSync(edition, 'x'.repeat(1 << 20));
    const script = [
      'mount -t tmpfs -o size=2560k tmpfs "$0"',
      'list() { (cd "$0/armv5l"; find . -type f -printf "%P %s\\n" | sort) >"$0.$1"; }',
      'code=0; "$@" || code=$?',
      'list first; mount -o remount,size=64M tmpfs "$0"; "$@" >&2 || exit 9; list second',
      'exit $code',
    ].join('\n');
    const child = [process.execPath, ...scriptArguments(program, clone.home, edition)];
    const ended = await start([...inNamespace(script, out), ...child], clone.home);
    const message = await oneMessage(clone, ended, 1);
    expect(message.startsWith(`no space left at ${out}/armv5l/.bootstrap-`)).toBe(true);
    expect(message).toContain(remedy);
    const listed = (name: string) => readFileSync(`${out}.${name}`, 'utf8').trim().split('\n');
    for (const line of listed('first')) expect(line).toMatch(/^[a-z]\S*\.tar\.gz 104\d{4}$/);
    expect(listed('second')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^SHA256SUMS /) as string,
        expect.stringMatching(/^manifest\.json /) as string,
      ]),
    );
  });
});
