import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
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
    env: { PATH: process.env['PATH'], SHELL: '/bin/sh' },
  });
  child.stdin.on('error', () => undefined);
  channel.on('error', () => undefined);
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  const finish = (code: number | null, signal: string | null): void => {
    // What a full window holds back of the errors would be lost with the channel.
    if (channel.stderr.writableLength > 0 && !channel.destroyed) {
      setTimeout(() => finish(code, signal), 5);
      return;
    }
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal.replace(/^SIG/, ''));
    channel.end();
  };
  child.on('close', finish);
  return child.pid;
}
