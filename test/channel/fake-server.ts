import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import ssh2, { type ServerChannel } from 'ssh2';

// Node finds only the first names of this CommonJS module.
const { Server, utils } = ssh2;

export interface FakeServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface FakeServerOptions {
  /** OpenSSH's format. */
  readonly hostKey: string;
  /** Public key that may come in, as it goes over the wire. */
  readonly clientKey: Buffer;
  /** 0 or undefined: any free one. */
  readonly port?: number;
  /** Is asked before each command; true: it was dealt with. */
  readonly intercept?: (line: string, channel: ServerChannel) => boolean;
}

/** Stands in for the server of a guest: commands are run by this machine's shell. */
export function startFakeServer(options: FakeServerOptions): Promise<FakeServer> {
  const clients = new Set<{ end(): void }>();
  const server = new Server({ hostKeys: [options.hostKey] }, (client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      if (context.method !== 'publickey' || !context.key.data.equals(options.clientKey)) {
        context.reject(['publickey']);
        return;
      }
      if (context.signature === undefined || context.blob === undefined) {
        context.accept();
        return;
      }
      const key = utils.parseKey(`ssh-ed25519 ${options.clientKey.toString('base64')}`);
      if (key instanceof Error) throw key;
      if (key.verify(context.blob, context.signature) === true) context.accept();
      else context.reject();
    });
    client.on('session', (accept) => {
      const session = accept();
      let group: number | undefined;
      // ssh2's server takes the end of the input for the end of the session and hears no signal after it.
      session.on('end', () => Object.assign(session, { _ending: false }));
      session.on('exec', (acceptCommand, _, { command }) => {
        const channel = acceptCommand();
        if (options.intercept?.(command, channel) === true) return;
        group = runCommand(command, channel);
      });
      session.on('signal', (acceptSignal, _, { name }) => {
        // A server must answer no request for a signal; ssh2 gives nothing to call then.
        acceptSignal?.();
        if (group !== undefined) process.kill(-group, `SIG${name}` as NodeJS.Signals);
      });
    });
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            for (const client of clients) client.end();
            server.close(() => closed());
          }),
      });
    });
  });
}

function runCommand(line: string, channel: ServerChannel): number | undefined {
  const child = spawn('/bin/sh', ['-c', line], {
    detached: true,
    stdio: 'pipe',
    env: { PATH: '/usr/bin:/bin', SHELL: '/bin/sh' },
  });
  child.stdin.on('error', () => undefined);
  channel.on('error', () => undefined);
  channel.pipe(child.stdin);
  const write = inTurn(channel);
  const passed = [
    passOn(child.stdout, (data) => write(channel, data)),
    passOn(child.stderr, (data) => write(channel.stderr, data)),
  ];
  child.on('close', (code, signal) => {
    void Promise.all(passed).then(() => {
      if (signal === null) channel.exit(code ?? 0);
      else channel.exit(signal.replace(/^SIG/, ''));
      channel.end();
    });
  });
  return child.pid;
}

/**
 * Writes one piece after the other, to whichever stream. ssh2's server forgets a stream that waits for the window while the
 * other waits too, and sends what stdout last held back a second time when it is stderr's turn.
 */
function inTurn(channel: ServerChannel): (stream: Writable, data: Buffer) => Promise<void> {
  let last = Promise.resolve();
  return (stream, data) => {
    last = last.then(
      () =>
        new Promise((resolve) => {
          Object.assign(channel, { _chunk: undefined, _chunkcb: undefined, _chunkErr: undefined });
          // A connection that has ended calls nobody back.
          channel.once('close', resolve);
          stream.write(data, () => {
            channel.off('close', resolve);
            resolve();
          });
        }),
    );
    return last;
  };
}

async function passOn(from: Readable, to: (data: Buffer) => Promise<void>): Promise<void> {
  for await (const data of from) await to(data as Buffer);
}
