import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { limits, openSystem } from '../../src/repository/read-definitions.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { sampleDefinitions } from '../definitions/sample-definitions.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'definitions-'));
const root = path.join(scratch, 'set');
const file = path.join(root, 'systems/small.morph');

function put(relative: string, content: string | Uint8Array): void {
  mkdirSync(path.dirname(path.join(root, relative)), { recursive: true });
  writeFileSync(path.join(root, relative), content);
}

async function text(of = file): Promise<string> {
  const opened = await openSystem(of);
  return opened.ok ? opened.value.system.name : failureText(opened.failure);
}

beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  for (const [relative, content] of Object.entries(sampleDefinitions)) put(relative, content);
});
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

test('a stratum of another set is read with that set', async () => {
  const other = path.join(scratch, 'other');
  for (const [relative, content] of Object.entries(sampleDefinitions)) {
    mkdirSync(path.dirname(path.join(other, relative)), { recursive: true });
    writeFileSync(path.join(other, relative), content.replace('name: base\n', 'name: other\n'));
  }
  const heir = { replaced: 'strata/base.morph', file: path.join(other, 'strata/base.morph') };
  const opened = await openSystem(file, [heir]);
  if (!opened.ok) throw new Error(failureText(opened.failure));
  expect(opened.value.system.strata.map(({ name }) => name)).toEqual(['other', 'tools']);
  const missing = await openSystem(file, [{ ...heir, file: path.join(other, 'strata/none.morph') }]);
  expect(!missing.ok && failureText(missing.failure)).toContain('none.morph does not exist');
});

describe('a set of definitions', () => {
  test('is found above the file of a system, which may be named by a link', async () => {
    expect(await text()).toBe('small');
    symlinkSync(file, path.join(scratch, 'link.morph'));
    expect(await text(path.join(scratch, 'link.morph'))).toBe('small');
  });

  test('is needed', async () => {
    rmSync(path.join(root, 'VERSION'));
    expect(await text()).toContain('lies in no set of definitions: no directory above it has a file VERSION');
    expect(await text(path.join(root, 'none.morph'))).toContain('none.morph does not exist');
  });

  test('is read without following links, waiting for pipes or filling the memory', async () => {
    rmSync(path.join(root, 'strata/base/libc.morph'));
    symlinkSync('/etc/passwd', path.join(root, 'strata/base/libc.morph'));
    execFileSync('mkfifo', [path.join(root, 'strata/pipe.morph')]);
    expect(await text()).toContain(
      'strata/base.morph:5: chunks[0].morph: strata/base/libc.morph does not exist',
    );
    put('strata/large.morph', `#${'x'.repeat(limits.fileBytes)}`);
    put('strata/latin.morph', Uint8Array.of(0xe9, 0x0a));
    expect(await text()).toBe(
      [
        'the definitions have 2 faults',
        '  strata/large.morph: is larger than 1048576 bytes',
        '  strata/latin.morph: is not UTF-8',
        '  Fix them and run the command again; nothing was built.',
      ].join('\n'),
    );
  });
});
