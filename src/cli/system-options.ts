import type { Command } from 'commander';
import { systemFormats } from '../../stages/chunk/formats.ts';
import { caching } from './cache-options.ts';
import { jobs, nonEmpty, outHelp, repeated, repeatedChoice, sourcing, wholeNumber } from './options.ts';
import { builderOption, hosting } from './plan-options.ts';

/** Options of commands that build chunks. */
export function buildingChunks(command: Command): Command {
  return reading(caching(sourcing(hosting(command))))
    .addOption(builderOption())
    .option('--guests <N>', 'number of guests at once (default: number of cores)', wholeNumber(1, 1000))
    .option('-j, --jobs <N>', 'total number of concurrent compile processes (default: number of cores)', jobs)
    .option('-k, --keep-going', 'after a failure, go on with what does not depend on it')
    .option('--events <FILE>', 'also write events to this file, as lines of JSON', nonEmpty);
}

/** Options of commands that build chunks and make a file system of them. */
export function making(command: Command): Command {
  return buildingChunks(command)
    .option(
      '--format <FORMAT>',
      `form of the system: ${systemFormats.join(', ')} (default: tar); may be repeated`,
      (text: string, before?: readonly string[]) => repeatedChoice(text, before, systemFormats),
    )
    .option('--out <DIR>', outHelp, nonEmpty);
}

/** The option of commands whose packages are chunks of a system. */
export function choosingSystem(command: Command): Command {
  return command.option(
    '--system <FILE>',
    'file of the system whose chunks the packages are (default: definitions/systems/base-ARCH.morph)',
    nonEmpty,
  );
}

/** Options of all commands that read definitions. */
export function reading(command: Command): Command {
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
