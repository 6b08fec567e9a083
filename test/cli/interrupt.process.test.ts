/** Ctrl-C and its like, as they reach the program: in a process of its own. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { silence, startFileServer } from '../sources/file-server.ts';
import { cloneProgram, pinBusybox } from './real-program.ts';

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)(
  '%s ends a fetch that waits for a server with one message and exit code %i',
  async (signal, code) => {
    const clone = cloneProgram();
    const server = await startFileServer();
    await pinBusybox(clone, `${server.url}/busybox.tar.gz`, { LICENSE: 'text\n' });
    server.on('/busybox.tar.gz', silence());
    const child = spawn(
      process.execPath,
      [path.join(clone.root, 'src/start/start.cjs'), 'fetch', 'busybox'],
      {
        cwd: clone.home,
        env: { PATH: process.env['PATH'], HOME: clone.home },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const ended = new Promise((resolve) => child.on('close', resolve));
    await expect.poll(() => server.asked.length, { timeout: 60_000 }).toBeGreaterThan(0);
    child.kill(signal);
    expect(await ended).toBe(code);
    expect(err.match(/^bootstrap: stopped by /gm), err).toHaveLength(1);
    expect(err).not.toMatch(/\n +at /);
  },
);
