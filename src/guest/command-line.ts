import { quoteWord } from '../core/shell-word.ts';

/** What to run in a guest. */
export interface GuestCommand {
  /** Program and arguments; undefined: a login shell. No element contains a NUL character. */
  readonly argv?: readonly [string, ...string[]];
  /** Directory in the guest; undefined: /home if a disk is mounted there, otherwise root's home. */
  readonly directory?: string;
}

/** Longest command that the guest's server accepts, in bytes; Linux accepts no longer argument either. */
export const longestCommandLine = 131_071;

/**
 * The command as one line for a POSIX shell, which is all that SSH can carry. The shell replaces itself with `exec`, so
 * that signals and exit status are the command's own.
 */
export function commandLine({ argv, directory }: GuestCommand): string {
  const enter =
    directory === undefined
      ? 'if mountpoint -q /home 2>/dev/null; then cd /home; fi'
      : `cd -- ${quoteWord(directory)} || exit`;
  const run = argv === undefined ? '"$SHELL" -l' : argv.map(quoteWord).join(' ');
  return `${enter}; exec ${run}`;
}
