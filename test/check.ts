/**
 * What every commit passes: format, lint, types and tests. All at once, because many tests wait for the programs that
 * they start; what the first three say is printed after the tests.
 */
import { spawn } from 'node:child_process';
import { staticChecks } from './static-checks.ts';

interface Outcome {
  readonly command: string;
  readonly text: string;
  readonly passed: boolean;
}

/** Runs a package's program. What it says is kept, or goes straight to the terminal where `isShown`. */
function run(isShown: boolean, program: string, ...rest: readonly string[]): Promise<Outcome> {
  const out = isShown ? 'inherit' : 'pipe';
  const child = spawn('npx', ['--no-install', program, ...rest], { stdio: ['ignore', out, out] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  }
  const command = [program, ...rest].join(' ');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ command, text, passed: code === 0 });
    });
  });
}

const outcomes = await Promise.all([
  run(true, 'vitest', 'run', '--project', 'pure', '--project', 'process'),
  ...staticChecks.map((argv) => run(false, ...argv)),
]);
for (const { command, text, passed } of outcomes) {
  console.log(`\n${passed ? 'passed' : 'FAILED'}: ${command}`);
  if (!passed) process.stdout.write(text);
}
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;
