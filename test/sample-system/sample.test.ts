/**
 * Our own set of definitions: from the native compiler with its musl to glibc, eight chunks that are built with that, and a system
 * of them that boots. Compilers and images come from the user's store, results of chunks do not.
 */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootstrap, repository, runProgram } from '../real/built.ts';

/** The arch: another one whose definitions there are can be named, for whoever has less time than aarch64 takes. */
const arch = process.env['TEST_SYSTEM_ARCH'] ?? 'aarch64';

const libc = ['libc/glibc', 'libc/gcc-runtime', 'libc/libc-check'];
const eight = ['zlib', 'm4', 'gmp', 'attr', 'acl', 'ncurses', 'bash', 'coreutils'].map(
  (name) => `small/${name}`,
);

const work = mkdtempSync(path.join(tmpdir(), 'bootstrap-sample-'));
const system = path.join(work, `systems/base-${arch}.morph`);
const guest = `sample-${String(process.pid)}`;

/** Ids of the recipes of chunks. */
async function planIds(file: string): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await runProgram([
    ...([`${repository}/bootstrap`, 'system', 'plan', file, '--json'] as const),
    ...['--host', 'i686'],
  ]);
  return (JSON.parse(stdout) as { planIds: Readonly<Record<string, string>> }).planIds;
}

beforeAll(async () => {
  cpSync(path.join(repository, 'definitions'), work, { recursive: true });
  // Every chunk ends with these commands.
  const defaults = path.join(work, 'DEFAULTS');
  const text = readFileSync(defaults, 'utf8');
  const begin = '- &finish |\n';
  writeFileSync(defaults, text.replace(begin, `${begin}        # ${randomBytes(8).toString('hex')}\n`));
  const [ours, changed] = [
    await planIds(path.join(repository, `definitions/systems/base-${arch}.morph`)),
    await planIds(system),
  ];
  const known = Object.keys(ours).filter((id) => ours[id] === changed[id]);
  expect(known, 'chunks whose results may be in the store').toEqual([]);
});

afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

test(`glibc is built on ${arch}, programs work with it, and so do eight packages`, async () => {
  const began = performance.now();
  const only = [...libc, ...eight].flatMap((id) => ['--only', id]);
  const { stdout } = await bootstrap(...['system', 'build', system, '--host', 'i686', ...only]);
  console.log(`chunks: ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
  for (const id of [...libc, ...eight]) expect(stdout).toContain(`  ${id} `);
});

test('a root filesystem of them boots, and its programs run', async () => {
  const began = performance.now();
  const list = path.join(work, 'sample.yml');
  writeFileSync(
    list,
    'packages: [bash, coreutils, zlib]\npost_install_commands: ["uname -m > /etc/built-on"]\n',
  );
  await bootstrap(
    ...['rootfs', arch, '--packages', list, '--system', system, '--host', 'i686', '--format', 'squashfs'],
    ...['--out', work, '--report', path.join(work, 'report.json')],
  );
  const { packages } = JSON.parse(readFileSync(path.join(work, 'report.json'), 'utf8')) as {
    packages: readonly { id: string }[];
  };
  const ids = packages.map(({ id }) => id);
  // Named, and what these are linked with.
  for (const id of ['small/bash', 'small/coreutils', 'small/ncurses', 'small/acl', 'libc/glibc'])
    expect(ids).toContain(id);
  expect(ids).not.toContain('small/m4');
  await bootstrap('image', arch, '--host', 'i686', '--out', work);
  const file = path.join(work, arch, 'rootfs/sample.squashfs');
  await bootstrap('start', arch, '--root', file, '--name', guest, '--out', work);
  try {
    const text =
      'echo "$BASH_VERSION"; sort --version | head -n 1; factor 1000000007; cat /etc/built-on; [ -e /proc/self/exe ]';
    const { stdout } = await bootstrap('exec', '--no-tty', guest, '--', '/bin/bash', '-c', text);
    expect(stdout).toMatch(/^5\.3[^\n]*\nsort \(GNU coreutils\) 9\.7\n1000000007: 1000000007\n[a-z0-9_]+\n$/);
  } finally {
    await bootstrap('stop', guest);
  }
  console.log(`system: ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
});
