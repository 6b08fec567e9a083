import { createReadStream, readFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import { beforeAll, describe, expect, it } from 'vitest';
import { bootstrap, repository } from '../real/built.ts';

const arch = 'armv5l';
const results = path.join(repository, 'out', arch, 'native-build');

/** What each example builds: the paths that have to be in its tarball, and what its own checks say when all is well. */
const examples = {
  zlib: {
    holds: ['usr/lib/libz.a', 'usr/lib/libz.so.1.3.1', 'usr/include/zlib.h'],
    says: /\*\*\* zlib test OK \*\*\*[^]*\*\*\* zlib shared test OK \*\*\*[^]*\*\*\* zlib 64-bit test OK \*\*\*/,
  },
  lua: { holds: ['usr/bin/lua', 'usr/bin/luac', 'usr/lib/liblua.a'], says: /^checked\ttrue$/m },
  make: { holds: ['usr/bin/make', 'usr/include/gnumake.h'], says: /^whole has 3$/m },
  dropbear: {
    holds: ['usr/sbin/dropbear', 'usr/bin/dbclient', 'usr/bin/scp'],
    says: /^a stranger stays outside$/m,
  },
  bash: { holds: ['usr/bin/bash'], says: /^7\d tests passed$/m },
} as const;

describe.each(Object.keys(examples) as (keyof typeof examples)[])('examples/%s', (name) => {
  let said = '';

  beforeAll(async () => {
    said = (await bootstrap('native-build', arch, path.join('examples', name))).stdout;
  });

  it('builds in the guest and passes its checks', () => {
    expect(said).toContain(`${name} on ${arch}: done in `);
    const log = readFileSync(path.join(results, `${name}.log`), 'utf8').replaceAll('\r', '');
    expect(log).toMatch(examples[name].says);
    expect(log).toContain('init: the control image ended with status 0\n');
  });

  it('comes back as a tarball in which all belongs to root', async () => {
    const entries = await entriesOf(path.join(results, name, `${name}-${arch}.tar.gz`));
    const paths = entries.map((entry) => path.posix.normalize(entry.path));
    for (const wanted of examples[name].holds) expect(paths).toContain(wanted);
    for (const entry of entries) expect([entry.uid, entry.gid], entry.path).toEqual([0, 0]);
  });
});

async function entriesOf(tarball: string): Promise<readonly ReadEntry[]> {
  const entries: ReadEntry[] = [];
  const parser = new Parser({
    onReadEntry: (entry) => {
      entries.push(entry);
      entry.resume();
    },
  });
  await pipeline(createReadStream(tarball), parser as unknown as NodeJS.WritableStream);
  return entries;
}
