import { spawnSync } from 'node:child_process';

/** A POSIX shell: its argv, to which the script's file is added, or `-c` and a text. */
export interface Shell {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
}

const wanted: readonly Shell[] = [
  { name: 'sh', argv: ['sh'] },
  { name: 'dash', argv: ['dash'] },
  { name: 'bash', argv: ['bash'] },
  { name: 'busybox', argv: ['busybox', 'ash'] },
];

function runs({ argv: [program, ...rest] }: Shell): boolean {
  return spawnSync(program, [...rest, '-c', ':'], { stdio: 'ignore' }).status === 0;
}

/** The shells that scripts of ours are tried with. Those that this machine lacks are left out, but not in continuous integration. */
export const shells: readonly Shell[] = wanted.filter((shell) => {
  if (runs(shell)) return true;
  if (process.env['CI'] !== undefined)
    throw new Error(`${shell.name} is missing, which tests of scripts need`);
  return false;
});
