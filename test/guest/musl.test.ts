import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository, runProgram } from '../real/built.ts';
import { expectGuest } from '../real/guest.ts';
import { image, target, unpackedCrossCompiler } from './unpacked.ts';

// Each is a program that fails, or is ended, in a C library that has its fault.
const sources = `${repository}/target/tests/musl`;
const names = readdirSync(sources).map((file) => file.replace(/\.c$/, ''));

const place = mkdtempSync(join(tmpdir(), 'guest-musl-'));
let compiler: string;

beforeAll(async () => {
  compiler = await unpackedCrossCompiler(place);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

test.each(names)('in the guest, musl does not have the fault that %s.c looks for', async (name) => {
  const gcc = join(compiler, 'bin', `${target}-gcc`);
  const made = await runProgram([gcc, '-O2', '-Wall', `${sources}/${name}.c`, '-o', join(place, name)]);
  expect(made).toMatchObject({ exitCode: 0, stderr: '' });
  const { output } = await expectGuest({
    imageDirectory: image,
    files: { [name]: join(place, name) },
    script: `./${name} && echo good`,
    timeLimitSeconds: 3600,
  });
  expect(output).toMatch(/good\n$/);
});
