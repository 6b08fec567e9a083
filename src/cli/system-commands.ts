import type { Command } from 'commander';
import { systemFormats } from '../../stages/chunk/formats.ts';
import type { SystemFetchOptions } from './system-fetch-command.ts';
import type { SystemPlanOptions } from './system-plan-command.ts';
import type { SystemBuildOptions } from './system-build-options.ts';
import {
  jobs,
  nonEmpty,
  outHelp,
  repeated,
  repeatedChoice,
  sourcing,
  storeHelp,
  wholeNumber,
} from './options.ts';
import { builderOption, hosting } from './plan-options.ts';
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

  const plan = systemCommand(
    'plan',
    'print what a system consists of, in the order of building, or what is wrong with its definitions',
  );
  reading(hosting(plan))
    .addOption(builderOption())
    .option('--json', 'print JSON')
    .action(async (file: string, options: SystemPlanOptions) => {
      const { systemPlanCommand } = await import('./system-plan-command.ts');
      done(await systemPlanCommand(session, file, options));
    });

  const build = systemCommand(
    'build',
    'build the chunks of a system by programs of its arch, with everything that this takes',
  );
  reading(sourcing(hosting(build)))
    .addOption(builderOption())
    .option('--only <CHUNK>', 'this chunk, with what it needs; may be repeated', repeated)
    .option(
      '--format <FORMAT>',
      `form of the system: ${systemFormats.join(', ')} (default: tar); may be repeated`,
      (text: string, before?: readonly string[]) => repeatedChoice(text, before, systemFormats),
    )
    .option('--check', 'run the tests of chunks')
    .option('--guests <N>', 'number of guests at once (default: number of cores)', wholeNumber(1, 1000))
    .option('-j, --jobs <N>', 'total number of concurrent compile processes (default: number of cores)', jobs)
    .option('-k, --keep-going', 'after a failure, go on with what does not depend on it')
    .option('--out <DIR>', outHelp, nonEmpty)
    .option('--events <FILE>', 'also write events to this file, as lines of JSON', nonEmpty)
    .action(async (file: string, options: SystemBuildOptions) => {
      const { systemBuildCommand } = await import('./system-build-command.ts');
      done(await systemBuildCommand(session, file, options));
    });

  const fetch = systemCommand(
    'fetch',
    'fetch the sources of a system, and compare them with what they were when they were pinned',
  );
  reading(fetch)
    .option('--pin', 'pin sources that are not pinned, as they are now')
    .option('--store <DIR>', storeHelp, nonEmpty)
    .option('--offline', 'fetch nothing; use what is in the store')
    .action(async (file: string, options: SystemFetchOptions) => {
      const { systemFetchCommand } = await import('./system-fetch-command.ts');
      done(await systemFetchCommand(session, file, options));
    });
}

/** Options of all of them. */
function reading(command: Command): Command {
  return command
    .option(
      '--replace <STRATUM=FILE>',
      'take this stratum, with what it needs, in place of the one that the definitions have; may be repeated',
      repeated,
    )
    .option(
      '--pins <FILE>',
      'file of pins (default: bootstrap-pins.json in the root of the definitions)',
      nonEmpty,
    )
    .option(
      '--alias <NAME=URL>',
      'what NAME: stands for at the beginning of a repository: upstream=git://git.example.org/; may be repeated',
      repeated,
    );
}
