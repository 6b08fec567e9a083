import type { Digest } from './digest.ts';

/**
 * All expected failures of the project, as plain data. Their texts are in
 * `src/report/failure-text.ts`, a table typed over `reason`; a new variant does not compile until
 * it has a text there.
 */
export type Failure =
  // ---- incorrect usage and bad input: exit code 2
  /** A mistake on the command line that no other reason covers. Only `src/cli/` uses it. */
  | {
      readonly reason: 'wrong-use';
      readonly what: string;
      readonly hint: string;
    }
  /** A shell is wanted in what an action left, in which there is one already. */
  | { readonly reason: 'kept-in-use'; readonly action: string }
  /** A shell is wanted in an action whose inputs are not there. */
  | {
      readonly reason: 'not-ready';
      readonly action: string;
      /** Actions and sources that come first. */
      readonly first: readonly string[];
    }
  /** An arch cannot be built with a version of a source that was chosen, as its descriptor says. */
  | {
      readonly reason: 'unsupported-version';
      readonly arch: string;
      readonly source: string;
      readonly version: string;
      /** Why, as the descriptor says. */
      readonly why: string;
      /** Versions of the source that can be used instead. */
      readonly others: readonly string[];
    }
  /** An option or argument of the command line has an invalid value. */
  | {
      readonly reason: 'bad-option';
      /** As shown in the help text: `--triple`, `NAME`. */
      readonly option: string;
      /** As the user wrote it; empty if the option itself is at fault. */
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
      /** The system's error code: `ENOENT`. */
      readonly code: string;
      readonly hint: string;
    }
  /** A user's file or directory that can be read, but cannot be used for the given purpose. */
  | {
      readonly reason: 'unfit-user-file';
      /** Noun phrase: `the overlay`. */
      readonly what: string;
      readonly path: string;
      readonly why: string;
      readonly hint: string;
    }
  /** The user has changed an input of the plan since the plan was made. */
  | {
      readonly reason: 'changed-since-plan';
      /** Noun phrase: `the overlay`. */
      readonly what: string;
    }
  /** An external toolchain that cannot build what was requested. */
  | {
      readonly reason: 'unusable-toolchain';
      /** As the user wrote it. */
      readonly prefix: string;
      readonly why: string;
      readonly hint: string;
    }
  | {
      readonly reason: 'unknown-name';
      /** The kind of thing that was requested, as a noun: `arch`, `stage`, `host`, `action`. */
      readonly kind: string;
      readonly name: string;
      /** The nearest known names, best first; empty if none is close. */
      readonly nearest: readonly string[];
      readonly known: readonly string[];
      /** If there are too many known names to show: a sentence that says which command lists them. Undefined: show them. */
      readonly listing?: string;
    }
  | {
      readonly reason: 'bad-input';
      /** The file; relative to the repository if it is inside it. */
      readonly file: string;
      /** All faults that were found, not only the first. */
      readonly faults: readonly Fault[];
    }
  /** A set of definitions of what guests build. */
  | {
      readonly reason: 'bad-definitions';
      /** All faults that were found in all of its files. */
      readonly faults: readonly FileFault[];
    }
  | {
      readonly reason: 'plan-fault';
      /** A plan that contradicts itself: conflicting tools, unknown refs, cycles. */
      readonly faults: readonly string[];
    }
  | {
      readonly reason: 'never-run';
      readonly action: string;
      /** Directory of the store that knows of no run. */
      readonly store: string;
    }
  | {
      readonly reason: 'not-recorded';
      /** Whose commands were asked for. Undefined: those of a whole plan, and none of its actions has a record. */
      readonly action?: string;
    }
  // ---- the machine: exit code 1, or 2 if the user named the thing
  | {
      readonly reason: 'missing-program';
      readonly program: string;
      /** What it is needed for. */
      readonly purpose: string;
      /** The Debian package that provides it. */
      readonly debianPackage: string;
    }
  | {
      readonly reason: 'namespaces-refused';
      /** What was tried and how the system responded. */
      readonly detail: string;
      /** The setting to change, as a command. */
      readonly remedy: string;
    }
  | {
      /** The sandbox's helper program. */
      readonly reason: 'uncompilable-helper';
      /** The machine's compiler. */
      readonly compiler: string;
      /** Its output. */
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
  /** Something that bootstrap did not make and that a product would replace. */
  | {
      readonly reason: 'foreign-product';
      readonly path: string;
      /** What is there. */
      readonly kind: 'file' | 'directory';
    }
  /** A directory that was named as a store but is not one. */
  | { readonly reason: 'no-store'; readonly path: string }
  // ---- sources
  /** Commits that nothing says the contents of. */
  | {
      readonly reason: 'unpinned-sources';
      /** Ids of chunks that are made from them. */
      readonly chunks: readonly string[];
    }
  | {
      readonly reason: 'source-unavailable';
      readonly source: string;
      /** Every origin that was tried, with the reason why it failed. */
      readonly attempts: readonly {
        readonly origin: string;
        readonly why: string;
      }[];
      readonly offline: boolean;
      /** What to do where no mirror can help. Undefined: one can. */
      readonly hint?: string;
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
      /** The line in the patch file of the hunk that does not apply. */
      readonly line: number;
      readonly why: string;
    }
  // ---- building: exit code 1
  | {
      readonly reason: 'action-failed';
      readonly action: string;
      /** The exit code of the action's script; 128+N if signal N ended it. */
      readonly exitCode: number;
      readonly log: string;
      readonly lastLines: readonly string[];
      /** Whether what it has written is kept for a shell. Undefined: no. */
      readonly kept?: boolean;
    }
  | {
      readonly reason: 'missing-output';
      readonly action: string;
      readonly output: string;
      readonly path: string;
      readonly log: string;
    }
  /** A file of an action's output cannot be read, or is not of the kind that may be read. */
  | {
      readonly reason: 'unreadable-output';
      readonly path: string;
      /** Predicate of a sentence: `is a symbolic link`. */
      readonly why: string;
      readonly hint: string;
    }
  | {
      readonly reason: 'clashing-inputs';
      readonly action: string;
      readonly path: string;
      /** The file that differs, relative to `path`, and the two refs that provide it. */
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
  /** It is not in the store, and was wanted only if it could be made at almost no cost. */
  | {
      readonly reason: 'not-allowed';
      readonly kind: 'action' | 'source';
      readonly name: string;
    }
  /** Trees that an action reads are missing or damaged, so it did not start. The engine has them rebuilt. */
  | {
      readonly reason: 'inputs-gone';
      readonly action: string;
      readonly trees: readonly Digest[];
    }
  /** Actions that need a machine whose programs no executor can run. */
  | {
      readonly reason: 'no-executor';
      /** Operating system and processor: `linux/armv5l`. */
      readonly machine: string;
      readonly actions: readonly string[];
      /** The names of the available executors. */
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
  /** A background guest that did not come up, does not respond, or has ended. */
  | {
      readonly reason: 'guest-failed';
      readonly guest: string;
      /** What happened, as the predicate of a sentence. */
      readonly what: string;
      /** The end of its console output. */
      readonly lastLines: readonly string[];
      readonly hint: string;
    }
  | {
      readonly reason: 'guest-not-running';
      readonly guest: string;
      /** Arch whose image would be started under that name. Undefined: the name is not that of an arch. */
      readonly arch?: string;
    }
  /** A second guest cannot have the name of one that is running. */
  | {
      readonly reason: 'guest-running';
      readonly guest: string;
      readonly process: number;
      /** Whether it is running in another container. */
      readonly elsewhere: boolean;
    }
  /** A running guest that only commands in its own container can reach. */
  | { readonly reason: 'guest-elsewhere'; readonly guest: string }
  /** A name that no guest can have. */
  | { readonly reason: 'bad-guest-name'; readonly name: string }
  /** A directory in which the keys of guests would not be safe, or that is not a directory. */
  | {
      readonly reason: 'unsafe-guest-directory';
      readonly path: string;
      /** Predicate of a sentence: `is writable by others`. */
      readonly why: string;
    }
  /** The image's scripts refused a setting or the control image, so its init did not run. */
  | {
      readonly reason: 'native-build-refused';
      /** Name of the control image. */
      readonly control: string;
      readonly why: string;
      /** The last line of the guest's console; empty if nothing was booted. */
      readonly lastLine: string;
    }
  /** There is no bootable image. */
  | {
      readonly reason: 'no-image';
      readonly arch: string;
      /** Where it was searched for. */
      readonly directory: string;
      /** The missing file of the image. */
      readonly missing: string;
      /** Options for the command that builds one. */
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
  /** A file name that does not say how a tarball is to be compressed. */
  | { readonly reason: 'bad-tarball-name'; readonly tarball: string }
  /** A tarball that would be written into the directory that it is made of. */
  | { readonly reason: 'tarball-in-share'; readonly tarball: string }
  | { readonly reason: 'interrupted'; readonly signal: string };

/** One fault of an input file. */
export interface Fault {
  /** Field path such as `kernel.symbols[3]`; empty for the file as a whole. */
  readonly field: string;
  /** 1-based line in the file, if known. */
  readonly line?: number;
  readonly message: string;
}

/** A fault of one of several files. */
export interface FileFault extends Fault {
  /** Relative to the directory that the files belong to. */
  readonly file: string;
}

export type FailureReason = Failure['reason'];
