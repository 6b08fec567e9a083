import { expect, test } from 'vitest';
import { sumUp } from '../../src/build/record-summary.ts';
import { summaryText } from '../../src/cli/record-text.ts';
import { busybox, command, compiler, count, make } from '../build/recorded-sample.ts';

test('a summary names what was run of each tool, what never was, and idle tools', () => {
  const uses = [
    count(
      's/a',
      [busybox, make],
      [command('/tools/bin/busybox', 'sed'), command('/tools/bin/busybox', 'sh')],
    ),
    count('s/b', [busybox, make], [command('/tools/bin/busybox', 'sed'), command('/tools/bin/make', 'make')]),
    count('s/c', [compiler], [command('/build/a', './a'), command('/usr/lib/gcc/cc1', 'cc1')]),
  ];
  const commands = new Map(
    [busybox, make, compiler].map(({ label, programs }) => [label, programs.commands]),
  );
  expect(summaryText(sumUp(uses, commands, ['s/d', 's/e'])))
    .toBe(`host-tools/busybox:out: named by 2, run by 2
  ran    sed 2, sh 1
  never  busybox, tac
host-tools/make:out: named by 2, run by 1
  ran    make 1
the machine's compiler: named by 1, run by 1
  ran    cc1 1
  never  gcc, gcc-12

Tools that an action names and runs nothing of:
  s/a: host-tools/make:out

Programs of no tool, which actions make themselves or sources bring:
  s/c: /build/a 1

Actions without a record (\`--record\` writes one when they run, \`--record --again\` runs them):
  s/d, s/e
`);
});
