import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** How many processes of this machine have this text in their command line, and are more than a zombie. */
export async function countProcesses(text: string): Promise<number> {
  let count = 0;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(text)) count += 1;
  }
  return count;
}

/** Whether a process is there that is more than a zombie: who takes those away is the affair of whoever started it. */
export function isRunning(pid: number | string): boolean {
  try {
    const stat = readFileSync(`/proc/${String(pid).trim()}/stat`, 'latin1');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2).charAt(0));
  } catch {
    return false;
  }
}

/** Waits for what may take long on a busy machine; what never comes true fails after minutes, with what was waited for. */
export async function until(what: string, happened: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = Date.now(); !(await happened()); await sleep(20)) {
    if (Date.now() - began > 240_000) throw new Error(`four minutes passed, and still not: ${what}`);
  }
}

/** Waits until no process of this machine has this text in its command line. */
export async function untilNoneHas(text: string): Promise<void> {
  await until(`no process has ${text}`, async () => (await countProcesses(text)) === 0);
}

/**
 * Waits for a line of a child's output, the first one unless `wanted` is given. Rejects, with what the child wrote to
 * stderr, when it ends before or does not start. stdout and stderr must be pipes.
 */
export function lineOf(child: ChildProcess, wanted?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null || child.stderr === null) throw new Error('stdout and stderr must be pipes');
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    createInterface(child.stdout).on('line', (line) => {
      if (wanted === undefined || line === wanted) resolve(line);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const how = signal === null ? `with exit code ${String(code)}` : `by ${signal}`;
      const missing = wanted === undefined ? 'a line of output' : `the line '${wanted}'`;
      reject(new Error(`${child.spawnfile} ended ${how} before ${missing}; stderr:\n${errors}`));
    });
  });
}

const capabilities = '-dac_override,-dac_read_search';

/** Begin of a command line for a program that modes of files bind. Root passes every mode unless it lacks two capabilities. */
export const withoutOverride: readonly string[] =
  process.getuid?.() === 0 ? ['setpriv', `--bounding-set=${capabilities}`, `--inh-caps=${capabilities}`] : [];
