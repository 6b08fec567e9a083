import { Client } from 'ssh2';
import { errorCode } from '../core/fault.ts';
import { loopback } from './ports.ts';

/** What it takes to reach a guest's command channel. */
export interface ChannelAddress {
  readonly port: number;
  /** Public key that the guest has to show, base64. */
  readonly hostKey: string;
  /** Our private key, in OpenSSH's format. */
  readonly clientKey: string;
}

/** Why there is no connection. */
export interface ConnectFault {
  readonly reason:
    /** Nobody listens, or whoever did has hung up: perhaps not yet, perhaps no more. */
    | 'no-answer'
    /** Someone else listens on the port. */
    | 'wrong-host-key'
    /** The guest does not take our key. */
    | 'key-refused'
    | 'timeout';
  readonly detail: string;
}

export type Connected =
  { readonly ok: true; readonly value: Client } | { readonly ok: false; readonly failure: ConnectFault };

/**
 * What both sides are built for, and nothing else: an attacker finds no weaker offer to agree on. chacha20 first: processors
 * that are emulated have no instructions for AES.
 */
const algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519'],
  cipher: ['chacha20-poly1305@openssh.com', 'aes256-ctr'],
  hmac: ['hmac-sha2-256'],
  compress: ['none'],
} as const;

/** A guest that compiles and swaps may be silent for minutes; one that is stopped is so for ever. */
const keepalive = { keepaliveInterval: 30_000, keepaliveCountMax: 10 };

/** Connects as root, and only to who holds the host key that was made for this boot. The caller ends the client. */
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
    // Stays for the life of the connection: what goes wrong later, whoever uses it learns from its end.
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
