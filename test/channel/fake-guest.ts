/**
 * Stands in for an emulator with its guest: takes keys and port as run-emulator.sh does, and is a command channel. What else
 * it does is in $FAKE_GUEST: `dies`, `hangs`, or nothing.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { opensshPrivateKey } from '../../src/guest/keys.ts';
import { startFakeServer } from './fake-server.ts';

console.log(
  `Booting with memory=${process.env['QEMU_MEMORY'] ?? ''} share=${process.env['GUEST_SHARE'] ?? ''}`,
);
const mode = process.env['FAKE_GUEST'];
if (mode === 'dies') {
  console.error('Kernel panic - not syncing: nothing to do');
  process.exit(3);
}
if (mode === 'hangs') setInterval(() => undefined, 1000);
else {
  const disk = readFileSync(process.env['GUEST_KEYS'] ?? '');
  // Both files fit into a block behind their header.
  const hostKey = disk.subarray(512, 512 + 83);
  const line = disk.subarray(3 * 512, 4 * 512).toString('latin1');
  await startFakeServer({
    hostKey: opensshPrivateKey(
      { seed: hostKey.subarray(19, 51), publicKey: hostKey.subarray(51, 83) },
      randomBytes(4),
    ),
    clientKey: Buffer.from(line.split(' ')[1] ?? '', 'base64'),
    port: Number(process.env['GUEST_SSH_PORT']),
    intercept: (command) => {
      // What ends a guest must never be run by a real machine.
      if (command.includes('reboot')) process.exit(0);
      return false;
    },
  });
}
