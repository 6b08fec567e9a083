import { describe, expect, it } from 'vitest';
import {
  decodeAction,
  decodeActionResult,
  decodeCommand,
  encodeAction,
  encodeActionResult,
  encodeCommand,
} from '../../src/executor/action-message.ts';
import { digestBytes } from '../../src/store/directory-message.ts';
import { sampleDigest } from '../plan/sample.ts';

const action = {
  command: sampleDigest('a'),
  inputRoot: sampleDigest('b'),
  platform: { os: 'linux', cpu: 'armv5l' },
} as const;

const command = {
  argv: ['/bin/sh', '-e', '', 'ä b'],
  environment: { B: '2', A: '', '\u{1f600}': 'x', '\uffff': 'y' },
  outputPaths: ['out/b', 'out/a', 'out/a'],
};

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('the message of an action', () => {
  it('comes back as it was', () => {
    expect(decodeAction(encodeAction(action))).toEqual(action);
    const further = { ...action, platform: { ...action.platform, alsoRuns: ['i686', 'x86_64'] } } as const;
    expect(decodeAction(encodeAction(further))).toEqual(further);
    const privileged = { ...action, platform: { ...action.platform, superuser: true } } as const;
    expect(decodeAction(encodeAction(privileged))).toEqual(privileged);
  });

  it('is encoded as the API numbers its fields', () => {
    const digest = (digit: string) => `0a40${Buffer.from(digit.repeat(64)).toString('hex')}1007`;
    const property = (name: string, value: string) => {
      const pair = `0a${length(name)}${hex(Buffer.from(name))}12${length(value)}${hex(Buffer.from(value))}`;
      return `0a${(pair.length / 2).toString(16).padStart(2, '0')}${pair}`;
    };
    const properties = property('ISA', 'armv5l') + property('OSFamily', 'linux');
    expect(hex(encodeAction(action))).toBe(
      `0a44${digest('a')}1244${digest('b')}52${(properties.length / 2).toString(16)}${properties}`,
    );
  });

  it('is undefined if something is missing, duplicate or malformed', () => {
    const bytes = encodeAction(action);
    expect(decodeAction(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
    expect(decodeAction(new Uint8Array())).toBeUndefined();
    expect(decodeAction(Buffer.concat([bytes, bytes]))).toBeUndefined();
    expect(decodeAction(Buffer.from('no message at all'))).toBeUndefined();
  });

  it('may have fields that we do not know', () => {
    // A timeout, and `do_not_cache`.
    const more = Buffer.from('320208053801', 'hex');
    expect(decodeAction(Buffer.concat([encodeAction(action), more]))).toEqual(action);
  });
});

describe('the message of a command', () => {
  it('comes back with variables and paths in order of their bytes, each once', () => {
    const decoded = decodeCommand(encodeCommand(command));
    expect(decoded).toEqual({ ...command, outputPaths: ['out/a', 'out/b'] });
    expect(Object.keys(decoded?.environment ?? {})).toEqual(['A', 'B', '\uffff', '\u{1f600}']);
  });

  it('has one encoding, in whatever order it is written down', () => {
    const other = {
      ...command,
      environment: { A: '', '\uffff': 'y', '\u{1f600}': 'x', B: '2' },
      outputPaths: ['out/a', 'out/b'],
    };
    expect(digestBytes(encodeCommand(other))).toBe(digestBytes(encodeCommand(command)));
    // "0a" words, "12" variables, "3a" output paths.
    expect(hex(encodeCommand({ argv: ['x'], environment: { A: '1', B: '' }, outputPaths: ['o'] }))).toBe(
      '0a0178' + '12060a0141120131' + '12030a0142' + '3a016f',
    );
  });

  it.each(['/out', 'out/', 'a/../../b', '..', ''])('has no output at %j', (path) => {
    expect(decodeCommand(encodeCommand({ ...command, outputPaths: [path] }))).toBeUndefined();
  });

  it('is undefined without a program, or if malformed', () => {
    expect(decodeCommand(encodeCommand({ ...command, argv: [] }))).toBeUndefined();
    expect(decodeCommand(Buffer.from('no message at all'))).toBeUndefined();
  });
});

describe('the message of a result', () => {
  const result = {
    outputDirectories: [
      { path: 'out', tree: sampleDigest('c') },
      { path: 'lib', tree: sampleDigest('c'), root: sampleDigest('e') },
    ],
    exitCode: 137,
    stdout: sampleDigest('d'),
    printed: new Uint8Array([1, 2]),
  };

  it('comes back as it was', () => {
    expect(decodeActionResult(encodeActionResult(result))).toEqual(result);
    const empty = { outputDirectories: [], exitCode: 0 };
    expect(decodeActionResult(encodeActionResult(empty))).toEqual(empty);
    expect(decodeActionResult(encodeActionResult({ ...empty, exitCode: -1 }))?.exitCode).toBe(-1);
  });

  it('is undefined if it is malformed', () => {
    const bytes = encodeActionResult(result);
    expect(decodeActionResult(bytes.subarray(0, 20))).toBeUndefined();
    expect(decodeActionResult(Buffer.concat([bytes, Buffer.from('2001', 'hex')]))).toBeUndefined();
  });
});

function length(text: string): string {
  return text.length.toString(16).padStart(2, '0');
}
