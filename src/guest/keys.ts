import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Header } from 'tar';

/** An ed25519 key: RFC 8032's secret and public key, 32 bytes each. */
export interface Ed25519Key {
  readonly seed: Buffer;
  readonly publicKey: Buffer;
}

/** The keys of a guest's command channel, made for one boot. */
export interface ChannelKeys {
  /** Private key of our side, in the format that OpenSSH and ssh2 read. */
  readonly clientKey: string;
  /** Public key that the guest must present, in the format of RFC 4253. */
  readonly hostKey: Buffer;
  /** Tar archive for the guest: what run-emulator.sh attaches as the disk `keys`. */
  readonly disk: Buffer;
}

/** Names in the tar archive of `ChannelKeys.disk`; `target/init` and the guest's server know them. */
const keyFiles = { hostKey: 'host-key', authorizedKeys: 'authorized_keys' } as const;

const keyType = 'ssh-ed25519';

/**
 * Makes new keys for both sides: only the holder of `clientKey` is admitted, and only by the machine that has the disk.
 */
export function makeChannelKeys(): ChannelKeys {
  const [client, host] = [generateKey(), generateKey()];
  return {
    clientKey: opensshPrivateKey(client, randomBytes(4)),
    hostKey: publicKeyBlob(host),
    disk: archive({
      [keyFiles.hostKey]: dropbearPrivateKey(host),
      [keyFiles.authorizedKeys]: Buffer.from(`${publicKeyLine(client)}\n`),
    }),
  };
}

function generateKey(): Ed25519Key {
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (x === undefined || d === undefined) throw new Error('node made an ed25519 key without its numbers');
  return { seed: Buffer.from(d, 'base64url'), publicKey: Buffer.from(x, 'base64url') };
}

/** RFC 4251's string: its length in four bytes, then its bytes. */
function sshString(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes);
  return Buffer.concat([uint32(content.length), content]);
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** A public key in wire format (RFC 8709). */
export function publicKeyBlob(key: Ed25519Key): Buffer {
  return Buffer.concat([sshString(keyType), sshString(key.publicKey)]);
}

/** A public key as a line of `authorized_keys`, without a newline. */
export function publicKeyLine(key: Ed25519Key): string {
  return `${keyType} ${publicKeyBlob(key).toString('base64')} bootstrap`;
}

/** A private key in dropbear's file format. */
export function dropbearPrivateKey(key: Ed25519Key): Buffer {
  return Buffer.concat([sshString(keyType), sshString(Buffer.concat([key.seed, key.publicKey]))]);
}

/**
 * A private key in OpenSSH's format (its PROTOCOL.key), without a passphrase.
 *
 * @param check any four bytes; they are written twice, so that readers can detect successful decryption.
 */
export function opensshPrivateKey(key: Ed25519Key, check: Buffer): string {
  const secret = Buffer.concat([
    check,
    check,
    sshString(keyType),
    sshString(key.publicKey),
    sshString(Buffer.concat([key.seed, key.publicKey])),
    sshString('bootstrap'),
  ]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (secret.length % 8)) % 8);
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(sshString),
    uint32(1),
    sshString(publicKeyBlob(key)),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}

/** A tar archive of files that only root may read, in whole 512-byte blocks, as a disk requires. */
function archive(files: Readonly<Record<string, Buffer>>): Buffer {
  const members = Object.entries(files).map(([path, content]) => {
    const header = Buffer.alloc(512);
    new Header({
      path,
      mode: 0o600,
      uid: 0,
      gid: 0,
      size: content.length,
      mtime: new Date(0),
      type: 'File',
    }).encode(header);
    return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
  });
  return Buffer.concat([...members, Buffer.alloc(1024)]);
}
