import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type ChannelAddress } from '../../src/guest/connect.ts';
import { makeChannelKeys } from '../../src/guest/keys.ts';
import { exitCodeFor, type CommandEnd } from '../../src/guest/run-command.ts';
import { connected, runAlone, runOn, watch } from './rig.ts';
import { runs } from '../setup/runs.ts';

/** What every command channel does, be it that of a guest or a stand-in. */
export function channelContract(name: string, address: () => ChannelAddress): void {
  describe(name, () => {
    let client: Client;

    beforeAll(async () => {
      client = await connected(address());
    });

    afterAll(() => {
      client.end();
    });

    test.each([0, 1, 7, 255])('exit code %i', async (status) => {
      const { end } = await runOn(client, ['sh', '-c', `exit ${String(status)}`]);
      expect(end).toEqual({ kind: 'exited', status });
    });

    test('a command that is missing or not executable gives the exit code of a shell', async () => {
      const missing = await runOn(client, ['no-such-command-here']);
      expect(missing.end).toEqual({ kind: 'exited', status: 127 });
      expect(missing.stderr).toContain('no-such-command-here');
      expect((await runOn(client, ['/etc/passwd'])).end).toEqual({ kind: 'exited', status: 126 });
    });

    test.each([
      ['KILL', 137],
      ['TERM', 143],
      ['SEGV', 139],
      ['PIPE', 141],
    ])('ended by SIG%s: %i', async (signal, code) => {
      const { end } = await runOn(client, ['sh', '-c', `kill -${signal} $$`]);
      expect(end).toEqual({ kind: 'killed', signal });
      expect(codeOf(end)).toBe(code);
    });

    // QUIT is not among them: shells ignore it, each in its way.
    test.each(['HUP', 'INT', 'TERM', 'KILL'] as const)(
      'SIG%s ends the command and what it started, after the end of its input as before',
      async (signal) => {
        for (const input of [undefined, new PassThrough()]) {
          const script = 'sh -c "echo \\$\\$; exec sleep 1000"; exit 9';
          const command = watch(client, ['sh', '-c', script], input === undefined ? {} : { input });
          await command.until('\n');
          const child = command.stdout().toString().trim();
          command.signal(signal);
          expect(await command.ended).toEqual({ kind: 'killed', signal });
          await untilGone(client, child);
        }
      },
    );

    test('a command can catch a signal and continue', async () => {
      const script = 'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.1; done';
      const command = watch(client, ['sh', '-c', script]);
      await command.until('ready');
      command.signal('TERM');
      expect(await command.ended).toEqual({ kind: 'exited', status: 3 });
      expect(command.stdout().toString()).toBe('ready\ncaught\n');
    });

    test('ten megabytes in and out, complete', async () => {
      const bytes = randomBytes(10 * 1024 * 1024);
      const { end, stdout } = await runOn(client, ['cat'], { input: bytes });
      expect(end).toEqual({ kind: 'exited', status: 0 });
      expect(stdout.equals(bytes)).toBe(true);
    });

    test('output and errors stay apart', async () => {
      const script =
        'head -c 1000000 /dev/zero >&2 & head -c 2000000 /dev/zero; wait; echo end >&2; echo end';
      const { stdout, stderr } = await runOn(client, ['sh', '-c', script]);
      expect(stdout.length).toBe(2_000_004);
      expect(stderr.length).toBe(1_000_004);
      expect(stderr.endsWith('\0end\n')).toBe(true);
    });

    test('the end of the input is the end of the input', async () => {
      expect((await runOn(client, ['wc', '-c'])).stdout.toString().trim()).toBe('0');
      const counted = await runOn(client, ['wc', '-c'], { input: 'twelve bytes' });
      expect(counted.stdout.toString().trim()).toBe('12');
    });

    test('a command that does not read its input ends all the same', async () => {
      const { end } = await runOn(client, ['true'], { input: Buffer.alloc(4_000_000) });
      expect(end).toEqual({ kind: 'exited', status: 0 });
    });

    test('working directory', async () => {
      const place = `/tmp/channel it's "here" ${randomBytes(4).toString('hex')}`;
      await runOn(client, ['mkdir', place]);
      const { stdout } = await runOn(client, ['pwd'], { directory: place });
      expect(stdout.toString()).toBe(`${place}\n`);
      await runOn(client, ['rmdir', place]);
      const nowhere = await runOn(client, ['pwd'], { directory: place });
      expect(nowhere.stderr).toContain('here');
      expect(codeOf(nowhere.end)).not.toBe(0);
      expect(nowhere.stdout.toString()).toBe('');
    });

    test('arguments arrive as they are', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(argument, { maxLength: 8 }), async (words) => {
          const { stdout } = await runOn(client, ['printf', '%s\\0', 'first', ...words]);
          expect(stdout.toString()).toBe(['first', ...words].map((word) => `${word}\0`).join(''));
        }),
        { numRuns: runs(20) },
      );
    });

    test('eight at a time, each on a connection of its own, and eight on one', async () => {
      const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
      // Nobody ends before all have begun.
      const meeting = `/tmp/meeting-${randomBytes(4).toString('hex')}`;
      const script = `mkdir -p ${meeting}; : >${meeting}/$1
        while [ "$(ls ${meeting} | wc -l)" -lt 16 ]; do sleep 0.1; done; cat; exit $1`;
      const run = (number: number) =>
        ['sh', '-c', script, 'sh', String(number)] as const satisfies readonly [string, ...string[]];
      const done = await Promise.all([
        ...numbers.map((number) => runAlone(address(), run(number), { input: `input ${String(number)}` })),
        ...numbers.map((number) =>
          runOn(client, run(number + 10), { input: `input ${String(number + 10)}` }),
        ),
      ]);
      await runOn(client, ['rm', '-r', meeting]);
      const all = [...numbers, ...numbers.map((number) => number + 10)];
      expect(done.map(({ end }) => end)).toEqual(all.map((status) => ({ kind: 'exited', status })));
      expect(done.map(({ stdout }) => stdout.toString())).toEqual(
        all.map((number) => `input ${String(number)}`),
      );
    });

    test('a stranger gets nowhere', async () => {
      const stranger = makeChannelKeys();
      const refused = await connect({ ...address(), clientKey: stranger.clientKey }, 120_000);
      expect(refused).toMatchObject({ ok: false, failure: { reason: 'key-refused' } });
      expect(await tryWithoutKey(address().port)).toContain('authentication methods failed');
    });

    test('another host key is not accepted', async () => {
      const hostKey = makeChannelKeys().hostKey.toString('base64');
      const refused = await connect({ ...address(), hostKey }, 120_000);
      expect(refused).toMatchObject({ ok: false, failure: { reason: 'wrong-host-key' } });
    });
  });
}

/** Everything that an argument can hold: all but NUL, and no halves of characters. */
const argument = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
  fc.constantFrom(
    '',
    ' ',
    "'",
    "''",
    '"',
    '\\',
    '\n',
    '\t',
    '$HOME',
    '`id`',
    '*',
    '~',
    '-n',
    '!',
    ';',
    '#',
    'a\r\nb',
  ),
);

function codeOf(end: CommandEnd): number | undefined {
  return end.kind === 'exited' || end.kind === 'killed' ? exitCodeFor(end) : undefined;
}

/** Waits until a process is no more, or only waits for its parent's notice. */
async function untilGone(client: Client, pid: string): Promise<void> {
  const script = `case "$(cat /proc/${pid}/stat 2>/dev/null)" in '' | *') Z '*) exit 0 ;; *) exit 1 ;; esac`;
  while (codeOf((await runOn(client, ['sh', '-c', script])).end) !== 0) await sleep(100);
}

/** What becomes of someone who has no key and tries what else there is. */
function tryWithoutKey(port: number): Promise<string> {
  const client = new Client();
  return new Promise((resolve) => {
    client.on('ready', () => {
      client.end();
      resolve('got in');
    });
    client.on('error', (error) => resolve(error.message));
    client.connect({
      host: '127.0.0.1',
      port,
      username: 'root',
      password: '',
      tryKeyboard: true,
      readyTimeout: 120_000,
    });
  });
}
