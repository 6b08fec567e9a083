import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { attachmentVariables, type WantedAttachments } from '../../src/guest/attachments.ts';
import { checkArch } from '../../src/inputs/arch-schema.ts';
import { sampleArch } from '../inputs/sample-arch.ts';
import { temporaryDirectory } from '../store/temporary-store.ts';

const arch = checkArch(sampleArch, 'arches/sample.ts');
if (!arch.ok) throw new Error(JSON.stringify(arch.failure));
const { limit = 0 } = arch.value.emulator.memory;

const attach = (wanted: WantedAttachments, environment = {}) =>
  attachmentVariables(arch.value, wanted, environment);

describe('attachments of a guest', () => {
  it('become variables of run-emulator.sh, and a missing disk is created', async () => {
    const directory = await temporaryDirectory();
    const disk = path.join(directory, 'disk');
    const wanted = {
      memory: limit,
      share: { path: directory, name: '.' },
      home: { path: disk, name: 'disk' },
    };
    expect(await attach(wanted)).toEqual({
      ok: true,
      value: { QEMU_MEMORY: String(limit), GUEST_SHARE: directory, GUEST_HOME: disk },
    });
    expect(statSync(disk)).toMatchObject({ size: 4 * 1024 ** 3, mode: 0o100600 });
  });

  it('name the option at fault if they are impossible', async () => {
    const directory = await temporaryDirectory();
    const file = path.join(directory, 'file');
    writeFileSync(file, '');
    const named = (name: string) => ({ path: path.join(directory, name), name });
    const bad = (option: string, value: string) => ({
      ok: false,
      failure: { reason: 'bad-option', option, value },
    });
    const more = String(limit + 1);
    expect(await attach({ memory: limit + 1 })).toMatchObject(bad('--memory', more));
    expect(await attach({}, { QEMU_MEMORY: more })).toMatchObject(bad(`QEMU_MEMORY=${more}`, ''));
    for (const name of ['none', 'file'])
      expect(await attach({ share: named(name) })).toMatchObject(bad('--share', name));
    for (const name of ['.', 'none/disk'])
      expect(await attach({ home: named(name) })).toMatchObject(bad('--home', name));
  });
});
