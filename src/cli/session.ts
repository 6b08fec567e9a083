import { homedir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Failure } from '../core/failure.ts';
import { StoreFault } from '../core/fault.ts';
import { place } from '../core/place.ts';
import { choiceWords, directorySuffix, type AskedVersions } from '../inputs/versions.ts';
import { failureText } from '../report/failure-text.ts';
import type { Repository } from '../repository/load-inputs.ts';
import { exitCodeOf, type ExitCode } from './exit-code.ts';

/** The program's environment: everything that it takes from the process, gathered once. */
export interface Session {
  /** Absolute path of this repository. */
  readonly repository: string;
  /** Directories of `--arch-dir`, whose descriptors join those of the repository. Absolute. Undefined: none. */
  readonly archDirectories?: readonly string[];
  /** Versions of sources that the options name. Undefined: the default set. */
  readonly versions?: AskedVersions;
  /** The user's working directory; relative paths in options are relative to it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results that a user may want to pipe. */
  readonly out: (text: string) => void;
  /** Progress and other messages. */
  readonly err: (text: string) => void;
  readonly errIsTerminal: boolean;
  /** Asks the user at a terminal; the answer may be empty. Undefined: there is no terminal to ask at. */
  readonly ask?: (question: string) => Promise<string>;
}

/** The session of this process. */
export function processSession(): Session {
  const mayAsk = process.stdin.isTTY && process.stderr.isTTY;
  return {
    repository: place().repository,
    cwd: process.cwd(),
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    errIsTerminal: process.stderr.isTTY,
    ...(mayAsk ? { ask } : {}),
  };
}

async function ask(question: string): Promise<string> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve) => {
      // Ctrl-C, and the end of input.
      asking.once('close', () => resolve(''));
      void asking.question(question).then((answer) => resolve(answer.trim()));
    });
  } finally {
    asking.close();
  }
}

/** Prints a failure on stderr and returns the exit code for it. */
export function explain(session: Session, failure: Failure): ExitCode {
  session.err(`bootstrap: ${failureText(failure)}\n`);
  return exitCodeOf(failure);
}

/**
 * Directory of the store: `--store`, `$BOOTSTRAP_STORE`, or `bootstrap` in the user's cache directory. Absolute. Throws a
 * StoreFault if none of them is set.
 */
export function storeDirectory(session: Session, option: string | undefined): string {
  const named = option ?? nonEmpty(session.env['BOOTSTRAP_STORE']);
  if (named !== undefined) return path.resolve(session.cwd, named);
  const cache = nonEmpty(session.env['XDG_CACHE_HOME']);
  if (cache !== undefined && path.isAbsolute(cache)) return path.join(cache, 'bootstrap');
  const home = nonEmpty(session.env['HOME']) ?? homedir();
  // Some service accounts have none. Anybody could take a name in the temp directory, and fill the store.
  if (!path.isAbsolute(home)) {
    throw new StoreFault({
      reason: 'wrong-use',
      what: 'you have no home directory in which the store could be kept',
      hint: 'Name a directory of your own with --store, BOOTSTRAP_STORE or XDG_CACHE_HOME.',
    });
  }
  return path.join(home, '.cache', 'bootstrap');
}

/**
 * Directory that receives products of an arch: `out/<arch>` in the repository, or `--out DIR`/`<arch>`. Absolute. Versions
 * other than the default ones have directories of their own, such as `out/<arch>+gcc-15.3.0`: what lies in one directory is
 * used together.
 */
export function outDirectory(
  session: Session,
  option: string | undefined,
  arch: string,
  { lock, chosen }: Pick<Repository, 'lock' | 'chosen'>,
): string {
  const parent =
    option === undefined ? path.join(session.repository, 'out') : path.resolve(session.cwd, option);
  return path.join(parent, `${arch}${directorySuffix(lock, chosen.choice)}`);
}

/** The options that choose these versions; empty for the default ones. */
export function versionWords({ lock, chosen }: Pick<Repository, 'lock' | 'chosen'>): readonly string[] {
  return choiceWords(lock, chosen.choice);
}

/** A path in the form that is easiest to read: relative to the working directory if it is below that. */
export function shownPath(session: Session, absolute: string): string {
  const relative = path.relative(session.cwd, absolute);
  return relative.startsWith('..') ? absolute : relative === '' ? '.' : relative;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
