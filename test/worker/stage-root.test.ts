import { readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createMemoryCache } from '../../src/executor/action-service.ts';
import type { DirectoryMessage } from '../../src/store/directory-message.ts';
import { encodeDirectory } from '../../src/store/directory-message.ts';
import { stageRoot } from '../../src/worker/stage-root.ts';
import { sampleDigest } from '../plan/sample.ts';
import { temporaryDirectory, testEpoch } from '../store/temporary-store.ts';

const empty: DirectoryMessage = { files: [], directories: [], symlinks: [] };

describe('a staged root', () => {
  test('has files, links and directories of messages, at one time', async () => {
    const [blobs, place] = [createMemoryCache(), await temporaryDirectory()];
    const [text, program] = [await blobs.put(Buffer.from('text')), await blobs.put(Buffer.from('run me'))];
    const below = await blobs.put(
      encodeDirectory({ ...empty, files: [{ name: 'program', digest: program, executable: true }] }),
    );
    const kernel = await blobs.put(encodeDirectory(empty));
    const root = await blobs.put(
      encodeDirectory({
        files: [{ name: 'file', digest: text, executable: false }],
        directories: [
          { name: 'bin', digest: below },
          { name: 'dev', digest: kernel },
          { name: 'same', digest: below },
        ],
        symlinks: [{ name: 'link', target: '../anywhere' }],
      }),
    );
    await stageRoot(root, place, blobs, testEpoch);
    expect((await readdir(place)).sort()).toEqual(['bin', 'file', 'link', 'same']);
    expect(await readFile(join(place, 'same/program'), 'utf8')).toBe('run me');
    expect(await readlink(join(place, 'link'))).toBe('../anywhere');
    for (const [path, mode] of [
      ['file', 0o644],
      ['bin/program', 0o755],
      ['bin', 0o755],
    ] as const) {
      const found = await stat(join(place, path));
      expect([found.mode & 0o777, found.mtimeMs]).toEqual([mode, testEpoch * 1000]);
    }
  });

  test('is refused if a message or a blob is missing or malformed', async () => {
    const [blobs, place] = [createMemoryCache(), await temporaryDirectory()];
    await expect(stageRoot(sampleDigest('a'), place, blobs, 0)).rejects.toThrow('is missing');
    const noise = await blobs.put(Buffer.from('no directory'));
    await expect(stageRoot(noise, place, blobs, 0)).rejects.toThrow('is not a Directory message');
    const lost = encodeDirectory({
      ...empty,
      files: [{ name: 'x', digest: sampleDigest('b'), executable: false }],
    });
    await expect(stageRoot(await blobs.put(lost), place, blobs, 0)).rejects.toThrow('is missing');
  });

  test('writes nowhere else, whatever a root has at /dev and /proc', async () => {
    const [blobs, place, outside] = [
      createMemoryCache(),
      await temporaryDirectory(),
      await temporaryDirectory(),
    ];
    await writeFile(join(outside, 'kept'), '');
    const file = { name: 'null', digest: await blobs.put(Buffer.from('x')), executable: false };
    const filled = await blobs.put(encodeDirectory({ ...empty, files: [file] }));
    for (const root of [
      { ...empty, symlinks: [{ name: 'dev', target: outside }] },
      { ...empty, directories: [{ name: 'proc', digest: filled }] },
      { ...empty, files: [{ ...file, name: 'dev' }] },
    ]) {
      const digest = await blobs.put(encodeDirectory(root));
      await expect(stageRoot(digest, place, blobs, 0)).rejects.toThrow('/dev or /proc');
    }
    expect(await readdir(place)).toEqual([]);
    expect(await readdir(outside)).toEqual(['kept']);
  });
});
