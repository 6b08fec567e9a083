import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runUserPrograms } from '../../src/image-test/test-programs.ts';
import { temporaryDirectory } from '../cli/rig.ts';
import { writeSketch } from '../store/sketch.ts';

/** An emulator that prints what is in the program: its last argument. */
const emulator = '#!/bin/sh\nfor program; do :; done\nexec cat "$program"\n';

const file = (text: string) => ({ bytes: Buffer.from(text), executable: false });

test('programs are run as they were read, and nothing that a link in their tree leads to', async () => {
  const directory = temporaryDirectory();
  const program = path.join(directory, 'emulator');
  writeFileSync(program, emulator, { mode: 0o755 });
  writeFileSync(path.join(directory, 'secret'), 'right');
  const tree = path.join(directory, 'tree');
  await writeSketch(tree, {
    'static/good': 'right',
    'dynamic/good': 'right',
    'static/wrong': 'wrong',
    'static/linked': { link: path.join(directory, 'secret') },
  });
  const names = ['static/good', 'dynamic/good', 'static/wrong'];
  const said = await runUserPrograms({
    program,
    cross: { directory: tree, files: new Map(names.map((name) => [name, file('')])) },
    expected: new Map(['good', 'wrong', 'linked'].map((name) => [name, file('right')])),
    names: ['good', 'wrong', 'linked', 'unknown'],
    limitSeconds: 60,
    signal: new AbortController().signal,
  });
  expect(Object.fromEntries(said)).toEqual({
    'user:good': { state: 'passed', detail: 'static, dynamic' },
    'user:wrong': {
      state: 'failed',
      detail: "static: line 1: 'right' is expected, 'wrong' was printed",
    },
    'user:linked': { state: 'failed', detail: 'static: it was not built' },
    'user:unknown': { state: 'failed', detail: 'it is not known what it has to print' },
  });
});
