import { InvalidArgumentError, Option, type Command } from 'commander';
import type { SourcePolicy } from '../build/build-context.ts';

export const outHelp = 'product directory (default: out in the repository)';
export const archDirHelp = 'directory with additional arch descriptors (NAME.ts); may be repeated';
export const storeHelp = 'store directory (default: $BOOTSTRAP_STORE, else ~/.cache/bootstrap)';

/** A cache of results, and who we are there: files, as the user wrote them. */
export interface CacheOptions {
  readonly cache?: URL;
  readonly cacheWrite?: boolean;
  readonly cacheHeader?: string;
  readonly cacheCert?: string;
  readonly cacheKey?: string;
  readonly cacheCa?: string;
}

/** Where sources come from, and where they go. */
export interface SourceRequest extends SourcePolicy {
  /** `--store`, as the user wrote it. */
  readonly store?: string;
  /** Whose results are taken. Undefined: nobody's. */
  readonly cache?: CacheOptions;
}

/** Options of commands that may fetch sources. */
export interface SourceOptions extends CacheOptions {
  readonly store?: string;
  readonly mirror?: string;
  readonly offline?: boolean;
  readonly acceptVariant?: readonly string[];
}

export function sourcing(command: Command): Command {
  return command
    .option('--store <DIR>', storeHelp, nonEmpty)
    .option('--mirror <URL>', 'try this URL first for the archives of sources', mirrorUrl)
    .option('--offline', 'fetch nothing; use what is in the store')
    .addOption(variantOption());
}

export function variantOption(): Option {
  const meaning = 'accept a source whose tree differs from the pinned one; may be repeated';
  return new Option('--accept-variant <SOURCE>', meaning).argParser(repeated);
}

export function sourceRequest(options: SourceOptions): SourceRequest {
  const { cache, cacheWrite, cacheHeader, cacheCert, cacheKey, cacheCa } = options;
  const wanted = Object.entries({ cache, cacheWrite, cacheHeader, cacheCert, cacheKey, cacheCa });
  return {
    cache: Object.fromEntries(wanted.filter(([, value]) => value !== undefined)),
    offline: options.offline ?? false,
    acceptVariants: options.acceptVariant ?? [],
    ...(options.store === undefined ? {} : { store: options.store }),
    ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
  };
}

/** Value of an option that may be given several times. */
export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), nonEmpty(text)];
}

/** The same for one of a few words. */
export function repeatedChoice(
  text: string,
  before: readonly string[] | undefined,
  choices: readonly string[],
): readonly string[] {
  if (!choices.includes(text)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
  return [...(before ?? []), text];
}

export function nonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

function mirrorUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must be an absolute URL, for example https://host/path.');
  return text;
}

export function inStore(command: Command): Command {
  return command.option('--store <DIR>', storeHelp, nonEmpty);
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^[0-9]{1,9}$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${String(least)} to ${String(most)}.`);
  };
}

export function jobs(text: string): number {
  const number = Number(text);
  if (!/^[1-9][0-9]{0,3}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999.');
  return number;
}
