import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeArch } from '../../src/inputs/arch.ts';
import {
  checkConfigProgram,
  dispensableSymbols,
  genericSymbols,
  giveWayProgram,
  parseSymbol,
  renderMiniConfig,
  wantedSymbols,
} from '../../src/inputs/kernel-config.ts';
import { sampleArch } from './sample-arch.ts';

describe('wantedSymbols', () => {
  const wanted = wantedSymbols(describeArch(sampleArch));
  const value = (name: string) => wanted.find((symbol) => symbol.name === name)?.value;

  it('unites the generic set, the virtio bus and the arch', () => {
    expect(value('DEVTMPFS')).toBe('y');
    expect(value('PANIC_TIMEOUT')).toBe('1');
    expect(value('VIRTIO_PCI')).toBe('y');
    expect(value('VIRTIO_MMIO')).toBeUndefined();
    expect(value('VFP')).toBe('y');
    expect(value('ARCH_MULTI_V7')).toBe('n');
    expect(value('SCSI_MODE')).toBe('0');
  });

  it('leaves out what the arch does without', () => {
    expect(value('RTC_CLASS')).toBeUndefined();
    expect(value('RTC_HCTOSYS')).toBeUndefined();
  });

  it('lets the arch overrule the generic set', () => {
    const kernel = { ...sampleArch.kernel, symbols: ['PANIC_TIMEOUT=5', 'IPV6=n'] };
    const overruled = wantedSymbols(describeArch({ ...sampleArch, kernel }));
    expect(overruled).toContainEqual({ name: 'PANIC_TIMEOUT', value: '5' });
    expect(overruled).toContainEqual({ name: 'IPV6', value: 'n' });
    expect(overruled.filter(({ name }) => name === 'IPV6')).toHaveLength(1);
  });

  it('does not depend on the order in a descriptor', () => {
    const kernel = { ...sampleArch.kernel, symbols: sampleArch.kernel.symbols.toReversed() };
    expect(wantedSymbols(describeArch({ ...sampleArch, kernel }))).toEqual(wanted);
  });

  it('has a generic set without repetition', () => {
    const names = genericSymbols.map((symbol) => parseSymbol(symbol).name);
    expect(names).toEqual([...new Set(names)]);
  });
});

it('renders as kconfig writes', () => {
  const symbols = ['VFP', '64BIT=n', 'MODE=0', 'NAME="a=b c"'].map(parseSymbol);
  expect(renderMiniConfig(symbols)).toBe(
    'CONFIG_VFP=y\n# CONFIG_64BIT is not set\nCONFIG_MODE=0\nCONFIG_NAME="a=b c"\n',
  );
});

describe('dispensableSymbols', () => {
  const arch = describeArch(sampleArch);
  const names = (further: readonly string[]) =>
    dispensableSymbols(arch, further.map(parseSymbol)).map(({ name }) => name);

  it('are none if nothing is turned off', () => {
    expect(names([])).toEqual([]);
    expect(names(['PANIC_TIMEOUT=7'])).toEqual([]);
  });

  it('are those of the generic set alone that nobody else asks for', () => {
    const dispensable = names(['IPV6=n', 'BRIDGE']);
    expect(dispensable).toContain('IPV6_MULTIPLE_TABLES');
    for (const name of ['IPV6', 'BRIDGE', 'VFP', 'VIRTIO_PCI', 'RTC_CLASS'])
      expect(dispensable).not.toContain(name);
  });
});

it('giveWayProgram leaves out and names what is dispensable and missing', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kernel-config-'));
  const files = {
    program: giveWayProgram,
    dispensable: 'CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=1\n',
    final: '# CONFIG_A is not set\nCONFIG_B=y\n',
    wanted: 'CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=1\nCONFIG_D=y\n# CONFIG_E is not set\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const { status, stdout, stderr } = spawnSync('awk', ['-f', 'program', 'dispensable', 'final', 'wanted'], {
    cwd: directory,
    encoding: 'utf8',
  });
  rmSync(directory, { recursive: true });
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: 'CONFIG_B=y\nCONFIG_D=y\n# CONFIG_E is not set\n',
  });
  expect(stderr).toBe(
    'kernel configuration: left out CONFIG_A=y, which depends on what is turned off\n' +
      'kernel configuration: left out CONFIG_C=1, which depends on what is turned off\n',
  );
});

describe('checkConfigProgram', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kernel-config-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  function check(wanted: string, final: string) {
    writeFileSync(join(directory, 'program'), checkConfigProgram);
    writeFileSync(join(directory, 'wanted'), wanted);
    writeFileSync(join(directory, 'final'), final);
    const { status, stdout } = spawnSync('awk', ['-f', 'program', 'wanted', 'final'], {
      cwd: directory,
      encoding: 'utf8',
    });
    return { status, lines: stdout.split('\n').filter((line) => line !== '') };
  }

  it('prints nothing if everything is as requested', () => {
    const wanted = 'CONFIG_A=y\n# CONFIG_B is not set\n# CONFIG_C is not set\nCONFIG_D="x y"\n';
    const final = '#\n# Linux\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D="x y"\nCONFIG_E=y\n';
    expect(check(wanted, final)).toEqual({ status: 0, lines: [] });
  });

  it('names every symbol with another value', () => {
    const wanted = 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=0\nCONFIG_D=y\nCONFIG_D_LONGER=y\n';
    const final = 'CONFIG_AA=y\nCONFIG_B=y\nCONFIG_C=1\nCONFIG_D=y\n# CONFIG_D_LONGER is not set\n';
    expect(check(wanted, final)).toEqual({
      status: 1,
      lines: [
        'kernel configuration: asked for CONFIG_A=y, final .config has # CONFIG_A is not set',
        'kernel configuration: asked for # CONFIG_B is not set, final .config has CONFIG_B=y',
        'kernel configuration: asked for CONFIG_C=0, final .config has CONFIG_C=1',
        'kernel configuration: asked for CONFIG_D_LONGER=y, final .config has # CONFIG_D_LONGER is not set',
      ],
    });
  });
});
