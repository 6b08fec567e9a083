import { spawn } from 'node:child_process';
import { expect, it, onTestFinished } from 'vitest';
import { lineOf } from './processes.ts';

function shell(text: string) {
  const child = spawn('sh', ['-c', text]);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

it('gives the first line of a child, or the one that is wanted', async () => {
  expect(await lineOf(shell('printf on; sleep 0.1; echo e; echo two; exec sleep 1000'))).toBe('one');
  expect(await lineOf(shell('echo one; echo two; exec sleep 1000'), 'two')).toBe('two');
});

it('reports what a child wrote to stderr if it ends without the line', async () => {
  await expect(lineOf(shell('echo it broke >&2; exit 3'))).rejects.toThrow(
    'sh ended with exit code 3 before a line of output; stderr:\nit broke\n',
  );
  await expect(lineOf(shell('echo one; kill -9 $$'), 'two')).rejects.toThrow(
    "sh ended by SIGKILL before the line 'two'; stderr:\n",
  );
});

it('fails for a program that does not start', async () => {
  await expect(lineOf(spawn('/nowhere/program'))).rejects.toThrow('ENOENT');
});
