import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { ImageKind } from '../../stages/image-kinds.ts';
import { repoPath } from '../../src/plan/names.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { systemImage } from '../../stages/system-image.ts';
import { sampleDigest } from '../plan/sample.ts';
import { imageInputs, madeElsewhere, reads, said } from './image-inputs.ts';

const finder = fileURLToPath(new URL('../../target/find-root', import.meta.url));

const inputs: PlanInputs = {
  ...imageInputs,
  files: new Map([
    ...imageInputs.files,
    [repoPath('target/find-root'), { digest: sampleDigest('f'), executable: true }],
    [repoPath('target/native-build.sh'), { digest: sampleDigest('f'), executable: true }],
  ]),
};

function image(kind: ImageKind, anyNames = false) {
  const { actions } = systemImage(inputs, {
    kind,
    anyNames,
    base: [madeElsewhere('busybox')],
    squashfsTools: madeElsewhere('squashfs-tools'),
    e2fsprogs: madeElsewhere('e2fsprogs'),
    kernel: madeElsewhere('kernel'),
    rootFilesystem: madeElsewhere('root-filesystem'),
    busybox: madeElsewhere('target-busybox'),
  });
  return new Map(actions.map((action) => [action.name.split('/')[1], action]));
}

function text(kind: ImageKind, name: string): string {
  const action = image(kind).get(name);
  return action === undefined ? '' : said(action);
}

describe('an image with a root disk', () => {
  test('packs the disk, and an initramfs that finds it', () => {
    expect([...image('squashfs').keys()]).toEqual([
      'gen-init-cpio',
      'find-root',
      'root-squashfs',
      'assemble',
    ]);
    expect([...image('ext2').keys()]).toEqual(['gen-init-cpio', 'find-root', 'root-ext2', 'assemble']);
  });

  test('does not pack the finder again for another root filesystem', () => {
    const readers = [...image('ext2')].filter(([, action]) =>
      reads(action).includes('elsewhere/root-filesystem' as never),
    );
    expect(readers.map(([name]) => name)).toEqual(['root-ext2']);
  });

  test.each(['ext2', 'squashfs'] as const)('%s: has the special modes', (kind) => {
    expect(text(kind, `root-${kind}`)).toMatch(/chmod 1777 \S+\/tmp\n/);
    expect(text(kind, `root-${kind}`)).toMatch(/chmod 0700 \S+\/root\n/);
  });

  test('takes nothing for the ext2 disk from chance or from the clock', () => {
    expect(text('ext2', 'root-ext2')).toMatch(/ -U \S+.*hash_seed=/s);
    expect(image('ext2').get('root-ext2')?.recipe.env).toEqual({ SOURCE_DATE_EPOCH: '1735689600' });
  });

  test('brings every command that finds it', () => {
    const script = readFileSync(finder, 'utf8').replaceAll(/^ *#.*$|\$\(\(.*\)\)/gm, '');
    const commands = [
      'cat',
      'head',
      'mkdir',
      'mount',
      'poweroff',
      'reboot',
      'sleep',
      'switch_root',
      'umount',
    ];
    const listed = text('ext2', 'find-root');
    for (const command of [...commands, 'sh']) expect(listed).toContain(`slink /bin/${command} busybox`);
    // Words where a command can stand; what is no command is grammar, a builtin or a function of the script.
    const words = [
      ...script.matchAll(/(?:^|[;&|({]|\b(?:then|do|else|until|exec)\b|\|\|)[ \t]*([a-z_]+)(?= |$)/gm),
    ];
    const own =
      'say give_up find_root for while until case esac if then else fi do done return echo continue exec';
    const used = words.map(([, word = '']) => word).filter((word) => !own.split(' ').includes(word));
    expect(used.filter((word) => !commands.includes(word))).toEqual([]);
    expect(spawnSync('sh', ['-n', finder]).status).toBe(0);
  });
});

describe('an initramfs with an overlay', () => {
  test('is packed without the program that takes no white space in names', () => {
    const actions = image('initramfs', true);
    const initramfs = actions.get('initramfs');
    expect(initramfs === undefined ? [] : reads(initramfs)).toEqual([
      'elsewhere/busybox',
      'elsewhere/root-filesystem',
    ]);
  });
});
