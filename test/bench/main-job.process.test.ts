import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { scriptArguments } from '../script.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

const bench = path.resolve(import.meta.dirname, '../../bench/main-job.ts');

/** A checkout whose `bootstrap` knows these plans, by arch and options, and builds an action by leaving its time. */
function fakeCheckout(plans: Readonly<Record<string, Readonly<Record<string, number>>>>): string {
  const directory = temporaryDirectory();
  const program = `#!/usr/bin/env node
    const fs = require('node:fs');
    const plans = ${JSON.stringify(plans)};
    const [command, ...argv] = process.argv.slice(2);
    const at = argv.findIndex((word) => word === '--json' || word === '--only-action');
    const name = argv.slice(0, at).join(' ');
    const plan = plans[name];
    if (plan === undefined) throw new Error('no plan ' + name);
    // What two plans share has one plan id.
    const idOf = (action) => 'id-' + action.replaceAll('/', '-') + '-' + plan[action];
    if (command === 'plan') {
      const actions = Object.keys(plan).map((action) => ({ name: action, planId: idOf(action) }));
      console.log(JSON.stringify({ actions }));
    } else {
      fs.appendFileSync(${JSON.stringify(path.join(directory, 'built'))}, argv[at + 1] + '\\n');
      const store = argv[argv.indexOf('--store') + 1];
      if (fs.existsSync(${JSON.stringify(path.join(directory, 'broken'))})) process.exit(1);
      fs.mkdirSync(store + '/notes/durations', { recursive: true });
      const time = { wallSeconds: 1, cpuSeconds: plan[argv[at + 1]] };
      fs.writeFileSync(store + '/notes/durations/' + idOf(argv[at + 1]) + '.json', JSON.stringify(time));
    }
  `;
  writeFileSync(path.join(directory, 'bootstrap'), program, { mode: 0o755 });
  return directory;
}

function built(checkout: string): readonly string[] {
  return readFileSync(path.join(checkout, 'built'), 'utf8').trim().split('\n');
}

function run(...argv: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync(process.execPath, scriptArguments(bench, ...argv), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

it('builds two checkouts action by action, goes on after an interruption, and compares stages', () => {
  const old = fakeCheckout({
    'a --host h': { 'tools/sed': 60, 'gcc/build': 600, 'gcc/install': 60, 'gone/x': 120 },
  });
  const now = fakeCheckout({
    'a --host h --fast': { 'tools/sed': 60, 'gcc/build': 270, 'gcc/install': 60 },
    'b --host h --fast': { 'tools/sed': 60, 'gcc/build': 300 },
  });
  const work = temporaryDirectory();
  const argv = ['--old', old, '--new', now, '--work', work, '--new-option=--fast'];
  const selection = ['--', 'a', '--host', 'h'];
  writeFileSync(path.join(now, 'broken'), '');
  expect(run(...argv, ...selection).status).not.toBe(0);
  expect([built(old), built(now)]).toEqual([['tools/sed'], ['tools/sed']]);
  rmSync(path.join(now, 'broken'));
  const whole = run(...argv, ...selection);
  expect(whole.status).toBe(0);
  expect(built(old)).toEqual(['tools/sed', 'gcc/build', 'gcc/install', 'gone/x']);
  expect(built(now)).toEqual(['tools/sed', 'tools/sed', 'gcc/build', 'gcc/install']);
  // The first action of each pair is the other one's each time.
  expect(whole.stdout.match(/^(?:old|new): .*$/gm)).toEqual([
    'new: tools/sed',
    'new: gcc/build',
    'old: gcc/build',
    'old: gcc/install',
    'new: gcc/install',
    'old: gone/x',
  ]);
  expect(whole.stdout).toContain(`
| stage | before | now | ratio |
| ----- | ------ | --- | ----- |
| tools | 1.0    | 1.0 | 1.00  |
| gcc   | 11.0   | 5.5 | 0.50  |
| gone  | 2.0    | -   | -     |
| all   | 14.0   | 6.5 | 0.46  |
`);
});

it('leaves out what the plan of another arch has too', () => {
  const checkout = fakeCheckout({
    'a --host h': { 'tools/sed': 60, 'gcc/build': 600 },
    'b --host h': { 'tools/sed': 60, 'gcc/build': 300 },
  });
  const argv = [
    '--old',
    checkout,
    '--new',
    checkout,
    '--work',
    temporaryDirectory(),
    '--less',
    'b',
    '--actions',
  ];
  const whole = run(...argv, '--', 'a', '--host', 'h');
  expect(whole.stdout).toContain(`
| action    | before | now  | ratio |
| --------- | ------ | ---- | ----- |
| gcc/build | 10.0   | 10.0 | 1.00  |
| all       | 10.0   | 10.0 | 1.00  |
`);
});
