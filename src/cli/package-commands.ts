import type { Command } from 'commander';
import { nonEmpty, storeHelp } from './options.ts';
import type { PackageAction, PackageOptions } from './install-packages.ts';
import type { Session } from './session.ts';
import { buildingChunks, choosingSystem } from './system-options.ts';

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
  const building = (one: Command): Command => choosingSystem(buildingChunks(one));
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

  building(packageCommand('install', 'build packages and what they need, and install them in a guest'))
    .argument('<NAME...>', 'chunks of the system')
    .action((guest: string, names: readonly string[], options: PackageOptions) =>
      run(guest, { kind: 'install', names }, options),
    );

  building(packageCommand('upgrade', 'build packages of a guest again, and replace those that differ'))
    .argument('[NAME...]', 'default: all')
    .action((guest: string, names: readonly string[], options: PackageOptions) =>
      run(guest, { kind: 'upgrade', names }, options),
    );
}
