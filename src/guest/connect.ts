import { Client } from 'ssh2';
import { errorCode } from '../core/fault.ts';
import { loopback } from './ports.ts';

/** Parameters for connecting to a guest's command channel. */
export interface ChannelAddress {
  readonly port: number;
  /** Public key that the guest must present, base64. */
  readonly hostKey: string;
  /** Our private key, in OpenSSH's format. */
  readonly clientKey: string;
}

/** Why there is no connection. */
export interface ConnectFault {
  readonly reason:
    /** Nothing listens, or the listener closed the connection: perhaps not ready yet, perhaps already gone. */
    | 'no-answer'
    /** Another program listens on the port. */
    | 'wrong-host-key'
    /** The guest rejects our key. */
    | 'key-refused'
    | 'timeout';
  readonly detail: string;
}

export type Connected =
  { readonly ok: true; readonly value: Client } | { readonly ok: false; readonly failure: ConnectFault };

/**
 * The only algorithms that both sides support, so that an attacker cannot negotiate weaker ones. chacha20 first,
 * because emulated processors have no AES instructions.
 */
const algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['chacha20-poly1305@openssh.com', 'aes256-ctr'],
  hmac: ['hmac-sha2-256'],
  compress: ['none'],
} as const;

/** A guest that compiles and swaps may not respond for minutes; a stopped one never does. */
const keepalive = { keepaliveInterval: 30_000, keepaliveCountMax: 10 };

/** Connects as root, only to a server that has the host key made for this boot. The caller closes the client. */
export function connect(address: ChannelAddress, milliseconds: number): Promise<Connected> {
  const client = new Client();
  let stranger = false;
  return new Promise((resolve) => {
    const fail = (failure: ConnectFault): void => {
      client.destroy();
      resolve({ ok: false, failure });
    };
    client.on('ready', () => {
      // Requests are small and wait for each other.
      client.setNoDelay(true);
      resolve({ ok: true, value: client });
    });
    // Stays for the life of the connection: later errors are reported to its user by the connection's end.
    client.on('error', (error) => fail({ reason: reasonOf(error, stranger), detail: error.message }));
    client.on('close', () => fail({ reason: 'no-answer', detail: 'the connection was closed' }));
    client.connect({
      host: loopback,
      port: address.port,
      username: 'root',
      privateKey: address.clientKey,
      authHandler: ['publickey'],
      hostVerifier: (key: Buffer) => {
        stranger = key.toString('base64') !== address.hostKey;
        return !stranger;
      },
      algorithms: {
        kex: [...algorithms.kex],
        serverHostKey: [...algorithms.serverHostKey],
        cipher: [...algorithms.cipher],
        hmac: [...algorithms.hmac],
        compress: [...algorithms.compress],
      },
      readyTimeout: milliseconds,
      ...keepalive,
    });
  });
}

function reasonOf(error: Error & { readonly level?: string }, stranger: boolean): ConnectFault['reason'] {
  if (stranger) return 'wrong-host-key';
  if (error.level === 'client-authentication') return 'key-refused';
  return error.level === 'client-timeout' || errorCode(error) === 'ETIMEDOUT' ? 'timeout' : 'no-answer';
}
