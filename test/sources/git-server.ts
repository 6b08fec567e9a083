import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A file of a commit: its text, an executable one, a link, or undefined to remove it. */
export type CommittedFile =
  | string
  | { readonly executable: string }
  | { readonly link: string }
  | { readonly submodule: string }
  | undefined;

const identity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b',
};

function git(directory: string, ...argv: readonly string[]): string {
  const env = { PATH: process.env['PATH'], HOME: directory, GIT_CONFIG_NOSYSTEM: '1', ...identity };
  return execFileSync('git', ['-C', directory, ...argv], { env, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Repositories that `git daemon` serves on the loopback interface. */
export interface GitServer {
  readonly url: (name: string) => string;
  /** Adds a commit to a repository, which is made if it does not exist, and returns its id. */
  readonly commit: (name: string, files: Readonly<Record<string, CommittedFile>>, tag?: string) => string;
  readonly git: (name: string, ...argv: readonly string[]) => string;
  readonly stop: () => void;
}

/** A server for all tests of a file, in a directory of its own that is gone with it. For the top of a file. */
export function keepGitServer(): { readonly scratch: string; readonly server: () => GitServer } {
  const scratch = mkdtempSync(path.join(tmpdir(), 'git-server-'));
  let server: GitServer | undefined;
  beforeAll(async () => {
    server = await startGitServer(path.join(scratch, 'served'));
  });
  afterAll(() => {
    server?.stop();
    rmSync(scratch, { recursive: true });
  });
  return {
    scratch,
    server: () => {
      if (server === undefined) throw new Error('no test has begun');
      return server;
    },
  };
}

async function startGitServer(root: string): Promise<GitServer> {
  mkdirSync(root, { recursive: true });
  const port = await freePort();
  const daemon = spawn(
    'git',
    [
      'daemon',
      '--export-all',
      `--base-path=${root}`,
      '--listen=127.0.0.1',
      `--port=${String(port)}`,
      '--reuseaddr',
      root,
    ],
    { stdio: 'ignore', detached: true },
  );
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries > 200 || daemon.exitCode !== null) throw new Error('git daemon does not answer');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url: (name) => `git://127.0.0.1:${String(port)}/${name}`,
    commit: (name, files, tag) => {
      const directory = path.join(root, name);
      mkdirSync(directory, { recursive: true });
      git(directory, 'init', '--quiet', '--initial-branch=main');
      for (const [file, content] of Object.entries(files)) write(directory, file, content);
      git(directory, 'commit', '--quiet', '--allow-empty', '--message=one');
      if (tag !== undefined) git(directory, 'tag', '--annotate', '--message=tag', tag);
      return git(directory, 'rev-parse', 'HEAD');
    },
    git: (name, ...argv) => git(path.join(root, name), ...argv),
    stop: () => {
      if (daemon.pid !== undefined) process.kill(-daemon.pid, 'SIGKILL');
    },
  };
}

function write(directory: string, file: string, content: CommittedFile): void {
  const place = path.join(directory, file);
  rmSync(place, { force: true });
  if (typeof content === 'object' && 'submodule' in content) {
    git(directory, 'update-index', '--add', '--cacheinfo', `160000,${content.submodule},${file}`);
    return;
  }
  mkdirSync(path.dirname(place), { recursive: true });
  if (typeof content === 'string') writeFileSync(place, content);
  else if (content !== undefined && 'link' in content) symlinkSync(content.link, place);
  else if (content !== undefined) {
    writeFileSync(place, content.executable);
    chmodSync(place, 0o755);
  }
  git(directory, ...(content === undefined ? ['rm', '--quiet', file] : ['add', '--force', file]));
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
