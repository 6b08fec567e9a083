import type { Command } from 'commander';
import type { RootfsOptions } from './open-rootfs.ts';
import { nonEmpty, repeated, storeHelp, variantOption } from './options.ts';
import { builderOption, hosting } from './plan-options.ts';
import type { Session } from './session.ts';
import type { SystemBuildOptions } from './system-build-options.ts';
import type { SystemFetchOptions } from './system-fetch-command.ts';
import { buildingChunks, choosingSystem, making, reading } from './system-options.ts';
import type { SystemOptions } from './open-system.ts';
import type { SystemPlanOptions } from './system-plan-command.ts';
import type { SystemWhyOptions } from './system-why-command.ts';

const checkHelp = 'run the tests of chunks';

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
  making(build)
    .option('--only <CHUNK>', 'this chunk, with what it needs; may be repeated', repeated)
    .option('--check', checkHelp)
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

  const chunkCommand = (name: string, summary: string): Command =>
    systemCommand(name, summary).argument('<CHUNK>', 'name or id of a chunk: perl, base/perl');

  reading(chunkCommand('log', "print the log of a chunk's latest build, and the path of its script"))
    .option('--store <DIR>', storeHelp, nonEmpty)
    .action(async (file: string, chunk: string, options: SystemOptions & { store?: string }) => {
      const { systemLogCommand } = await import('./system-log-command.ts');
      done(await systemLogCommand(session, file, chunk, options));
    });

  const shell = chunkCommand('shell', 'run a shell where a chunk is built: as it failed, or as it begins');
  buildingChunks(shell)
    .option('--check', checkHelp)
    .action(async (file: string, chunk: string, options: SystemBuildOptions) => {
      const { systemShellCommand } = await import('./system-shell-command.ts');
      done(await systemShellCommand(session, file, chunk, options));
    });

  const why = chunkCommand('why', 'say whether a chunk would be built, and what has changed since it was');
  reading(hosting(why))
    .addOption(builderOption())
    .option('--check', checkHelp)
    .option('--store <DIR>', storeHelp, nonEmpty)
    .addOption(variantOption())
    .action(async (file: string, chunk: string, options: SystemWhyOptions) => {
      const { systemWhyCommand } = await import('./system-why-command.ts');
      done(await systemWhyCommand(session, file, chunk, options));
    });

  const rootfs = command('rootfs', 'build packages, and make a root filesystem of them and what they need');
  choosingSystem(making(rootfs))
    .argument('<ARCH>')
    .requiredOption('--packages <FILE>', 'list of packages', nonEmpty)
    .option('--report <FILE>', 'write a report there, as JSON', nonEmpty)
    .action(async (arch: string, options: RootfsOptions) => {
      const { rootfsCommand } = await import('./rootfs-command.ts');
      done(await rootfsCommand(session, arch, options));
    });
}
