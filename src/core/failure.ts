import type { Digest } from './digest.ts';

/**
 * Every expected failure of the project, as plain data. The text of each is in
 * `src/report/failure-text.ts`, a table typed over `reason`; a new variant does not compile until
 * it has its text there.
 */
export type Failure =
  // ---- wrong use and bad input: exit code 2
  | {
      readonly reason: 'wrong-use';
      readonly what: string;
      readonly hint: string;
    }
  /** An option or argument of the command line has a value that cannot be meant. */
  | {
      readonly reason: 'bad-option';
      /** As help shows it: `--triple`, `NAME`. */
      readonly option: string;
      /** As the user wrote it; empty: the option alone is at fault. */
      readonly value: string;
      readonly why: string;
      readonly hint: string;
    }
  | {
      readonly reason: 'already-exists';
      /** Noun phrase: `a file`. */
      readonly what: string;
      readonly path: string;
      readonly hint: string;
    }
  /** A file or directory that the user named, or one in it. */
  | {
      readonly reason: 'unreadable-user-file';
      /** Noun phrase: `the kernel configuration`. */
      readonly what: string;
      readonly path: string;
      /** What the system says: `ENOENT`. */
      readonly code: string;
      readonly hint: string;
    }
  /** A file or directory of the user's that can be read, and not be used for what it is named for. */
  | {
      readonly reason: 'unfit-user-file';
      /** Noun phrase: `the overlay`. */
      readonly what: string;
      readonly path: string;
      readonly why: string;
      readonly hint: string;
    }
  /** A plan names what the user has changed since. */
  | {
      readonly reason: 'changed-since-plan';
      /** Noun phrase: `the overlay`. */
      readonly what: string;
    }
  /** An external toolchain that cannot build what is asked for. */
  | {
      readonly reason: 'unusable-toolchain';
      /** As the user wrote it. */
      readonly prefix: string;
      readonly why: string;
      readonly hint: string;
    }
  | {
      readonly reason: 'unknown-name';
      /** What kind of thing was asked for, as a noun: `arch`, `stage`, `host`, `action`. */
      readonly kind: string;
      readonly name: string;
      /** Nearest known names, best first; empty when none is near. */
      readonly nearest: readonly string[];
      readonly known: readonly string[];
      /** Where the known names are too many to show: a sentence that says what lists them. Undefined: show them. */
      readonly listing?: string;
    }
  | {
      readonly reason: 'bad-input';
      /** The file, relative to the repository where it lies in it. */
      readonly file: string;
      /** All faults found, not the first one. */
      readonly faults: readonly Fault[];
    }
  | {
      readonly reason: 'plan-fault';
      /** A plan that contradicts itself: clashing tools, unknown refs, circles. */
      readonly faults: readonly string[];
    }
  // ---- the machine: exit code 1, or 2 where the user named the thing
  | {
      readonly reason: 'missing-program';
      readonly program: string;
      /** What it is needed for. */
      readonly purpose: string;
      /** Debian package that brings it. */
      readonly debianPackage: string;
    }
  | {
      readonly reason: 'namespaces-refused';
      /** What was tried and what the system answered. */
      readonly detail: string;
      /** The setting to change, as a command. */
      readonly remedy: string;
    }
  | {
      /** The sandbox's helper program. */
      readonly reason: 'uncompilable-helper';
      /** The machine's compiler. */
      readonly compiler: string;
      /** What it said. */
      readonly detail: string;
    }
  | {
      readonly reason: 'no-room';
      readonly path: string;
      readonly detail: string;
    }
  | {
      readonly reason: 'unwritable';
      readonly path: string;
      readonly detail: string;
    }
  /** A directory that was named as a store, and is none. */
  | { readonly reason: 'no-store'; readonly path: string }
  // ---- sources
  | {
      readonly reason: 'source-unavailable';
      readonly source: string;
      /** Every origin tried, with why it did not serve. */
      readonly attempts: readonly {
        readonly origin: string;
        readonly why: string;
      }[];
      readonly offline: boolean;
    }
  | {
      readonly reason: 'wrong-hash';
      readonly source: string;
      readonly origin: string;
      readonly expected: string;
      readonly actual: string;
    }
  | {
      readonly reason: 'wrong-tree';
      readonly source: string;
      readonly origin: string;
      readonly expected: string;
      readonly actual: string;
    }
  | {
      readonly reason: 'hostile-archive';
      readonly archive: string;
      readonly entry: string;
      readonly why: string;
    }
  | {
      readonly reason: 'bad-archive';
      readonly archive: string;
      readonly why: string;
    }
  | {
      readonly reason: 'patch-failed';
      readonly source: string;
      readonly patch: string;
      /** Line of the patch file whose hunk does not apply. */
      readonly line: number;
      readonly why: string;
    }
  // ---- building: exit code 1
  | {
      readonly reason: 'action-failed';
      readonly action: string;
      /** Exit code of the action's script; 128+N where signal N ended it. */
      readonly exitCode: number;
      readonly log: string;
      readonly lastLines: readonly string[];
    }
  | {
      readonly reason: 'missing-output';
      readonly action: string;
      readonly output: string;
      readonly path: string;
      readonly log: string;
    }
  | {
      readonly reason: 'clashing-inputs';
      readonly action: string;
      readonly path: string;
      /** The file that differs, relative to `path`, and the two refs that bring it. */
      readonly file: string;
      readonly refs: readonly string[];
    }
  | {
      readonly reason: 'damaged-tree';
      readonly digest: string;
      readonly detail: string;
    }
  /** A directory that cannot become a tree: it holds a socket, device or pipe, or a name that is not UTF-8. */
  | {
      readonly reason: 'unfit-tree';
      /** The offending file. */
      readonly path: string;
      readonly why: string;
    }
  /** It is not in the store, and was wanted only where making it costs next to nothing. */
  | {
      readonly reason: 'not-allowed';
      readonly kind: 'action' | 'source';
      readonly name: string;
    }
  /** Trees that an action reads are missing or damaged, so that it did not start. The engine has them made again. */
  | {
      readonly reason: 'inputs-gone';
      readonly action: string;
      readonly trees: readonly Digest[];
    }
  /** Actions that have to run on a machine which no executor runs programs of. */
  | {
      readonly reason: 'no-executor';
      /** Operating system and processor: `linux/armv5l`. */
      readonly machine: string;
      readonly actions: readonly string[];
      /** Names of the executors that there are. */
      readonly executors: readonly string[];
    }
  | {
      readonly reason: 'backend-unreachable';
      readonly backend: string;
      readonly detail: string;
    }
  | {
      readonly reason: 'emulator-failed';
      readonly detail: string;
      readonly lastLines: readonly string[];
    }
  /** A guest in the background that did not come up, does not answer, or has ended. */
  | {
      readonly reason: 'guest-failed';
      readonly guest: string;
      /** What it did, as the end of a sentence. */
      readonly what: string;
      /** The end of its console. */
      readonly lastLines: readonly string[];
      readonly hint: string;
    }
  /** There is no image that could be booted. */
  | {
      readonly reason: 'no-image';
      readonly arch: string;
      /** Where it was looked for. */
      readonly directory: string;
      /** The file of an image that is not there. */
      readonly missing: string;
      /** Options of the command that makes one. */
      readonly options: readonly string[];
    }
  // ---- directories shared with guests
  | {
      readonly reason: 'bad-share';
      /** The share, or the file in it that is at fault. */
      readonly path: string;
      readonly why: string;
      readonly hint: string;
    }
  | {
      readonly reason: 'unfit-tarball';
      readonly tarball: string;
      /** The entry at fault; empty for the tarball as a whole. */
      readonly entry: string;
      readonly why: string;
    }
  | { readonly reason: 'interrupted'; readonly signal: string };

/** One fault of an input file. */
export interface Fault {
  /** Field path such as `kernel.symbols[3]`; empty for the file as a whole. */
  readonly field: string;
  /** 1-based line in the file, where it is known. */
  readonly line?: number;
  readonly message: string;
}

export type FailureReason = Failure['reason'];
