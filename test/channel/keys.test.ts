import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { list } from 'tar';
import { describe, expect, test } from 'vitest';
import {
  dropbearPrivateKey,
  makeChannelKeys,
  opensshPrivateKey,
  publicKeyBlob,
  publicKeyLine,
} from '../../src/guest/keys.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

/** The first key of RFC 8032, section 7.1. dropbearkey, dropbearconvert and ssh-keygen read the files below as that key. */
const key = {
  seed: Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'),
  publicKey: Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'),
};

describe('formats of keys', () => {
  test('a line of authorized_keys', () => {
    expect(publicKeyLine(key)).toBe(
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea bootstrap',
    );
  });

  test('a private key of dropbear', () => {
    expect(dropbearPrivateKey(key).toString('base64')).toBe(
      'AAAAC3NzaC1lZDI1NTE5AAAAQJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
    );
  });

  test('a private key of OpenSSH', () => {
    expect(opensshPrivateKey(key, Buffer.from([1, 2, 3, 4]))).toBe(`-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGgAAAJABAgMEAQID
BAAAAAtzc2gtZWQyNTUxOQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg
AAAECdYbGd7/1aYLqESvSS7CzEREnFaXsyaRlwO6wDHK5/YNdamAGCsQq31Uv+08lkBzoO
4XLz2qYjJa8CGmj3B1EaAAAACWJvb3RzdHJhcAECAwQ=
-----END OPENSSH PRIVATE KEY-----
`);
  });
});

describe('keys for a boot', () => {
  test('form a disk of whole blocks with two files that only root may read', () => {
    const { disk } = makeChannelKeys();
    expect(disk.length % 512).toBe(0);
    const members = unpack(disk);
    expect(members.map(({ name, mode, uid }) => [name, mode, uid])).toEqual([
      ['host-key', 0o600, 0],
      ['authorized_keys', 0o600, 0],
    ]);
  });

  test('belong together: the disk admits our key, and the guest presents the one that we expect', () => {
    const keys = makeChannelKeys();
    const [host, authorized] = unpack(keys.disk);
    const ours = ssh2.utils.parseKey(keys.clientKey);
    if (ours instanceof Error) throw ours;
    expect(authorized?.content.toString()).toBe(
      `ssh-ed25519 ${ours.getPublicSSH().toString('base64')} bootstrap\n`,
    );
    const [seed, publicKey] = [host?.content.subarray(19, 51), host?.content.subarray(51, 83)];
    if (seed === undefined || publicKey === undefined) throw new Error('no host key');
    expect(host?.content).toEqual(dropbearPrivateKey({ seed, publicKey }));
    expect(keys.hostKey).toEqual(publicKeyBlob({ seed, publicKey }));
    const secret = createPrivateKey({
      key: { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: publicKey.toString('base64url') },
      format: 'jwk',
    });
    const said = Buffer.from('anything');
    expect(verify(null, said, createPublicKey(secret), sign(null, said, secret))).toBe(true);
  });

  test('are new each time', () => {
    const [one, other] = [makeChannelKeys(), makeChannelKeys()];
    expect(one.hostKey).not.toEqual(other.hostKey);
    expect(one.clientKey).not.toBe(other.clientKey);
  });
});

interface Member {
  readonly name: string;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly content: Buffer;
}

function unpack(disk: Buffer): readonly Member[] {
  const file = join(temporaryDirectory(), 'keys.tar');
  writeFileSync(file, disk);
  const members: { entry: Member; chunks: Buffer[] }[] = [];
  list({
    file,
    sync: true,
    onReadEntry: (entry) => {
      const chunks: Buffer[] = [];
      members.push({
        entry: { name: entry.path, mode: entry.mode, uid: entry.uid, content: Buffer.alloc(0) },
        chunks,
      });
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
    },
  });
  return members.map(({ entry, chunks }) => ({ ...entry, content: Buffer.concat(chunks) }));
}
