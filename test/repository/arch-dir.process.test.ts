/** Descriptors outside the repository, in a process of its own: how modules are loaded there is a part of it. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { removeForcibly } from '../../src/store/remove.ts';
import { sampleArch } from '../inputs/sample-arch.ts';
import { start, type Ended } from '../cli/real-program.ts';
import { repository } from '../cli/rig.ts';

/** A directory that no package.json is beside or above. */
function elsewhere(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'arch-dir-'));
  onTestFinished(() => removeForcibly(directory));
  return directory;
}

function literal(changes: object): string {
  return JSON.stringify({ ...sampleArch, ...changes });
}

function bootstrap(home: string, ...argv: readonly string[]): Promise<Ended> {
  return start([process.execPath, path.join(repository, 'src/start/start.cjs'), ...argv], home);
}

test('descriptors of any form join ours', async () => {
  const home = elsewhere();
  const directory = path.join(home, 'ours');
  mkdirSync(directory);
  const relative = path.relative(directory, repository);
  const files = {
    named: `export const arch = ${literal({ name: 'named', aliases: ['called'] })};\n`,
    preset: `export default ${literal({ name: 'preset', aliases: [] })};\n`,
    described: `import { describeArch } from '${relative}/src/inputs/arch.ts';
import { primeCellSymbols } from '${relative}/arches/families/arm.ts';
const arch = ${literal({ name: 'described', aliases: [] })};
export { described as arch };
const described = describeArch({ ...arch, kernel: { ...arch.kernel, symbols: [...primeCellSymbols] } } as never);
`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, `${name}.ts`), text);
  const listed = await bootstrap(home, 'list', 'arches', '--json', '--arch-dir', 'ours');
  expect(listed).toMatchObject({ code: 0, err: '' });
  const { arches } = JSON.parse(listed.out) as { arches: { name: string }[] };
  expect(arches.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['armv5l', 'named', 'preset', 'described']),
  );
  const planned = await bootstrap(home, 'plan', 'image', 'called', '--arch-dir', directory);
  expect(planned).toMatchObject({ code: 0, err: '' });
  expect(planned.out).toContain('kernel-named/linux: kernel for named');
});

test('a name that is taken twice is an error that names both files', async () => {
  const home = elsewhere();
  for (const [directory, name, alias] of [
    ['one', 'ours', 'alias'],
    ['two', 'ours', 'other'],
    ['three', 'theirs', 'armv5'],
  ] as const) {
    mkdirSync(path.join(home, directory));
    const text = `export const arch = ${literal({ name, aliases: [alias] })};\n`;
    writeFileSync(path.join(home, directory, `${name}.ts`), text);
  }
  const twice = await bootstrap(home, 'plan', 'ours', '--arch-dir', 'one', '--arch-dir', 'two');
  expect(twice.err).toContain(
    `${home}/two/ours.ts: name: ours is already used by ${home}/one/ours.ts; the names of an arch must be unique\n`,
  );
  expect(twice.code).toBe(2);
  const alias = await bootstrap(home, 'image', 'theirs', '--arch-dir', 'three');
  expect(alias.err).toContain(
    `${home}/three/theirs.ts: aliases[0]: armv5 is already used by ${repository}/arches/armv5l.ts; the names of an arch must be unique\n`,
  );
  expect(alias.code).toBe(2);
});

test('a directory that is not there is wrong use', async () => {
  const home = elsewhere();
  const { code, err } = await bootstrap(home, 'list', '--arch-dir', 'nowhere');
  expect(err).toMatch(/^bootstrap: --arch-dir \S+\/nowhere: cannot be read \(ENOENT\)\n/);
  expect(code).toBe(2);
});

test('a module that does not load is a fault of that file', async () => {
  const home = elsewhere();
  writeFileSync(path.join(home, 'broken.ts'), 'export const arch = {\n');
  const { code, err } = await bootstrap(home, 'plan', 'broken', '--arch-dir', '.');
  expect(err).toMatch(/broken\.ts: does not load: /);
  expect(err).not.toMatch(/\n +at /);
  expect(code).toBe(2);
});
