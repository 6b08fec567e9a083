import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sources, type Way } from './distcc-calls.ts';

const compilers = ['gcc', 'g++', 'cc', 'c++'];
/** What looks up names: the machine's own compiler, beside all that it runs. */
const machine = '/usr/bin:/bin';

/** What a shell command left and said. */
export interface Left {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Names to modes and contents. */
  readonly files: Readonly<Record<string, string>>;
}

/** A client and a server on this machine, with the machine's compiler behind both. */
export interface DistccRig {
  /** Runs a command with the compiler alone. */
  readonly alone: (command: string) => Left;
  /** Runs a command by way of distcc, in the same directory, as it was at first. */
  readonly behind: (command: string) => Left & { readonly way: Way };
  readonly end: () => void;
}

/** @param programs directory with `distcc` and `distccd`. */
export async function distccRig(programs: string): Promise<DistccRig> {
  const place = mkdtempSync(path.join(tmpdir(), 'distcc-'));
  const at = (name: string) => path.join(place, name);
  // The server of a root is somebody else, who has to get there.
  chmodSync(place, 0o755);
  for (const name of ['local', 'client', 'server', 'state']) mkdirSync(at(name));
  mkdirSync(at('temporary'));
  chmodSync(at('temporary'), 0o777);
  for (const name of compilers) {
    symlinkSync(path.join(programs, 'distcc'), at(`client/${name}`));
    symlinkSync(`/usr/bin/${name}`, at(`server/${name}`));
    writeFileSync(
      at(`local/${name}`),
      `#!/bin/sh\necho "$*" >>'${at('ran')}'\nexec /usr/bin/${name} "$@"\n`,
      { mode: 0o755 },
    );
  }
  // The machine's compiler finds its assembler by PATH, where the server has nothing but these.
  symlinkSync('/usr/bin/as', at('server/as'));
  const port = await freePort();
  const server = serve([
    path.join(programs, 'distccd'),
    ...[
      '--daemon',
      '--no-detach',
      '--programs',
      at('server'),
      '--listen',
      '127.0.0.1',
      '--allow',
      '127.0.0.1',
    ],
    ...['--port', String(port), '--jobs', '2', '--log-file', at('temporary/log'), '--user', 'nobody'],
  ]);
  for (let tries = 0; tries < 100 && !logged(at('temporary/log')).includes('listening on'); tries += 1) {
    await sleep(50);
  }

  function run(command: string, env: Readonly<Record<string, string>>): Left {
    const directory = at('work');
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(path.join(directory, 'sub'), { recursive: true });
    for (const [name, text] of Object.entries(sources)) {
      writeFileSync(path.join(directory, name), text, 'latin1');
    }
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
      cwd: directory,
      env: { LC_ALL: 'C', TMPDIR: at('temporary'), HOME: place, PWD: directory, ...env },
      encoding: 'latin1',
    });
    return { status, stdout: plain(stdout), stderr: plain(stderr), files: filesIn(directory) };
  }

  /** Without the names of temporary files. */
  const plain = (text: string) => text.replaceAll(/\/temporary\/cc\w{6}/g, '/temporary/cc');

  return {
    alone: (command) => run(command, { PATH: `${at('local')}:${machine}` }),
    behind: (command) => {
      rmSync(at('ran'), { force: true });
      rmSync(at('client.log'), { force: true });
      const left = run(command, {
        PATH: `${at('client')}:${at('local')}:${machine}`,
        DISTCC_HOSTS: `127.0.0.1:${port}/2`,
        DISTCC_LOG: at('client.log'),
        DISTCC_VERBOSE: '1',
        DISTCC_DIR: at('state'),
      });
      const there = logged(at('client.log')).match(/bytes from .* compiled on 127/g)?.length ?? 0;
      const here = logged(at('ran'))
        .split('\n')
        .filter((line) => line !== '' && !/-E .*-fdirectives-only$/.test(line)).length;
      return { ...left, way: there === 0 ? 'local' : here === 0 ? 'remote' : 'again' };
    },
    end: () => {
      server.kill('SIGTERM');
      rmSync(place, { recursive: true, force: true });
    },
  };
}

function serve([program = '', ...argv]: readonly string[]): ChildProcess {
  return spawn(program, argv, { env: { PATH: machine, TMPDIR: tmpdir() }, stdio: 'ignore' });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.on('error', reject).listen(0, '127.0.0.1', () => {
      const address = listener.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      listener.close(() => resolve(port));
    });
  });
}

function logged(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function filesIn(directory: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => {
        const file = path.join(directory, name);
        const facts = lstatSync(file);
        const text = facts.isSymbolicLink()
          ? readlinkSync(file)
          : facts.isFile()
            ? readFileSync(file, 'latin1')
            : '';
        return [name, `${facts.mode.toString(8)} ${facts.nlink} ${text}`];
      }),
  );
}
