import { CommanderError } from 'commander';
import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { StoreFault } from '../core/fault.ts';
import { createProgram } from './program.ts';
import { offeredVersions } from './version-options.ts';
import { sourceStack } from './source-stack.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, processSession, type Session } from './session.ts';

/** Runs one command line in this process and ends it with the command's exit code. */
export async function main(argv: readonly string[]): Promise<never> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // It is not a failure if the reader has seen enough (`bootstrap plan | head`).
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`bootstrap: cannot write the output (${error.code ?? error.message})\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => undefined);
  // Each running action listens for the abort: with -j 16 there are more listeners than Node's limit for a leak.
  setMaxListeners(0);
  const session = processSession();
  process.on('uncaughtException', (error) => {
    process.exit(explainBug(session, error));
  });
  process.on('unhandledRejection', (error) => {
    process.exit(explainBug(session, error));
  });
  const code = await runCommandLine(session, argv);
  // A write that fails is reported later, by the handler above.
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(code);
}

/** The whole program except for the process around it. Returns the exit code: an `ExitCode`, or that of a command in a guest. Never throws. */
export async function runCommandLine(session: Session, argv: readonly string[]): Promise<number> {
  let code = 0;
  try {
    const { repository } = session;
    const facts = { version: await version(repository), offered: await offeredVersions(repository) };
    const program = createProgram(session, facts, (result) => {
      code = result;
    });
    if (argv.length === 0) {
      session.err(program.helpInformation());
      return 2;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof StoreFault) return explain(session, error.failure);
    return explainBug(session, error);
  }
}

function explainBug(session: Session, error: unknown): ExitCode {
  const stack = error instanceof Error ? sourceStack(error.stack ?? error.message) : String(error);
  session.err(
    `bootstrap: this is a bug in bootstrap itself, not your mistake; please report it with these lines:\n${stack}\n`,
  );
  return 1;
}

async function version(repository: string): Promise<string> {
  const text = await readFile(path.join(repository, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
