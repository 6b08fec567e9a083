import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { rootFilesystem } from '../../stages/root-filesystem.ts';
import { imageInputs, madeElsewhere, reads, said } from './image-inputs.ts';

const using = {
  base: [madeElsewhere('busybox')],
  crossTools: [madeElsewhere('stage-1')],
  targetLibraries: { musl: madeElsewhere('musl'), gccRuntime: madeElsewhere('gcc-runtime') },
};
const made = rootFilesystem(imageInputs, using);
const byName = new Map(made.actions.map((action) => [action.name.split('/')[1], action]));

function action(name: string) {
  const found = byName.get(name);
  if (found === undefined) throw new Error(`no action ${name}`);
  return found;
}

describe('root filesystem', () => {
  test('is made of one action for each program, and one that puts them together', () => {
    expect(made.actions.map(({ name }) => name)).toEqual([
      'root-filesystem-armv5l/bash',
      'root-filesystem-armv5l/busybox',
      'root-filesystem-armv5l/dropbear',
      'root-filesystem-armv5l/toybox',
      'root-filesystem-armv5l/assemble',
    ]);
    expect(made.tree).toEqual({ kind: 'output', action: 'root-filesystem-armv5l/assemble', output: 'out' });
  });

  test('its programs wait for the compiler and for nothing of each other', () => {
    for (const name of ['bash', 'busybox', 'dropbear', 'toybox']) {
      expect(reads(action(name))).toEqual(['elsewhere/busybox', 'elsewhere/stage-1']);
    }
  });

  test('the server of the command channel is static, and takes keys only', () => {
    const text = said(action('dropbear'));
    expect(text).toContain('--host=armv5l-linux-musleabi');
    expect(text).toContain('--enable-static');
    for (const option of ['SVR_PASSWORD_AUTH', 'SVR_LOCALTCPFWD', 'SVR_REMOTETCPFWD', 'SVR_AGENTFWD']) {
      expect(text).toContain(`#define DROPBEAR_${option} 0\n`);
    }
  });

  test('what breaks other processors is switched off, whether it was on, off or unset', () => {
    const sed = action('busybox').recipe.commands.find(
      (command) => command.kind === 'run' && command.argv[0] === 'sed',
    );
    if (sed?.kind !== 'run') throw new Error('busybox is not configured by sed');
    const edits = sed.argv.slice(2, -1);
    const edited = execFileSync('sed', [...edits], {
      encoding: 'utf8',
      input:
        '# CONFIG_STATIC is not set\nCONFIG_STATIC_LIBGCC=y\nCONFIG_TC=y\n# CONFIG_SHA1_HWACCEL is not set\n',
    });
    expect(edited).toBe(
      'CONFIG_STATIC=y\nCONFIG_STATIC_LIBGCC=y\n# CONFIG_TC is not set\n# CONFIG_SHA1_HWACCEL is not set\n',
    );
  });

  test('brings the libgcc_s that gcc makes for the arch', () => {
    const { target } = imageInputs;
    const other = { ...imageInputs, target: { ...target, gcc: { ...target.gcc, libgccVersion: 2 } } };
    const assemble = rootFilesystem(other, using).actions.find(({ name }) => name.endsWith('/assemble'));
    expect(said(action('assemble'))).toContain('libgcc_s.so.1 ');
    expect(assemble === undefined ? '' : said(assemble)).toContain('libgcc_s.so.2 ');
  });
});
