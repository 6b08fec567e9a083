/** A system of two chunks that need no compiler, built and composed in guests. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { list, type ReadEntry } from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootstrap, repository, runProgram, storedOutput } from './built.ts';

const definitions: Readonly<Record<string, string>> = {
  VERSION: 'version: 8\n',
  DEFAULTS: `build-systems:
  manual: {}
split-rules:
  chunk:
  - artifact: -bins
    include: ['(usr/)?s?bin/.*']
  - artifact: -misc
    include: ['.*']
  stratum:
  - artifact: -runtime
    include: ['.*']
`,
  'strata/both.morph': `name: both
kind: stratum
chunks:
- name: first
  morph: packages/first.morph
  repo: lock:zlib
  ref: 1.3.1
- name: second
  morph: packages/second.morph
  repo: lock:zlib
  ref: 1.3.1
  build-depends: [first]
`,
  'packages/first.morph': `name: first
kind: chunk
install-commands:
- |
  cd "$DESTDIR"
  mkdir -p bin etc root usr/share/first dev
  chmod 700 root
  cp /tools/bin/busybox bin/sh
  cp bin/sh bin/su
  chown 1:2 bin/su
  chmod 4755 bin/su
  echo 'someone:x:7:7::/:/bin/sh' > etc/passwd
  echo 'of first' > "usr/share/first/it's a [name]"
  ln bin/sh bin/ash
  ln -s /nowhere usr/share/first/link
- '[ "$(date +%s)" -lt 1800000000 ]'
devices:
- {filename: /dev/console, type: c, major: 5, minor: 1, permissions: '0600', uid: 0, gid: 5}
x-bootstrap: {compiler: false}
`,
  'packages/second.morph': `name: second
kind: chunk
build-commands:
- |
  # What the first one installed is the root, and what that lacks comes from below.
  [ "$(cat "/usr/share/first/it's a [name]")" = 'of first' ]
  [ "$(id -u someone)" = 7 ]
  [ -e adler32.c ] && [ -e /etc/hosts ] && [ -x /usr/bin/env ]
  if command -v gcc || [ -e /dev/console ]; then exit 1; fi
- touch /usr/share/first/new; rm /etc/passwd
- ': > one; sleep 0.1; : > two; [ two -nt one ]'
install-commands:
- mkdir -p "$DESTDIR/usr/share/second"; echo 'of second' > "$DESTDIR/usr/share/second/text"
system-integration:
  second-misc:
    10-last: ['read -r line < /usr/share/second/text; echo "$line" >> /etc/order']
    05-early: ['[ ! -e /etc/order ]; echo "$0 $(pwd)" > /etc/order']
  second-nothing:
    00-never: ['false']
x-bootstrap: {compiler: false}
`,
  'systems/both.morph': `name: both
kind: system
arch: armv5l
strata:
- name: both
  morph: strata/both.morph
`,
  'strata/here.morph': `name: here
kind: stratum
chunks:
- name: below
  morph: packages/below.morph
  repo: lock:zlib
  ref: 1.3.1
- name: machine
  morph: packages/machine.morph
  repo: lock:zlib
  ref: 1.3.1
  build-depends: [below]
`,
  'packages/below.morph': `name: below
kind: chunk
install-commands:
- mkdir -p "$DESTDIR/usr/share" "$DESTDIR/etc"; echo 'from below' > "$DESTDIR/usr/share/below"
- chmod 4711 "$DESTDIR/usr/share/below"
x-bootstrap: {compiler: false}
`,
  'packages/machine.morph': `name: machine
kind: chunk
build-commands:
- '[ "$(cat /usr/share/below)" = "from below" ] && [ -e adler32.c ] && [ -x /usr/bin/env ]'
- touch /etc/new /usr/share/new
# By the command, by the kernel, and by a program of the arch itself.
- '[ "$(uname -m)" = i686 ]; [ "$(/tools/bin/busybox uname -m)" = i686 ]; /tools/bin/bash -c true'
install-commands:
- mkdir -p "$DESTDIR/usr/share"; uname -sm > "$DESTDIR/usr/share/machine"
x-bootstrap: {compiler: false}
`,
  'systems/here.morph': `name: here
kind: system
arch: x86_32
strata:
- name: here
  morph: strata/here.morph
`,
};

const work = mkdtempSync(path.join(tmpdir(), 'bootstrap-system-'));
const archive = path.join(work, 'armv5l/systems/both.tar');
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

beforeAll(() => {
  for (const [name, text] of Object.entries(definitions)) {
    mkdirSync(path.dirname(path.join(work, name)), { recursive: true });
    writeFileSync(path.join(work, name), text);
  }
});

/** What one of our tools for this machine says; it has to succeed. */
async function toolSays(tool: string, program: string, ...argv: readonly string[]): Promise<string> {
  // A plan that has the tool.
  const image = tool === 'e2fsprogs' ? 'ext2' : 'squashfs';
  const goal = { kind: 'image', withNative: false, image } as const;
  const request = { arch: 'armv5l', host: 'i686', goal };
  const directory = await storedOutput(request, `host-tools/${tool}`, 'out');
  const { status, stdout, stderr } = spawnSync(path.join(directory, 'bin', program), argv, {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${program} ended with ${String(status)}: ${stderr}`);
  return stdout;
}

/** Members of an archive by name, with the texts of small files. */
async function membersOf(file: string): Promise<ReadonlyMap<string, { entry: ReadEntry; text: string }>> {
  const members = new Map<string, { entry: ReadEntry; text: string }>();
  await list({
    file,
    strict: true,
    onReadEntry: (entry) => {
      const member = { entry, text: '' };
      members.set(entry.path.replace(/\/$/, ''), member);
      entry.on('data', (bytes: Buffer) => {
        if (entry.size < 1000) member.text += bytes.toString();
      });
    },
  });
  return members;
}

describe('a system of two chunks', () => {
  let members: Awaited<ReturnType<typeof membersOf>>;
  let said = '';
  const build = () =>
    bootstrap(
      ...['system', 'build', path.join(work, 'systems/both.morph'), '--host', 'i686', '--out', work],
      ...['tar', 'squashfs', 'ext2', 'oci'].flatMap((format) => ['--format', format]),
    );

  beforeAll(async () => {
    said = (await build()).stdout;
    members = await membersOf(archive);
  }, 1_200_000);

  test('says where its archive is', () => {
    expect(said).toContain('armv5l/systems/both.tar');
  });

  test('has the owners, modes, links and devices that its chunks installed', () => {
    const facts = (name: string) => {
      const { entry } = members.get(name) ?? {};
      return [entry?.type, entry?.mode?.toString(8), entry?.uid, entry?.gid];
    };
    expect(facts('./bin/su')).toEqual(['File', '4755', 1, 2]);
    expect(facts('./root')).toEqual(['Directory', '700', 0, 0]);
    expect(facts('./dev/console')).toEqual(['CharacterDevice', '600', 0, 5]);
    // The reader above knows no numbers of devices in the form that busybox writes.
    const listed = spawnSync('tar', ['-tvf', archive, './dev/console'], { encoding: 'utf8' });
    expect(listed.stdout).toContain('5,1');
    expect(members.get('./usr/share/first/link')?.entry.linkpath).toBe('/nowhere');
    const hard = ['./bin/ash', './bin/sh'].map((name) => members.get(name)?.entry.type);
    expect(hard.sort()).toEqual(['File', 'Link']);
    expect(members.get("./usr/share/first/it's a [name]")?.text).toBe('of first\n');
  });

  test('has nothing that a chunk changed while it was built', () => {
    expect(members.get('./etc/passwd')?.text).toContain('someone');
    expect(members.has('./usr/share/first/new')).toBe(false);
  });

  test('ran its integration commands in the order of their names', () => {
    expect(members.get('./etc/order')?.text).toBe('/bin/sh /\nof second\n');
  });

  test('has names in order, and one time', () => {
    const names = [...members.keys()];
    expect(names).toEqual([...names].sort());
    expect(new Set([...members.values()].map(({ entry }) => entry.mtime?.getTime())).size).toBe(1);
  });

  test('is the same as squashfs', async () => {
    const file = path.join(work, 'armv5l/systems/both.squashfs');
    const listed = await toolSays('squashfs-tools', 'unsquashfs', '-lln', file);
    for (const line of [
      /^drwxr-xr-x 0\/0 .* squashfs-root$/m,
      /^-rwsr-xr-x 1\/2 .* squashfs-root\/bin\/su$/m,
      /^drwx------ 0\/0 .* squashfs-root\/root$/m,
      /^crw------- 0\/5 +5, +1 .* squashfs-root\/dev\/console$/m,
      /squashfs-root\/usr\/share\/first\/it's a \[name\]$/m,
      /squashfs-root\/usr\/share\/first\/link -> \/nowhere$/m,
    ])
      expect(listed).toMatch(line);
  });

  test('is the same as ext2, which is sound', async () => {
    const file = path.join(work, 'armv5l/systems/both.ext2');
    const about = (name: string) => toolSays('e2fsprogs', 'debugfs', '-R', `stat ${name}`, file);
    expect(await about('/bin/su')).toMatch(/Mode: +04755[^]*User: +1 +Group: +2 /);
    expect(await about('/root')).toMatch(/Mode: +0700/);
    expect(await about('/dev/console')).toMatch(
      /character special[^]*Mode: +0600[^]*User: +0 +Group: +5 [^]*number: 05:01/,
    );
    expect(await about('"/usr/share/first/it\'s a [name]"')).toMatch(/Type: regular/);
    await toolSays('e2fsprogs', 'e2fsck', '-fn', file);
  });

  test('is the same as an image for containers, whose every blob is what its name says', () => {
    const layout = path.join(work, 'armv5l/systems/both.oci');
    const blobs = path.join(layout, 'blobs/sha256');
    for (const name of readdirSync(blobs))
      expect(
        createHash('sha256')
          .update(readFileSync(path.join(blobs, name)))
          .digest('hex'),
      ).toBe(name);
    const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const blobOf = (descriptor: unknown) => {
      const { digest, size } = descriptor as { digest: string; size: number };
      const file = path.join(blobs, digest.replace('sha256:', ''));
      expect(statSync(file).size).toBe(size);
      return file;
    };
    const index = read(path.join(layout, 'index.json')) as { manifests: readonly unknown[] };
    const manifest = read(blobOf(index.manifests[0]));
    expect(read(blobOf(manifest['config']))).toMatchObject({
      architecture: 'arm',
      variant: 'v5',
      os: 'linux',
      rootfs: { diff_ids: [`sha256:${createHash('sha256').update(readFileSync(archive)).digest('hex')}`] },
    });
    const [layer] = manifest['layers'] as readonly unknown[];
    expect(gunzipSync(readFileSync(blobOf(layer))).equals(readFileSync(archive))).toBe(true);
  });

  test('does nothing when nothing has changed', async () => {
    const { stderr } = await build();
    expect(stderr).not.toMatch(/^start /m);
  }, 120_000);
});

describe('a root filesystem from a list of packages', () => {
  const list = path.join(work, 'lists/own root.yml');
  const report = path.join(work, 'report.json');
  const reported = () => JSON.parse(readFileSync(report, 'utf8')) as Record<string, unknown>;
  const make = (text: string) => {
    mkdirSync(path.join(work, 'lists/pre_install_overlay/etc'), { recursive: true });
    mkdirSync(path.join(work, 'lists/post_install_overlay/etc'), { recursive: true });
    writeFileSync(path.join(work, 'lists/pre_install_overlay/etc/early'), 'early\n');
    writeFileSync(path.join(work, 'lists/post_install_overlay/etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
    writeFileSync(list, text);
    const system = path.join(work, 'systems/both.morph');
    return runProgram([
      ...([`${repository}/bootstrap`, 'rootfs', 'armv5l', '--packages', list, '--system', system] as const),
      ...['--host', 'i686', '--out', work, '--report', report],
      ...['--format', 'tar', '--format', 'squashfs', '--format', 'ext2'],
    ]);
  };

  test('has them, what its commands made, and a record of each', async () => {
    const text = `packages:
  first: {}
  second: {artifacts: [second-misc]}
pre_install_commands: ['cat etc/early > etc/seen; [ ! -e bin ]']
post_install_commands: ['read -r a < /etc/passwd; read -r b < /etc/seen; echo "$a, $b" > /etc/late']
`;
    const { exitCode } = await make(text);
    expect(exitCode).toBe(0);
    const members = await membersOf(path.join(work, 'armv5l/rootfs/own-root.tar'));
    expect(members.get('./etc/late')?.text).toBe('root:x:0:0::/root:/bin/sh, early\n');
    expect(members.get('./usr/share/second/text')?.text).toBe('of second\n');
    const record = members.get('./var/lib/packages/both/first')?.text ?? '';
    expect(record).toMatch(/^version 1\.3\.1\nartefacts\nmanifest [0-9a-f]{64}\nneeds/);
    expect(record).toMatch(
      /^d root$[^]*^c [0-9a-f]{64} etc\/passwd$[^]*^f usr\/share\/first\/it's a \[name\]$/m,
    );
    expect(reported()).toMatchObject({
      ...{ name: 'own root', arch: 'armv5l', exitCode: 0, failures: [] },
      packages: [
        { id: 'both/first', version: '1.3.1' },
        { id: 'both/second', artefacts: ['second-misc'], files: 1 },
      ],
      products: ['tar', 'squashfs', 'ext2'].map((format) => ({
        path: path.join(work, `armv5l/rootfs/own-root.${format}`),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      })),
    });
  }, 600_000);

  /** In a system that has nothing but a shell. */
  async function managePackages(name: string): Promise<void> {
    const system = ['--system', path.join(work, 'systems/both.morph'), '--host', 'i686'];
    const read = (file: string) =>
      bootstrap('exec', '--no-tty', name, '--', '/bin/sh', '-c', `read -r a <${file}; echo "$a"`);
    expect((await bootstrap('package', 'list', name)).stdout).toBe('both/first 1.3.1\nboth/second 1.3.1\n');
    expect((await bootstrap('package', 'install', name, 'second', ...system)).stdout).toContain(
      'installed already',
    );
    expect((await bootstrap('package', 'remove', name, 'second')).stdout).toBe('both/second: removed\n');
    expect(
      (await runProgram([`${repository}/bootstrap`, 'package', 'remove', name, 'second'])).exitCode,
    ).toBe(2);
    expect((await bootstrap('package', 'install', name, 'second', ...system)).stdout).toContain(
      'both/second: installed 1.3.1',
    );
    expect((await read('/usr/share/second/text')).stdout).toBe('of second\n');
    const file = path.join(work, 'packages/second.morph');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace("'of second'", "'of another second'").replace('echo of', 'echo of'));
    try {
      expect((await bootstrap('package', 'upgrade', name, ...system)).stdout).toContain(
        'both/second: replaced 1.3.1 by 1.3.1',
      );
      expect((await read('/usr/share/second/text')).stdout).toBe('of another second\n');
    } finally {
      writeFileSync(file, before);
    }
  }

  test.each(['squashfs', 'ext2'])(
    'boots as %s: its programs run, and what they write is no part of it',
    async (format) => {
      const file = path.join(work, `armv5l/rootfs/own-root.${format}`);
      const before = readFileSync(file);
      const name = `system-${String(process.pid)}-${format}`;
      await bootstrap('image', 'armv5l', '--host', 'i686', '--out', work);
      await bootstrap('start', 'armv5l', '--root', file, '--name', name, '--out', work);
      try {
        const text =
          'read -r line </etc/late; echo "$line"; : >/etc/new && echo written; [ -e /dev/null ] && [ -e /proc/1 ] && echo kernel';
        const { stdout } = await bootstrap('exec', '--no-tty', name, '--', '/bin/sh', '-c', text);
        expect(stdout).toBe('root:x:0:0::/root:/bin/sh, early\nwritten\nkernel\n');
        const su = await bootstrap(
          'exec',
          '--no-tty',
          name,
          '--',
          '/bin/sh',
          '-c',
          '[ -u /bin/su ] && [ -O /bin/sh ]',
        );
        expect(su.exitCode).toBe(0);
        if (format === 'ext2') await managePackages(name);
      } finally {
        expect((await bootstrap('stop', name)).stdout).toContain('shut down');
      }
      expect(readFileSync(file).equals(before)).toBe(true);
    },
    600_000,
  );

  test('fails with a report, and leaves what there was', async () => {
    const before = statSync(path.join(work, 'armv5l/rootfs/own-root.tar')).mtimeMs;
    expect((await make('packages: [thrid]\n')).exitCode).toBe(2);
    expect(reported()).toMatchObject({
      exitCode: 2,
      failures: [{ text: expect.stringContaining('both has no such chunk') as unknown }],
    });
    expect(statSync(path.join(work, 'armv5l/rootfs/own-root.tar')).mtimeMs).toBe(before);
  });
});

test('chunks of an arch whose programs run here need no guest', async () => {
  const system = path.join(work, 'systems/here.morph');
  const { stdout } = await bootstrap(...['system', 'build', system, '--host', 'i686', '--only', 'machine']);
  const [, tree = ''] = /^ {2}here\/machine +(.*)$/m.exec(stdout) ?? [];
  const members = await membersOf(path.join(tree, 'installed.tar'));
  expect([...members.keys()]).toEqual(['./usr', './usr/share', './usr/share/machine']);
  expect(members.get('./usr/share/machine')?.text).toBe('Linux i686\n');
}, 600_000);

describe.each([
  ['on this machine', 'x86_32', 'until the next build.\n'],
  ['in a guest', 'armv5l', '# '],
])('a chunk that fails %s', (_, arch, prompt) => {
  const name = `broken-${arch}`;
  const file = path.join(work, `systems/${name}.morph`);
  const system = (command: string, ...argv: readonly string[]) =>
    runProgram([`${repository}/bootstrap`, 'system', command, file, 'broken', ...argv]);

  beforeAll(() => {
    writeFileSync(
      path.join(work, 'strata/broken.morph'),
      'name: broken\nkind: stratum\nchunks:\n' +
        '- {name: broken, morph: packages/broken.morph, repo: lock:zlib, ref: 1.3.1}\n',
    );
    writeFileSync(
      path.join(work, 'packages/broken.morph'),
      "name: broken\nkind: chunk\nbuild-commands: ['echo un$TARGET > half; echo so far; exit 7']\n" +
        'x-bootstrap: {compiler: false}\n',
    );
    writeFileSync(
      file,
      `name: ${name}\nkind: system\narch: ${arch}\nstrata: [{morph: strata/broken.morph}]\n`,
    );
  });

  test('can be looked at as it failed, and it is said what became of it', async () => {
    const built = await runProgram([
      ...[`${repository}/bootstrap`, 'system', 'build', file, '--host', 'i686', '--only', 'broken'],
    ] as [string, ...string[]]);
    expect(built.exitCode).toBe(1);
    expect((await system('log')).stdout).toContain('\nso far\n');
    expect((await system('why', '--host', 'i686')).stdout).toContain(
      'with this content it was tried before, and did not succeed\n',
    );
    for (const [typed, seen] of [
      ['cat /src/half; echo new > /src/half; exit 3', /\bun[a-z0-9]*-linux-musl/],
      ['cat /src/half; exit', /\bnew\r?\n/],
    ] as const) {
      const { said, exitCode } = await typeInto(file, prompt, typed);
      expect(said).toContain('broken/broken, as it was when it failed.');
      expect(said).toMatch(seen);
      expect(exitCode).toBe(0);
    }
  }, 900_000);
});

/** Types a line into the shell of a chunk: at a guest's console once that has prompted, else as soon as it is there. */
async function typeInto(file: string, prompt: string, line: string) {
  const argv = ['system', 'shell', file, 'broken', '--host', 'i686'];
  const child = spawn(`${repository}/bootstrap`, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  let typed = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      process.stderr.write(text);
      if (typed || !said.endsWith(prompt)) return;
      typed = true;
      child.stdin.write(`${line}\n`);
    });
  }
  // Who waits for a prompt that never comes says what came instead.
  const limit = setTimeout(() => child.kill('SIGTERM'), 300_000);
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(limit);
  return { said, exitCode };
}
