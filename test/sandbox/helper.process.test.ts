import { execFile } from 'node:child_process';
import { appendFile, chmod, cp, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { obtainHelper } from '../../src/sandbox/helper.ts';
import { repositoryPath } from '../repository-path.ts';
import { openTestStore, temporaryDirectory } from '../store/temporary-store.ts';

const place = 'src/sandbox/enter';

/** A repository with nothing but the helper's sources. */
async function repositoryCopy(): Promise<string> {
  const copy = await temporaryDirectory();
  await mkdir(dirname(join(copy, place)), { recursive: true });
  await cp(join(repositoryPath, place), join(copy, place), { recursive: true });
  return copy;
}

it('compiles without warnings', async () => {
  const words = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-c', 'enter.c', 'lend.c', 'filter.c'];
  const copy = await repositoryCopy();
  await promisify(execFile)('gcc', words, { cwd: join(copy, place) });
});

it('is compiled once, and again when its sources change or it was damaged', async () => {
  const [store, repository] = [await openTestStore(), await repositoryCopy()];
  const programOf = async () => {
    const helper = await obtainHelper(store, repository);
    if (!helper.ok) throw new Error(JSON.stringify(helper.failure));
    return { path: helper.value, made: (await stat(helper.value)).ino };
  };
  const first = await programOf();
  expect(first.path.startsWith(join(store.root, 'trees'))).toBe(true);
  expect(await programOf()).toEqual(first);

  await appendFile(join(repository, place, 'enter.c'), '\nconst char marker[] = "another";\n');
  const second = await programOf();
  expect(second.path).not.toBe(first.path);

  await writeFile(second.path, 'damaged');
  // A store is opened anew by each run; what this one has read it does not read again.
  const helper = await obtainHelper(await openTestStore(store.root), repository);
  expect(helper).toEqual({ ok: true, value: second.path });
  await promisify(execFile)(second.path);
});

it('is not kept where others could replace it', async () => {
  const store = await openTestStore();
  await chmod(join(store.root, 'trees'), 0o777);
  const helper = await obtainHelper(store, repositoryPath);
  if (!helper.ok) throw new Error(JSON.stringify(helper.failure));
  expect(helper.value.startsWith(store.root)).toBe(false);
  const { uid, mode } = await stat(dirname(dirname(helper.value)));
  expect([uid, mode & 0o777]).toEqual([process.getuid?.(), 0o700]);
  await promisify(execFile)(helper.value);
});

it('reports what the compiler printed for a source that does not compile', async () => {
  const repository = await repositoryCopy();
  await appendFile(join(repository, place, 'filter.c'), '\nthis is no C\n');
  expect(await obtainHelper(await openTestStore(), repository)).toMatchObject({
    ok: false,
    failure: {
      reason: 'uncompilable-helper',
      detail: expect.stringMatching(/filter\.c:\d+:\d+: error: /) as string,
    },
  });
});
