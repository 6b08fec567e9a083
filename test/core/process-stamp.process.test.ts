import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { probeProcess, processStamp } from '../../src/core/process-stamp.ts';
import { lineOf } from '../executor/processes.ts';

it('tells of another process whether it lives', async () => {
  const child = spawn('sleep', ['1000']);
  const stamp = processStamp(child.pid);
  expect(probeProcess(stamp)).toBe('alive');
  expect(stamp).toMatch(new RegExp(`^${String(child.pid)}\\.\\d+\\.\\d+$`));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(probeProcess(stamp)).toBe('dead');
});

it('a process that has ended is dead, though its parent has not noticed', async () => {
  // The program that the shell becomes knows nothing of the child that it has.
  const parent = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000']);
  onTestFinished(() => void parent.kill('SIGKILL'));
  const child = Number(await lineOf(parent));
  const stamp = processStamp(child);
  expect(probeProcess(stamp)).toBe('alive');
  // The shell itself would notice.
  while (readFileSync(`/proc/${String(parent.pid)}/comm`, 'latin1') !== 'sleep\n') await sleep(10);
  process.kill(child, 'SIGKILL');
  while (!readFileSync(`/proc/${String(child)}/stat`, 'latin1').includes(') Z ')) await sleep(10);
  expect(probeProcess(stamp)).toBe('dead');
});
