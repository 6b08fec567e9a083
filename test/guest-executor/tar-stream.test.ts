import { writeFileSync } from 'node:fs';
import { mkdir, lstat, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { list } from 'tar';
import { expect, test } from 'vitest';
import { tarStream, type ArchiveEntry } from '../../src/guest-executor/tar-stream.ts';
import { unpack } from '../../src/sources/unpack.ts';
import { temporaryDirectory } from '../store/temporary-store.ts';

async function archive(entries: readonly ArchiveEntry[], file: string): Promise<void> {
  const pieces: Uint8Array[] = [];
  for await (const piece of tarStream(entries, 1_700_000_000)) pieces.push(piece);
  await writeFile(file, Buffer.concat(pieces));
}

test('an archive has what its entries say, long and odd names and large files too', async () => {
  const place = await temporaryDirectory();
  const large = path.join(place, 'large');
  writeFileSync(large, Buffer.alloc(3_000_001, 'x'));
  const long = `${'d'.repeat(120)}/${'e'.repeat(130)}`;
  const target = `../${'t'.repeat(200)}`;
  await archive(
    [
      { kind: 'directory', path: 'top' },
      { kind: 'file', path: 'top/empty', executable: false, content: new Uint8Array() },
      { kind: 'file', path: 'top/run', executable: true, content: Buffer.from('#!/bin/sh\n') },
      { kind: 'file', path: `top/${long}`, executable: false, content: large },
      { kind: 'file', path: 'top/häß lich', executable: false, content: Buffer.alloc(512, 'y') },
      { kind: 'symlink', path: 'top/link', target },
      { kind: 'file', path: 'top/last', executable: false, content: Buffer.from('end') },
    ],
    path.join(place, 'a.tar'),
  );
  const into = path.join(place, 'into');
  await mkdir(into);
  const request = { archive: path.join(place, 'a.tar'), name: 'a.tar', into, anyLinks: true };
  const unpacked = await unpack(request);
  if (!unpacked.ok) throw new Error(JSON.stringify(unpacked.failure));
  const at = (name: string) => path.join(unpacked.value, name);
  expect(await readFile(at('empty'), 'utf8')).toBe('');
  expect((await lstat(at('run'))).mode & 0o111).toBe(0o111);
  expect((await readFile(at(long))).length).toBe(3_000_001);
  expect((await readFile(at('häß lich'))).length).toBe(512);
  expect(await readlink(at('link'))).toBe(target);
  expect(await readFile(at('last'), 'utf8')).toBe('end');
  const times = new Set<number | undefined>();
  await list({ file: path.join(place, 'a.tar'), onReadEntry: ({ mtime }) => times.add(mtime?.getTime()) });
  expect([...times]).toEqual([1_700_000_000_000]);
});

test('links out of the tree are refused unless they are allowed', async () => {
  const place = await temporaryDirectory();
  const file = path.join(place, 'a.tar');
  await archive(
    [
      { kind: 'symlink', path: 'one', target: '/etc' },
      { kind: 'file', path: 'two', executable: false, content: Buffer.from('') },
    ],
    file,
  );
  const into = path.join(place, 'into');
  await mkdir(into);
  expect(await unpack({ archive: file, name: 'a.tar', into })).toMatchObject({
    ok: false,
    failure: { reason: 'hostile-archive', entry: 'one' },
  });
});
