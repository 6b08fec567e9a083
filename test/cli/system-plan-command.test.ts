import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemPlanCommand } from '../../src/cli/system-plan-command.ts';
import { sampleDefinitions } from '../definitions/sample-definitions.ts';
import { testSession, type TestSession } from './rig.ts';

const file = 'set/systems/small.morph';

function sessionWithSet(): TestSession {
  const session = testSession();
  for (const [name, text] of Object.entries(sampleDefinitions)) {
    const place = path.join(session.home, 'set', name);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, text);
  }
  return session;
}

describe('system plan', () => {
  test('prints chunks by strata, in the order of building', async () => {
    const session = sessionWithSet();
    expect(await systemPlanCommand(session, file, {})).toBe(0);
    expect(session.said.err).toBe('');
    const ids = /^ {2}[0-9a-f]{12} /gm;
    expect(session.said.out.match(ids)).toHaveLength(4);
    expect(session.said.out.replaceAll(ids, ' '))
      .toBe(`small: 4 chunks in 2 strata, for aarch64 (there: armv8l64)

strata/base.morph
  base/first-libc  upstream:libc 012345678901, manual, bootstrap
  base/libc        upstream:libc 1.10 (012345678901), manual

strata/tools.morph
  tools/zlib  zlib 1.3.1 of sources.lock, autotools
  tools/nano  https://example.org/nano.git v7.2, build system by its files

Configuration extensions, which are never run:
  extensions/set-hostname
`);
  });

  test('prints everything as JSON', async () => {
    const session = sessionWithSet();
    expect(await systemPlanCommand(session, file, { json: true })).toBe(0);
    expect(JSON.parse(session.said.out)).toMatchObject({
      name: 'small',
      strata: [{ name: 'base' }, { name: 'tools' }],
      planIds: { 'tools/zlib': expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    });
  });

  test('ends with 2 and all faults', async () => {
    const session = sessionWithSet();
    writeFileSync(path.join(session.home, 'set/VERSION'), 'version: 7\n');
    expect(await systemPlanCommand(session, file, {})).toBe(2);
    expect(session.said.out).toBe('');
    expect(session.said.err).toContain('  VERSION:1: version: must be one of "8"; is "7"\n');
  });
});
