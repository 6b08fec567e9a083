import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { failureText } from '../../src/report/failure-text.ts';
import { checkPatches } from '../../src/repository/check-patches.ts';
import { loadRepository } from '../../src/repository/load-inputs.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

function repository(...files: readonly string[]): string {
  const root = temporaryDirectory();
  for (const file of files) {
    mkdirSync(dirname(join(root, 'patches', file)), { recursive: true });
    writeFileSync(join(root, 'patches', file), '');
  }
  return root;
}

const pinned = [
  { name: 'busybox', version: '1.37.0' },
  { name: 'musl', version: '1.2.5' },
  { name: 'musl', version: '1.2.6' },
  { name: 'gcc', version: '14.2.0' },
];

async function faultsOf(root: string): Promise<readonly string[]> {
  const checked = await checkPatches(root, pinned);
  if (checked.ok) return [];
  if (checked.failure.reason !== 'bad-input') throw new Error(checked.failure.reason);
  return checked.failure.faults.map(({ field, message }) => `${field} ${message}`);
}

describe('checkPatches', () => {
  it('takes patches of pinned versions, and what people put beside them', async () => {
    const root = repository(
      'musl/1.2.5/0001-a.patch',
      'musl/1.2.6/0001-a.patch',
      'musl/1.2.5/README.md',
      'musl/README',
      'README',
      'musl/1.2.5/.swp',
      'gcc/14.2.0/0001-b.patch~',
    );
    expect(await faultsOf(root)).toEqual([]);
    expect(await faultsOf(temporaryDirectory())).toEqual([]);
  });

  it('names what would never be applied, all of it', async () => {
    const root = repository(
      '0001-a.patch',
      'musl/0001-a.patch',
      'musl/1.2.5/1-a.patch',
      'musl/1.2.5/0001-a.diff',
      'musl/1.2.5/old/0001-a.patch',
      'musl/1.2.4/0001-a.patch',
      'gcc/0001-a.patch',
      'x/y',
    );
    symlinkSync('0001-b.patch', join(root, 'patches/musl/1.2.5/0002-b.patch'));
    expect(await faultsOf(root)).toEqual([
      '0001-a.patch is not a directory; patches belong in patches/SOURCE/VERSION',
      'gcc/0001-a.patch belongs to a version: move it to gcc/14.2.0',
      'musl/0001-a.patch belongs to a version: move it to musl/1.2.5 or musl/1.2.6',
      'musl/1.2.4 names no version of musl in sources.lock, which has 1.2.5, 1.2.6',
      'musl/1.2.5/0001-a.diff is not named NNNN-name.patch and would not be applied',
      'musl/1.2.5/0002-b.patch is not a regular file and would not be applied',
      'musl/1.2.5/1-a.patch is not named NNNN-name.patch and would not be applied',
      'musl/1.2.5/old is not a regular file and would not be applied',
      'x names no source of sources.lock',
    ]);
  });

  it('says which source was perhaps meant', async () => {
    const checked = await checkPatches(repository('busibox/0001-a.patch'), pinned);
    expect(checked.ok ? '' : failureText(checked.failure)).toContain(
      'patches: busibox: names no source of sources.lock; did you mean busybox?',
    );
  });

  it('is asked whenever the repository is read', async () => {
    const root = repository('busibox/0001-a.patch');
    copyFileSync(fileURLToPath(new URL('../../sources.lock', import.meta.url)), join(root, 'sources.lock'));
    expect(await loadRepository(root)).toMatchObject({
      ok: false,
      failure: { reason: 'bad-input', file: 'patches', faults: [{ field: 'busibox' }] },
    });
  });
});
