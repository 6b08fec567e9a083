import { execFile } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { withoutOverride } from '../executor/processes.ts';
import { scriptArguments } from '../script.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

const script = path.join(import.meta.dirname, 'prepare-child.ts');

/** What preparing an output directory of this mode says, to a user who may do no more than that. */
async function prepare(mode: number): Promise<unknown> {
  const directory = temporaryDirectory();
  chmodSync(directory, mode);
  const [program = '', ...words] = [
    ...withoutOverride,
    process.execPath,
    ...scriptArguments(script, directory),
  ];
  const { stdout } = await promisify(execFile)(program, words);
  chmodSync(directory, 0o700);
  expect(readdirSync(directory)).toEqual([]);
  return { directory, said: JSON.parse(stdout) as unknown };
}

test('a directory that can be written to but not read is refused before a build', async () => {
  expect(await prepare(0o300)).toMatchObject({
    said: {
      ok: false,
      failure: { reason: 'unreadable-user-file', what: 'the output directory', code: 'EACCES' },
    },
  });
});

test('so is one that can be read but not written to', async () => {
  expect(await prepare(0o500)).toMatchObject({ said: { ok: false, failure: { reason: 'unwritable' } } });
});

test('one that can be both is not', async () => {
  expect(await prepare(0o700)).toMatchObject({ said: { ok: true } });
});
