import type { Command } from 'commander';
import { jobs, nonEmpty, sourcing, storeHelp, wholeNumber } from './options.ts';
import type { PackageAction, PackageOptions } from './install-packages.ts';
import { builderOption, hosting } from './plan-options.ts';
import type { Session } from './session.ts';
import { reading } from './system-options.ts';

/** The commands for packages in running guests. */
export function packageCommands(
  command: (name: string, summary: string) => Command,
  session: Session,
  done: (code: number) => void,
): void {
  const packages = command('package', 'packages in a running guest');
  const packageCommand = (name: string, summary: string): Command =>
    packages
      .command(name)
      .summary(summary)
      .description(summary)
      .argument('<GUEST>', 'name of the guest: the name of its arch unless `start --name` set another');
  const run = async (guest: string, action: PackageAction, options: PackageOptions): Promise<void> => {
    const { packageCommand: perform } = await import('./package-command.ts');
    done(await perform(session, guest, action, options));
  };

  packageCommand('list', 'print the packages of a guest, with their versions')
    .option('--store <DIR>', storeHelp, nonEmpty)
    .action((guest: string, options: PackageOptions) => run(guest, { kind: 'list' }, options));

  packageCommand('remove', 'remove packages from a guest, if nothing needs them')
    .argument('<NAME...>')
    .option('--store <DIR>', storeHelp, nonEmpty)
    .action((guest: string, names: readonly string[], options: PackageOptions) =>
      run(guest, { kind: 'remove', names }, options),
    );

  making(packageCommand('install', 'build packages and what they need, and install them in a guest'))
    .argument('<NAME...>', 'chunks of the system')
    .action((guest: string, names: readonly string[], options: PackageOptions) =>
      run(guest, { kind: 'install', names }, options),
    );

  making(packageCommand('upgrade', 'build packages of a guest again, and replace those that differ'))
    .argument('[NAME...]', 'default: all')
    .action((guest: string, names: readonly string[], options: PackageOptions) =>
      run(guest, { kind: 'upgrade', names }, options),
    );
}

function making(command: Command): Command {
  return reading(sourcing(hosting(command)))
    .addOption(builderOption())
    .option(
      '--system <FILE>',
      'file of the system whose chunks the packages are (default: definitions/systems/base-ARCH.morph)',
      nonEmpty,
    )
    .option(
      '--guests <N>',
      'number of guests that build at once (default: number of cores)',
      wholeNumber(1, 1000),
    )
    .option('-j, --jobs <N>', 'total number of concurrent compile processes (default: number of cores)', jobs)
    .option('-k, --keep-going', 'after a failure, go on with what does not depend on it')
    .option('--events <FILE>', 'also write events to this file, as lines of JSON', nonEmpty);
}
