import { quoteWord } from '../core/shell-word.ts';
import { doubleCommas } from '../image/option-text.ts';

/** Where a guest's distcc finds the compile server: an address of the emulator's network that is nothing else's. */
const address = '10.0.2.100';
/** distcc's own port. */
const port = 3632;

/** A cross compiler that compiles for guests. */
export interface CompileServer {
  /** Its tree. */
  readonly directory: string;
  /** Empty directory for its temporary files and its log. */
  readonly scratch: string;
  /**
   * Program that enters a user namespace, in which root is another user: distccd refuses to be root, and a user that it could
   * change to might not reach the store. Undefined: this process is not root's.
   */
  readonly unshare: string | undefined;
}

/**
 * Text after the emulator's network: each connection of the guest to the server's address starts a distccd that serves it, and that
 * is all of the world that the guest can reach.
 */
export function compileServerOption({ directory, scratch, unshare }: CompileServer): string {
  const words = [
    ...(unshare === undefined ? [] : [unshare, '--user', '--map-user=65534', '--map-group=65534']),
    `${directory}/bin/distccd`,
    '--inetd',
    '--allow',
    '127.0.0.1',
    '--programs',
    `${directory}/distcc`,
    '--confine',
    directory,
    '--log-file',
    `${scratch}/log`,
    '--log-level',
    'warning',
  ];
  const command = words.map(quoteWord).join(' ');
  return `,guestfwd=tcp:${address}:${String(port)}-cmd:${doubleCommas(command)}`;
}

/**
 * What makes a guest's compiler use the server, beside `distcc` before it in PATH.
 *
 * @param jobs how many compilations may be on their way at once
 */
export function compileServerEnvironment(jobs: number): Readonly<Record<string, string>> {
  return {
    DISTCC_HOSTS: `${address}:${String(port)}/${String(jobs)}`,
    // What the compiler says stays as it is: distcc's own words are for nobody.
    DISTCC_LOG: '/dev/null',
    DISTCC_BACKOFF_PERIOD: '5',
    // An emulated compiler is twenty times slower than the server's, whose warnings will do for a log.
    DISTCC_SAME_MESSAGES: '0',
    MAKEFLAGS: `-j${String(jobs)}`,
  };
}
