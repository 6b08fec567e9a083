import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { repository } from '../cli/rig.ts';

const said = `
File: ./usr/lib/perl5/CORE/libperl.so

Dynamic section at offset 0x1000 contains 3 entries:
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]

File: ./usr/lib/libz.so.1.3

Dynamic section at offset 0x1000 contains 3 entries:
 0x000000000000000e (SONAME)             Library soname: [libz.so.1]

File: ./usr/lib/python3/_ssl.so

Dynamic section at offset 0x1000 contains 3 entries:
 0x0000000000000001 (NEEDED)             Shared library: [libssl.so.3]

File: ./usr/lib/libstatic.so
There is no dynamic section in this file.

File: ./usr/bin/perl
      [Requesting program interpreter: /lib/ld-linux.so.2]

Dynamic section at offset 0x1000 contains 3 entries:
 0x0000000000000001 (NEEDED)             Shared library: [libperl.so]
`;

test.each(['awk', 'busybox'])(
  '%s reads what libraries and programs need, and by which names they are needed',
  (program) => {
    const words = program === 'busybox' ? ['awk'] : [];
    const script = path.join(repository, 'target/chunk/needs.awk');
    const lines = execFileSync(program, [...words, '-f', script], { input: said, encoding: 'utf8' })
      .trim()
      .split('\n');
    expect(lines).toEqual([
      'needs libc.so.6',
      'provides libperl.so',
      'provides libz.so.1',
      'needs libssl.so.3',
      'interpreter /lib/ld-linux.so.2',
      'needs libperl.so',
    ]);
  },
);
