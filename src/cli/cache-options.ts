import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ContextRequest } from '../build/build-context.ts';
import type { Failure } from '../core/failure.ts';
import { errorCode } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { nonEmpty, type CacheOptions } from './options.ts';
import type { Session } from './session.ts';

/** Options of commands that build, for results of others. */
export function caching(command: Command): Command {
  const options = [
    new Option('--cache <URL>', 'take results from this HTTP cache if it has them').argParser(cacheUrl),
    new Option('--cache-write', 'give it the results that are made here'),
    file('--cache-header <FILE>', 'lines of headers for it, such as Authorization: Bearer TOKEN'),
    file('--cache-cert <FILE>', 'client certificate for it (PEM)'),
    file('--cache-key <FILE>', 'key of that certificate (PEM)'),
    file('--cache-ca <FILE>', 'authorities that its own certificate may come from (PEM)'),
  ];
  for (const option of options) command.addOption(option.helpGroup('Results of others:'));
  return command;
}

function file(flags: string, meaning: string): Option {
  return new Option(flags, meaning).argParser(nonEmpty);
}

function cacheUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError('It must be an absolute URL, for example https://host/path.');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new InvalidArgumentError(
      'It must have neither credentials, which --cache-header takes, nor a query.',
    );
  return url;
}

/** Reads the files that the options name. Fails with `unreadable-user-file`, or with `bad-option` for what is no header. */
export async function readCacheOptions(
  session: Session,
  options: CacheOptions,
): Promise<Result<ContextRequest['cache'], Failure>> {
  const { cache: url, cacheWrite = false } = options;
  const names = {
    cacheHeader: '--cache-header',
    cacheCert: '--cache-cert',
    cacheKey: '--cache-key',
    cacheCa: '--cache-ca',
  };
  const texts: Record<string, string> = {};
  for (const [option, name] of Object.entries(names)) {
    const file = options[option as keyof typeof names];
    if (file === undefined) continue;
    if (url === undefined) return failed(alone(name, file));
    try {
      texts[option] = await readFile(path.resolve(session.cwd, file), 'utf8');
    } catch (error) {
      return failed({
        ...{ reason: 'unreadable-user-file', what: `the file of ${name}`, path: file },
        ...{ code: errorCode(error) ?? String(error), hint: 'Name a file that can be read.' },
      });
    }
  }
  if (url === undefined) return cacheWrite ? failed(alone('--cache-write', '')) : ok(undefined);
  const headers = headersOf(texts['cacheHeader'] ?? '');
  if (headers === undefined)
    return failed({
      ...{ reason: 'bad-option', option: '--cache-header', value: options.cacheHeader ?? '' },
      why: 'the file has a line that is no header',
      hint: 'Each line is NAME: VALUE.',
    });
  const { cacheCert: cert, cacheKey: key, cacheCa: ca } = texts;
  const identity = {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
  return ok({ url, write: cacheWrite, headers, identity });
}

function alone(option: string, value: string): Failure {
  return {
    ...{ reason: 'bad-option', option, value },
    why: 'there is no cache that it could be for',
    hint: 'Name one with --cache URL.',
  };
}

/** Undefined: a line is no header. */
function headersOf(text: string): Readonly<Record<string, string>> | undefined {
  const headers: Record<string, string> = {};
  for (const line of text.split(/\r?\n/).filter((one) => one.trim() !== '')) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    headers[name.toLowerCase()] = value.trim();
  }
  return headers;
}
