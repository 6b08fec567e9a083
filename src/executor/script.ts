import { unreachable } from '../core/result.ts';
import { quoteWord } from '../core/shell-word.ts';
import type { Command } from '../plan/action.ts';

/** Working directory of commands that name none. */
export const buildDirectory = '/build';

/** Words that a shell treats as grammar if they come first and are unquoted. */
const reservedWords = new Set(
  '! { } case do done elif else esac fi for if in then until while function select time [['.split(' '),
);

/**
 * Builtins that change the shell itself instead of running a program: as an argv they would affect everything that
 * follows (`exit 0` would end the script successfully), so a plan that names one is wrong.
 */
const shellOnly = new Set(
  (
    '. : alias bg break cd command continue eval exec exit export fg getopts hash jobs local read readonly ' +
    'return set shift source times trap type ulimit umask unalias unset wait'
  ).split(' '),
);

function quoteProgram(name: string): string {
  if (name === '' || shellOnly.has(name)) throw new Error(`not a program: '${name}'`);
  return name.includes('=') || reservedWords.has(name)
    ? `'${name.replaceAll("'", `'\\''`)}'`
    : quoteWord(name);
}

function quoteAssignment([name, value]: [string, string]): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`not a name of a variable: '${name}'`);
  return `${name}=${quoteWord(value)}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function echo(text: string): string {
  return `printf '%s\\n' ${quoteWord(`+ ${text}`)}`;
}

function renderCommand(command: Command): string[] {
  switch (command.kind) {
    case 'run': {
      const [program, ...rest] = command.argv;
      const cwd = command.cwd ?? buildDirectory;
      const words = [
        ...Object.entries(command.env ?? {})
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(quoteAssignment),
        quoteProgram(program),
        ...rest.map(quoteWord),
      ].join(' ');
      const output = command.stdout === undefined ? '' : ` >${quoteWord(command.stdout)}`;
      const input = command.stdin === undefined ? '' : ` <${quoteWord(command.stdin)}`;
      return [
        // Entered again for each command, because an earlier one may have replaced the directory.
        `mkdir -p ${quoteWord(cwd)}`,
        `cd ${quoteWord(cwd)}`,
        ...(command.stdout === undefined ? [] : [`mkdir -p ${quoteWord(parentOf(command.stdout))}`]),
        echo(`${cwd === buildDirectory ? '' : `cd ${quoteWord(cwd)} && `}${words}${input}${output}`),
        `${words} ${input === '' ? '</dev/null' : input.trimStart()}${output}`,
      ];
    }
    case 'write':
      return [
        echo(`write ${command.path}`),
        `mkdir -p ${quoteWord(parentOf(command.path))}`,
        `printf '%s' ${quoteWord(command.text)} >${quoteWord(command.path)}`,
        `chmod ${command.mode.toString(8)} ${quoteWord(command.path)}`,
      ];
    default:
      return unreachable(command);
  }
}

/**
 * Commands as one POSIX script that ends at the first failing one, with that one's exit code. Each is shown on standard
 * output as a line `+ …` before it runs. The script needs a shell with `printf` built in, `mkdir` and `chmod`, and can
 * also be run by hand in a sandbox that was entered. Throws if a command cannot be written (NUL, a shell builtin
 * instead of a program): a bug of the stage.
 */
export function renderScript(commands: readonly Command[]): string {
  const parts = commands.map((command) => renderCommand(command).join('\n'));
  return `${['#!/bin/sh', 'set -e', 'umask 022'].join('\n')}\n\n${parts.map((part) => `${part}\n`).join('\n')}`;
}
