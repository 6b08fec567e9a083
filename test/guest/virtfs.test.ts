import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toBytes, type Bytes } from '../../src/virtfs/bytes.ts';
import type { Content } from '../../src/virtfs/entry.ts';
import { modeOf } from '../../src/virtfs/metadata.ts';
import { repository } from '../real/built.ts';
import { expectGuest } from '../real/guest.ts';
import { packed, sample, samplesOf, tarOf, unpacked, type Sample } from '../virtfs/trees.ts';

/** Any image whose init mounts shares will do. */
const image = process.env['BOOTSTRAP_TEST_IMAGE'] ?? `${repository}/out/armv5l/system-image-armv5l`;

const directory = { kind: 'directory' } as const;
const long = `${'ü'.repeat(100)}${'n'.repeat(55)}`;
const deep = Array.from({ length: 9 }, (_, index) => String(index).repeat(60));
const second = 1_000_000_000n;

/** Unpacked into the share before the guest boots. */
const ours: readonly Sample[] = [
  sample('', directory, { mode: 0o1777, uid: 7, gid: 8, mtime: 1_234_567_890n * second }),
  sample('ours', directory, { mode: 0o2750, uid: 1000, gid: 2 ** 32 - 3, mtime: 1n * second }),
  ...deep.map((_, index) => sample(`ours/${deep.slice(0, index + 1).join('/')}`, directory, { uid: index })),
  sample(`ours/${deep.join('/')}/end`, 'deep down'),
  sample('ours/b', { kind: 'link', to: toBytes(`ours/${deep.join('/')}/end`) }),
  sample('ours/disk', { kind: 'block-device', major: 8, minor: 300 }, { mode: 0o660, gid: 6 }),
  sample('ours/empty', '', { mode: 0, mtime: 1_700_000_000_123_456_789n }),
  sample('ours/link', { kind: 'symlink', target: toBytes('../théirs') }, { mode: 0o777, uid: 5 }),
  sample('ours/null', { kind: 'character-device', major: 1, minor: 3 }, { mode: 0o666 }),
  sample('ours/pipe', { kind: 'fifo' }, { mode: 0o622, mtime: 2_000_000_000n * second }),
  sample('ours/su', 'set-uid', { mode: 0o6755, uid: 3_000_000_000 }),
  sample('ours/to-link', { kind: 'link', to: toBytes('ours/link') }, { mode: 0o777, uid: 5 }),
  sample(`ours/${long}`, 'long', { uid: 65534, gid: 65534 }),
  sample('no UTF-8', 'x', { path: 'ours/\xff\xfe' as Bytes }),
];

/** What the guest sees of ours and makes itself; its words end up in `results`. */
const script = `
set -e
tarball="$PWD/ours.tar"
for share in /media/work /mnt/work; do if [ -d "$share/ours" ]; then cd "$share"; fi; done
[ -d ours ]
look() { find . -path ./results -prune -o -exec stat -c '%f %u %g %s %t %T %Y %n' {} + >"$1"; }
look /tmp/before
mkdir results
cp /tmp/before results
readlink ours/link >results/links
readlink ours/to-link >>results/links
cat ours/su ours/b ours/${long} >results/bodies

mkdir theirs theirs/d
cd theirs
echo body >d/file
chown 1000:4294967290 d/file
chmod 4711 d/file
ln d/file other
ln -s d/file link
chown -h 12:13 link
ln link second-link
mknod null c 1 3
mknod disk b 4095 1048574
chown 0:6 disk
mkfifo -m 600 pipe
ln pipe second-pipe
echo long >${long}
mkdir -p ${deep.join('/')}
echo deep >${deep.join('/')}/end
mkdir gone
echo moved >gone/x
echo gone >gone/y
mv gone/x d/moved
rm -r gone
mkdir empty
chown 5:5 empty
chmod 1777 d
touch -d '1970-01-01 00:00:01' d/file
touch -d '2030-01-01 00:00:00' d
cd ..
echo swallowed >theirs/null
# One name of two: the other one must follow.
chown 99 ours/b
chmod 640 ours/b
look results/after
share="$PWD"
mkdir /tmp/own
tar -C /tmp/own -xpf "$tarball"
cd /tmp/own
look "$share/results/own-tar"
cd "$share"
# Not among them: busybox's stat has 32 bits for times on some machines.
touch -d '2100-01-01 00:00:00' results/late
`;

/** What `look` says of these, in any order; sizes of directories are the host's affair. */
function looks(samples: readonly Sample[]): readonly string[] {
  const contents = new Map<string, Content>();
  const lines = samples.map(({ entry }) => {
    const { path, uid, gid, mtime } = entry;
    const content = entry.content.kind === 'link' ? contents.get(entry.content.to) : entry.content;
    if (content === undefined || content.kind === 'link') throw new Error(`${path} is a link to nothing`);
    contents.set(path, content);
    const size =
      content.kind === 'file' ? content.size : content.kind === 'symlink' ? content.target.length : 0;
    const device = 'major' in content ? [content.major, content.minor] : [0, 0];
    return [
      modeOf(content.kind, entry.mode).toString(16),
      uid,
      gid,
      content.kind === 'directory' ? 'any' : size,
      ...device.map((number) => number.toString(16)),
      mtime / second,
      path === '' ? '.' : `./${path}`,
    ].join(' ');
  });
  return lines.sort();
}

describe('a share that a guest has used', () => {
  let temporary = '';
  let share = '';
  let samples: Sample[] = [];

  const result = (name: string): string => readFileSync(join(share, 'results', name), 'latin1');
  const seen = (name: string): readonly string[] =>
    result(name)
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^(4\S+ \d+ \d+) \d+/, '$1 any'))
      .sort();
  const found = (path: string): Sample => {
    const sought = samples.find(({ entry }) => entry.path === toBytes(path));
    if (sought === undefined) throw new Error(`${path} is not there`);
    return sought;
  };

  beforeAll(async () => {
    temporary = mkdtempSync(join(tmpdir(), 'guest-share-'));
    share = join(temporary, 'share');
    const tarball = join(temporary, 'ours.tar');
    writeFileSync(tarball, tarOf(ours));
    await unpacked(tarOf(ours), share);
    const work = `-fsdev local,id=work,path=${share},security_model=mapped-file`;
    await expectGuest({
      imageDirectory: image,
      env: { QEMU_EXTRA: `${work} -device virtio-9p-pci,fsdev=work,mount_tag=work` },
      files: { 'ours.tar': tarball },
      script,
      timeLimitSeconds: 1200,
    });
    samples = await samplesOf((await packed(share)).tar);
  });

  afterAll(() => {
    rmSync(temporary, { recursive: true, force: true });
  });

  it('showed the guest what the tarball held', () => {
    expect(seen('before')).toEqual(looks(ours));
    expect(result('links')).toBe(toBytes('../théirs\n../théirs\n'));
    expect(result('bodies')).toBe('set-uiddeep downlong');
  });

  it("has tarballs that the guest's own tar takes for the same", () => {
    // busybox sets a directory's time before it fills it, and gives links neither owner nor time.
    const own = (lines: readonly string[]) =>
      lines
        .map((line) => line.replace(/^(4\S+ \d+ \d+ any 0 0) \d+/, '$1 any'))
        .map((line) => line.replace(/^(a\S+) \d+ \d+ (\d+ 0 0) \d+/, '$1 any $2 any'))
        .sort();
    expect(own(seen('own-tar'))).toEqual(own(looks(ours)));
  });

  it('is packed as what the guest saw last', () => {
    const shown = samples.filter(({ entry }) => !/^results(\/|$)/.test(entry.path));
    expect(looks(shown)).toEqual(seen('after'));
  });

  it("has the guest's files, links and devices", () => {
    expect(found('theirs/d/file')).toMatchObject({
      entry: { uid: 1000, gid: 2 ** 32 - 6, mode: 0o4711, mtime: second, content: { kind: 'file' } },
      body: Buffer.from('body\n'),
    });
    expect(found('theirs/d').entry).toMatchObject({ mode: 0o1777, mtime: 1_893_456_000n * second });
    expect(found('theirs/d/moved').body.toString()).toBe('moved\n');
    expect(found(`theirs/${deep.join('/')}/end`).body.toString()).toBe('deep\n');
    expect(found(`theirs/${long}`).body.toString()).toBe('long\n');
    const content = (name: string) => found(`theirs/${name}`).entry.content;
    expect(content('other')).toEqual({ kind: 'link', to: 'theirs/d/file' });
    expect(content('link')).toEqual({ kind: 'symlink', target: 'd/file' });
    expect(content('second-link')).toEqual({ kind: 'link', to: 'theirs/link' });
    expect(content('disk')).toEqual({ kind: 'block-device', major: 4095, minor: 1_048_574 });
    expect(content('null')).toEqual({ kind: 'character-device', major: 1, minor: 3 });
    expect(content('second-pipe')).toEqual({ kind: 'link', to: 'theirs/pipe' });
    expect(found('results/late').entry.mtime).toBe(4_102_444_800n * second);
    expect(found('theirs/empty').entry).toMatchObject({ uid: 5, gid: 5 });
  });

  it('has a change of one name at the other one too', () => {
    expect(found('ours/b').entry.content).toMatchObject({ kind: 'link' });
    expect(found(`ours/${deep.join('/')}/end`).entry).toMatchObject({ uid: 99, mode: 0o640 });
  });

  it('gives a part of it with the attributes that it has in the whole', async () => {
    const [top] = await samplesOf((await packed(join(share, 'theirs/empty'))).tar);
    expect(top?.entry).toEqual({ ...found('theirs/empty').entry, path: '' });
  });

  it('comes back from its tarball to the nanosecond', async () => {
    const again = join(temporary, 'again');
    const { tar } = await packed(share);
    expect(await unpacked(tar, again)).toEqual({ entries: samples.length, inexactTimes: 0 });
    expect((await packed(again)).tar.equals(tar)).toBe(true);
  });
});
