import {
  programsOf,
  UseCounter,
  type ActionUse,
  type NamedTool,
  type RecordedCommand,
} from '../../src/build/record-summary.ts';
import type { TreeEntry } from '../../src/store/store.ts';
import { sampleDigest } from '../plan/sample.ts';

function file(at: string, executable = true): TreeEntry {
  return { kind: 'file', path: at, digest: sampleDigest('1'), executable };
}

function link(at: string, target: string): TreeEntry {
  return { kind: 'symlink', path: at, target };
}

export function command(program: string, ...argv: string[]): RecordedCommand {
  return { pid: 2, ppid: 1, program, cwd: '/build', argv };
}

export const busybox: NamedTool = {
  label: 'host-tools/busybox:out',
  place: '/tools',
  programs: programsOf([
    file('bin/busybox'),
    link('bin/sed', 'busybox'),
    link('bin/sh', 'busybox'),
    link('bin/tac', 'busybox'),
  ]),
};
export const make: NamedTool = {
  label: 'host-tools/make:out',
  place: '/tools',
  programs: programsOf([file('bin/make'), file('share/text', false)]),
};
export const headers: NamedTool = {
  label: 'stage-1/headers:out',
  place: '/tools',
  programs: programsOf([file('x/include/a.h', false)]),
};
export const compiler: NamedTool = {
  label: "the machine's compiler",
  place: '',
  programs: programsOf([
    file('usr/bin/gcc-12'),
    link('usr/bin/gcc', 'gcc-12'),
    file('usr/lib/gcc/cc1'),
    file('usr/bin/notes.txt', false),
  ]),
};

export function count(
  action: string,
  tools: readonly NamedTool[],
  commands: readonly RecordedCommand[],
): ActionUse {
  const counter = new UseCounter(action, tools);
  for (const each of commands) counter.take(each);
  return counter.end();
}
