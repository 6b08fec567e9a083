/**
 * What the command line costs before it does anything: commands that build nothing, as multiples of the time in which node
 * itself starts and ends. All take turns in one run, and each figure is a median of ratios to the node beside it, since this
 * machine's speed is nobody else's and changes while others use it.
 *
 *     node src/start/run.mjs bench/startup.ts [ROUNDS]
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { place } from '../src/core/place.ts';

const { repository } = place();
const rounds = Number(process.argv[2] ?? 21);
const launcher = path.join(repository, 'bootstrap');
const commands = [['--version'], ['--help'], ['list', 'arches'], ['plan', 'armv5l', '--host', 'i686']];

/** Wall time in milliseconds. */
function measure(program: string, argv: readonly string[]): number {
  const started = performance.now();
  const result = spawnSync(program, argv, { cwd: repository, stdio: 'ignore' });
  if (result.status !== 0)
    throw new Error(`${program} ${argv.join(' ')} ended with ${String(result.status)}`);
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

// What a first start does, and what the first reading of a file costs, is no part of it.
for (const argv of commands) measure(launcher, argv);
const nodes: number[] = [];
const ratios = commands.map((): number[] => []);
for (let round = 0; round < rounds; round += 1) {
  commands.forEach((argv, index) => {
    const node = measure('node', ['-e', '0']);
    nodes.push(node);
    ratios[index]?.push(measure(launcher, argv) / node);
  });
}
console.log(`node starts and ends: 1.0 (${median(nodes).toFixed(0)} ms here)`);
commands.forEach((argv, index) => {
  console.log(`bootstrap ${argv.join(' ')}: ${median(ratios[index] ?? []).toFixed(1)}`);
});
