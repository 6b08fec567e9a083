import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readElf } from '../../src/machine/elf.ts';
import { elfFile } from './elf-file.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'elf-test-'));
afterAll(() => rmSync(directory, { recursive: true }));

function facts(bytes: Uint8Array) {
  const file = path.join(directory, 'file');
  writeFileSync(file, bytes);
  return readElf(file);
}

test.each([
  [32, 'little', 40],
  [32, 'big', 8],
  [64, 'little', 243],
  [64, 'big', 22],
] as const)('an object of %d bits, %s endian', async (bits, byteOrder, machine) => {
  const object = { bits, byteOrder, machine };
  expect(await facts(elfFile(object))).toEqual({ ...object, dynamic: false });
});

test.each([
  [32, 'big'],
  [64, 'little'],
] as const)('a program of %d bits, %s endian, with its loader', async (bits, byteOrder) => {
  const program = { bits, byteOrder, machine: 8, interpreter: '/lib/ld.so.1' };
  expect(await facts(elfFile(program))).toEqual({ ...program, dynamic: false });
});

test('what is none', async () => {
  expect(await facts(Buffer.from('#!/bin/sh\n'))).toBeUndefined();
  expect(await facts(Buffer.alloc(200, 'x'))).toBeUndefined();
});
