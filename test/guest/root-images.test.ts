import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectPlan, type PlanRequest } from '../../src/repository/select-plan.ts';
import { createDirectoryProvider } from '../../src/repository/overlay.ts';
import { processSession, storeDirectory } from '../../src/cli/session.ts';
import { openBuildContext } from '../../src/build/build-context.ts';
import { build } from '../../src/engine/build.ts';
import { imageKinds, type ImageKind } from '../../stages/image-kinds.ts';
import type { Ref } from '../../src/plan/action.ts';
import { bindRecipe } from '../../src/plan/bind.ts';
import type { Content } from '../../src/plan/bound.ts';
import { runRecipe } from '../executor/run-recipe.ts';
import { bootstrap, repository, storedOutput } from '../real/built.ts';
import { expectGuest } from '../real/guest.ts';
import { writeSketch } from '../store/sketch.ts';

const place = mkdtempSync(join(tmpdir(), 'root-images-'));
const overlay = join(place, 'over lay');

/** Directory of the image of a kind. */
const imageOf = (kind: ImageKind): string => join(place, kind, 'armv5l/system-image-armv5l');

beforeAll(async () => {
  await writeSketch(overlay, {
    'etc/motd': 'welcome\n',
    'etc/profile': 'export FROM_OVERLAY=yes\n',
    // Instead of a link to busybox, which must stay what it is.
    'bin/true': { executable: '#!/bin/sh\necho mine\n' },
    'a b/ c\\d ': { executable: '#!/bin/sh\necho odd name\n' },
    'a b/${HOME}': '$(id)\n',
    'a b/ä': { link: ' c\\d ' },
    'srv/empty': { directory: true },
  });
  for (const kind of imageKinds) {
    const out = join(place, kind);
    await bootstrap('image', 'armv5l', '--host', 'i686', '--image', kind, '--overlay', overlay, '--out', out);
  }
});

afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

/** Facts of the root filesystem that are the same however it reached the guest. */
const script = `
  ls -l /init >/dev/null && busybox true && echo intact
  /bin/true; "/a b/ä"; cat '/a b/\${HOME}'; cat /etc/motd
  stat -c '%A %u:%g %n' / /root /tmp /var/tmp /bin /bin/busybox /etc/motd /bin/true '/a b' '/a b/ c\\d ' /srv/empty
  readlink '/a b/ä'; readlink /usr/bin/ldd
  echo written >/new && cat /new && echo more >>/etc/motd && tail -n 1 /etc/motd && rm /bin/true && [ ! -e /bin/true ] && echo gone
  grep ' / ' /proc/mounts
`;

const facts = `intact
mine
odd name
$(id)
welcome
drwxr-xr-x 0:0 /
drwx------ 0:0 /root
drwxrwxrwt 0:0 /tmp
drwxrwxrwt 0:0 /var/tmp
drwxr-xr-x 0:0 /bin
-rwxr-xr-x 0:0 /bin/busybox
-rw-r--r-- 0:0 /etc/motd
-rwxr-xr-x 0:0 /bin/true
drwxr-xr-x 0:0 /a b
-rwxr-xr-x 0:0 /a b/ c\\d 
drwxr-xr-x 0:0 /srv/empty
 c\\d 
../../lib/ld-musl-arm.so.1
written
more
gone
`;

describe.each(imageKinds)('the armv5l image with its root filesystem as %s', (kind) => {
  const disk = { initramfs: 'initramfs.cpio.gz', ext2: 'root.ext2', squashfs: 'root.sqf' }[kind];
  const sum = (): string =>
    createHash('sha256')
      .update(readFileSync(join(imageOf(kind), disk)))
      .digest('hex');

  it('boots to the same root filesystem, which can be written, and leaves the image as it is', async () => {
    const before = sum();
    const run = await expectGuest({ imageDirectory: imageOf(kind), script });
    const lines = run.output.split('\n');
    expect(`${lines.slice(0, -2).join('\n')}\n`).toBe(facts);
    expect(lines.at(-2)).toMatch(kind === 'initramfs' ? /^rootfs \/ / : /^root \/ overlay rw/);
    expect(sum()).toBe(before);
  });

  it('says in the manifest what it is', () => {
    const manifest = JSON.parse(readFileSync(join(place, kind, 'armv5l/manifest.json'), 'utf8')) as {
      builds: { options: Record<string, unknown> }[];
    };
    const options = manifest.builds[0]?.options ?? {};
    expect(options['image']).toBe(kind === 'initramfs' ? undefined : kind);
    expect(options['overlay']).toMatch(/^[0-9a-f]{64}-\d+$/);
  });
});

describe('another disk, which the kernel finds first', () => {
  it('is not taken for the root disk', async () => {
    const other = join(place, 'other.img');
    writeFileSync(other, Buffer.alloc(1 << 20));
    const extra = [
      ...['-drive', `if=none,id=other,format=raw,file=${other}`],
      ...['-device', 'virtio-blk-pci,drive=other,serial=other,addr=0x05'],
    ];
    const run = await expectGuest({
      imageDirectory: imageOf('squashfs'),
      env: { QEMU_EXTRA: extra.join(' ') },
      script: 'cat /etc/motd; for disk in /sys/block/vd?; do echo "$(cat $disk/serial)"; done',
    });
    expect(run.output).toBe('welcome\nother\nroot\n');
  });
});

describe('a root disk that the guest may write', () => {
  it('keeps what it wrote, whole', async () => {
    const imageDirectory = join(place, 'kept');
    execFileSync('cp', ['-R', imageOf('ext2'), imageDirectory]);
    const env = { GUEST_ROOT_WRITABLE: '1' };
    const first = await expectGuest({
      imageDirectory,
      env,
      script:
        'echo kept >/kept; rm /etc/motd; dd if=/dev/zero of=/large bs=1M count=40 2>/dev/null; grep " / " /proc/mounts',
    });
    expect(first.output).toMatch(/^\/dev\/\w+ \/ ext2 rw/);
    const second = await expectGuest({
      imageDirectory,
      env,
      script: 'cat /kept; [ -e /etc/motd ] || echo gone; stat -c %s /large',
    });
    expect(second.output).toBe('kept\ngone\n41943040\n');
    // Without leave, the same disk is only read.
    const third = await expectGuest({ imageDirectory, script: 'cat /kept; rm /kept' });
    expect(third.output).toBe('kept\n');
    const fourth = await expectGuest({ imageDirectory, script: 'cat /kept' });
    expect(fourth.output).toBe('kept\n');
  });
});

describe('the tarball of the root filesystem', () => {
  it('has the overlay too, with the owners and modes of a root filesystem', () => {
    const file = join(place, 'ext2/armv5l/root-filesystem-armv5l.tar.gz');
    const listing = execFileSync('tar', ['--numeric-owner', '--quoting-style=literal', '-tvzf', file], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' },
    });
    const top = 'root-filesystem-armv5l';
    for (const entry of [
      `drwxrwxrwt 0/0 +0 2025-01-01 00:00 ${top}/tmp/`,
      `-rwxr-xr-x 0/0 +20 2025-01-01 00:00 ${top}/bin/true`,
      `-rwxr-xr-x 0/0 +24 2025-01-01 00:00 ${top}/a b/ c\\\\d `,
      `drwxr-xr-x 0/0 +0 2025-01-01 00:00 ${top}/srv/empty/`,
    ]) {
      expect(listing).toMatch(new RegExp(`^${entry}$`, 'm'));
    }
  });
});

describe('packing', () => {
  /** Runs an action of an image's plan again, in a sandbox of its own, and gives what it made both times. */
  async function twice(kind: ImageKind, name: string) {
    const request: PlanRequest = {
      arch: 'armv5l',
      goal: { kind: 'image', withNative: false, image: kind },
      overlay,
      onlyAction: name,
    };
    const selected = await selectPlan(repository, request);
    if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
    const { plan, directories, repository: read } = selected.value;
    const sources = { offline: true, acceptVariants: [] };
    const context = await openBuildContext({
      ...sources,
      repository,
      store: storeDirectory(processSession(), undefined),
      lock: read.lock,
    });
    if (!context.ok) throw new Error(JSON.stringify(context.failure));
    const { store, executors } = context.value;
    const [executor] = executors;
    if (executor === undefined) throw new Error('no executor');
    const outcome = await build(plan, {
      ...context.value,
      directories: createDirectoryProvider(store, directories),
      clock: () => Date.now(),
      onEvent: () => undefined,
    });
    const action = plan.actions.find((one) => one.name === name);
    if (action === undefined) throw new Error(`no action ${name}`);
    const resolve = (ref: Ref): Content => {
      if (ref.kind === 'file') return ref;
      const tree =
        ref.kind === 'output'
          ? outcome.results.get(ref.action)?.outputs[ref.output]
          : ref.kind === 'directory'
            ? ref.digest
            : undefined;
      if (tree === undefined) throw new Error(`nothing is known of ${JSON.stringify(ref)}`);
      return { kind: 'tree', digest: tree };
    };
    const logDirectory = join(place, 'logs', name);
    const again = await runRecipe(executor, logDirectory, bindRecipe(action.recipe, resolve));
    return [outcome.results.get(action.name)?.outputs, again.ok ? again.value.outputs : again.failure];
  }

  it.each([
    ['initramfs', 'root-filesystem-armv5l/overlay'],
    ['initramfs', 'system-image-armv5l/initramfs'],
    ['squashfs', 'system-image-armv5l/root-squashfs'],
    ['squashfs', 'system-image-armv5l/find-root'],
    ['ext2', 'system-image-armv5l/root-ext2'],
  ] as const)('for %s: %s gives the same bytes each time', async (kind, name) => {
    const [first, second] = await twice(kind, name);
    expect(Object.keys(first ?? {})).toEqual(['out']);
    expect(second).toEqual(first);
  });

  it('leaves an ext2 that its checker finds no fault in', async () => {
    const request: PlanRequest = {
      arch: 'armv5l',
      goal: { kind: 'image', withNative: false, image: 'ext2' },
    };
    const tools = await storedOutput(request, 'host-tools/e2fsprogs', 'out');
    const checked = execFileSync(`${tools}/bin/e2fsck`, ['-fn', join(imageOf('ext2'), 'root.ext2')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(checked).toMatch(/^root: \d+\/\d+ files/m);
  });
});
