import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';

/** Transports that a URL may name; git knows others, some of which run programs. */
const transports = ['http', 'https', 'git', 'ssh'] as const;

/** What git may use, for its GIT_ALLOW_PROTOCOL. */
export const allowedTransports = transports.join(':');

/** Checks that a URL is one that git fetches from another machine, and no option or command. The failure says why it is none. */
export function checkGitUrl(url: string): Result<string, string> {
  if (!/^[\x21-\x7e]{1,2000}$/.test(url))
    return failed('is empty, too long, or has spaces or other unusual characters');
  const transport = /^([a-z+]+):\/\/[a-zA-Z0-9[]/.exec(url)?.[1];
  if (transport !== undefined && (transports as readonly string[]).includes(transport)) return ok(url);
  // The short form for ssh.
  if (/^[a-zA-Z0-9_.]+@[a-zA-Z0-9][a-zA-Z0-9.-]*:[^:-][^:]*$/.test(url)) return ok(url);
  return failed(
    `must begin with one of ${transports.map((name) => `${name}://`).join(', ')}, or be USER@HOST:PATH`,
  );
}

/** A submodule's URL, which may be relative to that of the repository that has the submodule. */
export function submoduleUrl(parent: string, url: string): string {
  if (!url.startsWith('./') && !url.startsWith('../')) return url;
  let base = parent.replace(/\/+$/, '');
  let rest = url;
  for (;;) {
    if (rest.startsWith('./')) rest = rest.slice(2);
    else if (rest.startsWith('../')) {
      rest = rest.slice(3);
      base = base.replace(/\/[^/]*$/, '');
    } else return `${base}/${rest}`;
  }
}

/** A URL for messages: without a password. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z+]+:\/\/[^/@:]*):[^/@]*@/, '$1:…@');
}

/** A program's message about a URL, without the password. */
export function withoutPassword(text: string, url: string): string {
  const [, user, password] = /^[a-z+]+:\/\/([^/@:]*):([^/@]*)@/.exec(url) ?? [];
  return user === undefined || password === undefined || password === ''
    ? text
    : text.replaceAll(`${user}:${password}@`, `${user}:…@`);
}

/** Expands `NAME:REST` with the URL that an alias stands for: the part before REST. */
export function expandAlias(repository: string, aliases: Readonly<Record<string, string>>): string {
  const [, name = '', rest = ''] = /^([a-zA-Z][a-zA-Z0-9_-]*):(?!\/\/)(.*)$/s.exec(repository) ?? [];
  const prefix = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return prefix === undefined ? repository : `${prefix}${rest}`;
}

/** Reads aliases in the form `NAME=URL`. Fails with `bad-option` for `option`. */
export function parseAliases(
  written: readonly string[],
  option: string,
): Result<Readonly<Record<string, string>>, Failure> {
  const aliases = new Map<string, string>();
  for (const value of written) {
    const [, name, url] = /^([a-zA-Z][a-zA-Z0-9_-]*)=(\S+)$/.exec(value) ?? [];
    if (name === undefined || url === undefined) {
      const hint = `For example: ${option} upstream=git://git.example.org/`;
      return failed({ reason: 'bad-option', option, value, why: 'must be NAME=URL', hint });
    }
    aliases.set(name, url);
  }
  return ok(Object.fromEntries(aliases));
}
