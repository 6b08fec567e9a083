import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChannelAddress } from '../../src/guest/connect.ts';
import { opensshPrivateKey, publicKeyBlob, type Ed25519Key } from '../../src/guest/keys.ts';
import { channelContract } from './contract.ts';
import { startFakeServer, type FakeServer } from './fake-server.ts';
import { connected, runOn, watch } from './rig.ts';

function key(): Ed25519Key {
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { seed: Buffer.from(d, 'base64url'), publicKey: Buffer.from(x, 'base64url') };
}

const [host, client] = [key(), key()];
let server: FakeServer;

function address(): ChannelAddress {
  return {
    port: server.port,
    hostKey: publicKeyBlob(host).toString('base64'),
    clientKey: opensshPrivateKey(client, randomBytes(4)),
  };
}

beforeAll(async () => {
  server = await startFakeServer({
    hostKey: opensshPrivateKey(host, randomBytes(4)),
    clientKey: publicKeyBlob(client),
    intercept: (line, channel) => {
      if (!line.includes('vanish')) return false;
      channel.close();
      return true;
    },
  });
});

afterAll(() => server.close());

channelContract('a command channel to a stand-in', address);

describe('what goes wrong', () => {
  test('a connection that ends takes the command with it, with what it had written', async () => {
    const connection = await connected(address());
    const command = watch(connection, ['sh', '-c', 'echo begun; exec sleep 1000']);
    await command.until('begun');
    connection.destroy();
    expect(await command.ended).toEqual({ kind: 'lost' });
    expect((await runOn(connection, ['true'])).end).toEqual({ kind: 'lost' });
  });

  test('a command without an exit status', async () => {
    const connection = await connected(address());
    expect((await runOn(connection, ['vanish'])).end).toEqual({ kind: 'lost' });
    connection.end();
  });

  test('a command that is longer than Linux accepts', async () => {
    const connection = await connected(address());
    const { end } = await runOn(connection, ['echo', 'x'.repeat(131_072)]);
    expect(end).toEqual({ kind: 'refused', detail: 'it is longer than 131071 bytes' });
    connection.end();
  });
});
