import { describe, expect, test } from 'vitest';
import { parseKernelFragment } from '../../src/inputs/kernel-fragment.ts';
import { failureText } from '../../src/report/failure-text.ts';

function read(text: string) {
  const parsed = parseKernelFragment(text, '/some/fragment');
  if (!parsed.ok) throw new Error(failureText(parsed.failure));
  return parsed.value;
}

function refused(text: string): string {
  const parsed = parseKernelFragment(text, '/some/fragment');
  if (parsed.ok) throw new Error(`read as ${JSON.stringify(parsed.value)}`);
  return failureText(parsed.failure);
}

describe('a fragment of a kernel configuration', () => {
  test('has values, unset symbols, comments and empty lines', () => {
    const text = [
      '#',
      '# Automatically generated file; DO NOT EDIT.',
      '',
      'CONFIG_ZERO=0',
      'CONFIG_ADDRESS=0xC0000000',
      'CONFIG_NAME="a \\"b\\" = c"  ',
      '# CONFIG_OFF is not set',
      'CONFIG_ALSO_OFF=n\r',
      'CONFIG_64BIT=y',
    ].join('\n');
    expect(read(text)).toEqual([
      { name: '64BIT', value: 'y' },
      { name: 'ADDRESS', value: '0xC0000000' },
      { name: 'ALSO_OFF', value: 'n' },
      { name: 'NAME', value: '"a \\"b\\" = c"' },
      { name: 'OFF', value: 'n' },
      { name: 'ZERO', value: '0' },
    ]);
    expect(read('')).toEqual([]);
  });

  test('may repeat a value, but not set a symbol to two values', () => {
    expect(read('CONFIG_A=y\nCONFIG_A=y\n')).toEqual([{ name: 'A', value: 'y' }]);
    expect(refused('CONFIG_A=y\n\n# CONFIG_A is not set\n')).toBe(
      '/some/fragment has 1 fault\n' +
        '  /some/fragment:3: gives CONFIG_A another value than line 1\n' +
        '  Fix the file and run the command again; nothing was built.',
    );
  });

  test.each([
    ['A=y', 'must be CONFIG_NAME=VALUE or # CONFIG_NAME is not set, is A=y; is it CONFIG_A?'],
    ['KEXEC', 'must be CONFIG_NAME=VALUE or # CONFIG_NAME is not set, is KEXEC; is it CONFIG_KEXEC?'],
    ['CONFIG_A', 'must be CONFIG_NAME=VALUE or # CONFIG_NAME is not set, is CONFIG_A'],
    ['CONFIG_A = y', 'must be CONFIG_NAME=VALUE or # CONFIG_NAME is not set, is CONFIG_A = y'],
    ['# CONFIG_A not set', 'must be CONFIG_NAME=VALUE or # CONFIG_NAME is not set, is # CONFIG_A not set'],
    ['CONFIG_A=', 'CONFIG_A must be y, n, m, a number or a "text", is nothing'],
    ['CONFIG_A=yes', 'CONFIG_A must be y, n, m, a number or a "text", is yes'],
    ['CONFIG_A="open', 'CONFIG_A must be y, n, m, a number or a "text", is "open'],
  ])('with the line %s is refused', (line, message) => {
    expect(refused(`CONFIG_B=y\n${line}\n`)).toContain(`\n  /some/fragment:2: ${message}\n`);
  });

  test('has all its faults reported at once', () => {
    expect(refused('A=y\nCONFIG_B=y\nC\n')).toMatch(/has 2 faults\n.*:1: .*\n.*:3: /);
  });
});
