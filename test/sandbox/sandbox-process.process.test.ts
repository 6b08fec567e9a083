import { spawn } from 'node:child_process';
import { chown, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countProcesses, lineOf, untilNoneHas } from '../executor/processes.ts';
import { temporaryDirectory } from '../store/temporary-store.ts';
import { asOrdinaryUser, command, isRoot, linesOf, nobody, openDirectory } from './processes.ts';

// More than a busy machine needs.
describe('a sandbox', { timeout: 300_000 }, () => {
  it('dies with the engine when that is killed with -9', async () => {
    const store = join(await temporaryDirectory(), 'store');
    const marker = `611.${String(process.pid)}`;
    const text = `sleep ${marker}5 & sleep ${marker}6 & echo started; sleep ${marker}7`;
    const [program, args] = command(store, text);
    const engine = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const gone = new Promise((resolve) => engine.on('close', resolve));
    await lineOf(engine, 'started');
    // Three sleeps, the shell with this text, process 1's arguments …
    expect(await countProcesses(marker)).toBeGreaterThanOrEqual(4);
    engine.kill('SIGKILL');
    await gone;
    await untilNoneHas(marker);
    await untilNoneHas(store);
    // The next run sweeps what the killed one left.
    expect((await linesOf(command(store, 'ls /build | wc -l'))).at(-2)).toBe('0');
  });

  it('takes its jobs from the jobserver', async () => {
    const directory = await temporaryDirectory();
    // Three wait for each other, however slow the machine is; then a fourth has time to begin too early.
    const meet = 'until [ "$$(grep -c start log)" -ge 3 ]; do sleep 0.05; done; sleep 0.4';
    const rules = `all: a b c d\\na b c d:\\n\\t@echo start >>log; ${meet}; echo end >>log\\n`;
    const text = [
      'cd /build',
      `printf '${rules}' >Makefile`,
      'echo "$MAKEFLAGS"',
      'make 2>&1',
      'echo $(cat log)',
      'dd bs=1 count=2 <&3 2>/dev/null',
    ].join('\n');
    const lines = await linesOf(command(join(directory, 'store'), text, '3'));
    const [flags, order, tokens] = lines.slice(-4);
    expect(flags).toBe(' -j3 --jobserver-auth=3,3');
    // Two tokens and the one that every make has by itself.
    expect(order).toMatch(/^start start start end/);
    expect(order).not.toMatch(/^start start start start/);
    expect(tokens?.startsWith('++')).toBe(true);
  });

  it('works for an ordinary user', async () => {
    const directory = await openDirectory();
    const user = isRoot ? nobody : process.getuid?.();
    if (isRoot) await chown(directory, nobody, nobody);
    const [program, args] = command(
      join(directory, 'store'),
      'id -u; echo x >/area/x; ls /area; umask; stat -c %a /build',
    );
    const lines = await linesOf(
      asOrdinaryUser(['sh', ['-c', 'umask 077; exec "$@"', 'sh', program, ...args]]),
      { ...process.env, TMPDIR: directory },
    );
    expect(lines.at(-1)).toContain('"exitCode":0');
    expect(lines.slice(1)).toEqual(expect.arrayContaining(['0', 'usr', 'x', '0022', '755']));
    expect((await stat(join(directory, 'store'))).uid).toBe(user);
  });

  it('works on a tmpfs, and reports a full one', async () => {
    const store = join(await temporaryDirectory(), 'store');
    const [program, args] = command(`${store}/s`, 'head -c 100000000 /dev/zero >/build/zero');
    const script = `mkdir ${store}; mount -t tmpfs -o size=60M tmpfs ${store}; exec "$@"`;
    const lines = await linesOf([
      'unshare',
      ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', program, ...args],
    ]);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      ok: false,
      failure: { reason: 'no-room', path: `${store}/s` },
    });
  });

  it('also reports a file system without free inodes', async () => {
    const store = join(await temporaryDirectory(), 'store');
    const text = 'count=0; while : >/build/$count || exit 1; do count=$((count + 1)); done';
    const [program, args] = command(`${store}/s`, text);
    const script = `mkdir ${store}; mount -t tmpfs -o size=200M,nr_inodes=2000 tmpfs ${store}; exec "$@"`;
    const lines = await linesOf([
      'unshare',
      ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', program, ...args],
    ]);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      ok: false,
      failure: {
        reason: 'no-room',
        path: `${store}/s`,
        detail: expect.stringContaining('out of inodes') as string,
      },
    });
  });

  it('refuses a store from which nothing can be run, by name', async () => {
    const store = join(await temporaryDirectory(), 'store');
    const [program, args] = command(`${store}/s`, 'true');
    const script = `mkdir ${store}; mount -t tmpfs -o noexec tmpfs ${store}; exec "$@"`;
    const lines = await linesOf([
      'unshare',
      ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', program, ...args],
    ]);
    expect(lines.at(-1)).toContain('noexec');
  });

  it('names the setting that forbids namespaces', async () => {
    const store = join(await temporaryDirectory(), 'store');
    const [program, args] = command(store, 'true');
    const script = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"';
    const lines = await linesOf([
      'unshare',
      ['--user', '--map-root-user', 'sh', '-c', script, 'sh', program, ...args],
    ]);
    const answer: unknown = JSON.parse(lines.at(-1) ?? '');
    expect(answer).toMatchObject({
      ok: false,
      failure: { reason: 'namespaces-refused', remedy: 'sysctl user.max_user_namespaces=15000' },
    });
    expect(await readFile('/proc/sys/user/max_user_namespaces', 'utf8')).not.toBe('0\n');
  });
});
