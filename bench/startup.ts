/**
 * What the command line costs before it does anything: commands that build nothing, as multiples of the time in which node
 * itself starts and ends. Ratios of one run, since this machine's speed is nobody else's.
 *
 *     node src/start/run.mjs bench/startup.ts
 */
import { spawnSync } from 'node:child_process';
import { place } from '../src/core/place.ts';

const { repository } = place();
const rounds = 7;

/** Median wall time in milliseconds. */
function measure(program: string, argv: readonly string[]): number {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    const result = spawnSync(program, argv, { cwd: repository, stdio: 'ignore' });
    if (result.status !== 0)
      throw new Error(`${program} ${argv.join(' ')} ended with ${String(result.status)}`);
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[rounds >> 1] ?? 0;
}

const node = measure('node', ['-e', '0']);
console.log(`node starts and ends: 1.0 (${node.toFixed(0)} ms here)`);
for (const argv of [['--version'], ['list', 'arches'], ['plan', 'armv5l', '--host', 'i686']]) {
  const time = measure('./bootstrap', argv);
  console.log(`bootstrap ${argv.join(' ')}: ${(time / node).toFixed(1)} (${time.toFixed(0)} ms here)`);
}
