import type { Command } from 'commander';
import type { SystemFetchOptions } from './system-fetch-command.ts';
import { nonEmpty, repeated, storeHelp } from './options.ts';
import type { Session } from './session.ts';

/** The commands for systems of packages. */
export function systemCommands(
  command: (name: string, summary: string) => Command,
  session: Session,
  done: (code: number) => void,
): void {
  const system = command('system', 'systems of packages, as Baserock definitions describe them');
  const systemCommand = (name: string, summary: string): Command =>
    system
      .command(name)
      .summary(summary)
      .description(summary)
      .argument('<SYSTEM>', 'file of a system: systems/NAME.morph in a set of definitions');

  systemCommand(
    'plan',
    'print what a system consists of, in the order of building, or what is wrong with its definitions',
  )
    .option('--json', 'print JSON')
    .action(async (file: string, options: { json?: boolean }) => {
      const { systemPlanCommand } = await import('./system-plan-command.ts');
      done(await systemPlanCommand(session, file, options.json ?? false));
    });

  systemCommand(
    'fetch',
    'fetch the sources of a system, and compare them with what they were when they were pinned',
  )
    .option('--pin', 'pin sources that are not pinned, as they are now')
    .option(
      '--pins <FILE>',
      'file of pins (default: bootstrap-pins.json in the root of the definitions)',
      nonEmpty,
    )
    .option(
      '--alias <NAME=URL>',
      'what NAME: stands for at the beginning of a repository: upstream=git://git.example.org/; may be repeated',
      repeated,
    )
    .option('--store <DIR>', storeHelp, nonEmpty)
    .option('--offline', 'fetch nothing; use what is in the store')
    .action(async (file: string, options: SystemFetchOptions) => {
      const { systemFetchCommand } = await import('./system-fetch-command.ts');
      done(await systemFetchCommand(session, file, options));
    });
}
