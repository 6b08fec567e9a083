import type { Digest } from '../core/digest.ts';
import type { ActionName, RepoPath, SandboxPath, SourceName } from './names.ts';

/** What an action reads: always a tree, except `file`, which is one file. Plain data. */
export type Ref =
  /** An unpacked, normalised and patched source. `version` picks one of several in the lock. */
  | {
      readonly kind: 'source';
      readonly name: SourceName;
      readonly version: string;
    }
  /** An output of another action. */
  | {
      readonly kind: 'output';
      readonly action: ActionName;
      readonly output: string;
    }
  /** The build machine's compiler chain and C library: a tree whose `usr/…`, `lib64/…` have the same paths as on the machine. Only ever an input at `/`. */
  | { readonly kind: 'compiler' }
  /** The machine's coreutils, sed, grep, awk, findutils: for what is built before our own, busybox and the recorder. Only ever an input at `/`. */
  | { readonly kind: 'machine-utilities' }
  /** A file of this repository. Mounted at exactly the input's path. */
  | {
      readonly kind: 'file';
      readonly path: RepoPath;
      readonly digest: Digest;
      readonly executable: boolean;
    }
  /** A user's directory as it was when the plan was made; `name` says what it is used for, for example `overlay`. */
  | { readonly kind: 'directory'; readonly name: string; readonly digest: Digest };

/** One step of an action's script. */
export type Command =
  | {
      readonly kind: 'run';
      /** Program and arguments; the program is looked up in PATH if it contains no slash. Nothing is expanded. */
      readonly argv: readonly [string, ...string[]];
      /** Working directory; created if it does not exist. Undefined: `/build`. */
      readonly cwd?: SandboxPath;
      /** File read as standard input; undefined: /dev/null. */
      readonly stdin?: SandboxPath;
      /** File written with standard output; undefined: the log. */
      readonly stdout?: SandboxPath;
      /** Environment for this command only, overriding the action's. */
      readonly env?: Readonly<Record<string, string>>;
    }
  | {
      /** Writes a file with exactly this text, creating its directories. */
      readonly kind: 'write';
      readonly path: SandboxPath;
      readonly text: string;
      /** 0o644 or 0o755. */
      readonly mode: 0o644 | 0o755;
    };

export interface Input {
  readonly path: SandboxPath | '/';
  /** United at `path`; trees that provide the same name with different content are an error. */
  readonly refs: readonly Ref[];
  /** Trees under those of `refs`: what they have counts where none of the others has that name. Undefined: none. */
  readonly below?: readonly Ref[];
  /** Puts a scratch layer over the trees, so that the action may write there; it is discarded or becomes an output. */
  readonly writable?: boolean;
}

/** The machine that an action's own programs need. */
export interface Platform {
  readonly os: 'linux';
  /** GNU name of the processor: `x86_64`, `aarch64`. */
  readonly cpu: string;
  /**
   * Other processors whose programs the machine has to run too, by their GNU names and in order: those of a compiler for 32 bits
   * that an action on 64 bits uses. Undefined: none.
   */
  readonly alsoRuns?: readonly string[];
  /** Whether its root may give files to any user and make devices. Undefined: that is not needed. */
  readonly superuser?: boolean;
}

/** The part of an action that is hashed. */
export interface Recipe {
  readonly commands: readonly Command[];
  /** The whole environment, apart from what every action gets (see docs/architecture.md: PATH, HOME, MAKEFLAGS …). */
  readonly env: Readonly<Record<string, string>>;
  /** Trees with a `bin/`, united at `/tools`; `/tools/bin` comes first in PATH, and `/bin/sh` is its `sh`. */
  readonly tools: readonly Ref[];
  readonly inputs: readonly Input[];
  /** Output name to the directory that becomes the tree. Never inside an input that is not writable. */
  readonly outputs: Readonly<Record<string, SandboxPath>>;
  readonly platform: Platform;
  /**
   * Cross compiler whose compile server may do a part of the action's compiling on the executor's own machine, with the same
   * result. Undefined: none; an executor that has no use for it leaves it alone.
   */
  readonly compileServer?: Ref;
}

/** A unit of work: plain data, run by an executor that sees it and a store, and nothing else. */
export interface Action {
  readonly name: ActionName;
  /** One line for people. */
  readonly description: string;
  readonly recipe: Recipe;
  /** Rough CPU seconds, used to order actions until a real time is remembered. */
  readonly weight: number;
  /** Peak memory in MiB that the scheduler sets aside. */
  readonly memory: number;
  /** Processors that it has a use for, where the machine that runs it is made for it. Undefined: one. */
  readonly processors?: number;
  /** Outputs that are scratch (build trees): the first to be collected. */
  readonly scratch: readonly string[];
  /** Commands in `bin/` by output, for the check that no two tools of one action provide the same one. */
  readonly provides: Readonly<Record<string, readonly string[]>>;
  /**
   * GNU name of the processor of the programs in its outputs, where that is not the platform's: who has them among its tools
   * needs a machine that runs them, and `assemblePlan` says so in its platform. Undefined: its programs, if any, are the
   * platform's own.
   */
  readonly programsFor?: string;
}

/** A source that the plan needs, with what identifies it. */
export interface PlannedSource {
  readonly name: SourceName;
  readonly version: string;
  /** Pinned digest of the normalised, unpatched tree. */
  readonly tree: Digest;
  /** Our patches in the order of application. */
  readonly patches: readonly {
    readonly path: RepoPath;
    readonly digest: Digest;
  }[];
}

/** A finished file or directory that the user asked for: copied out of the store when its action is done. */
export interface Product {
  /** File name under `out/<arch>/`, for example `cross-compiler-armv5l-i686.tar.gz`. */
  readonly name: string;
  readonly ref: Extract<Ref, { kind: 'output' }>;
  /** Path inside the output's tree; empty for the whole tree (a directory product). */
  readonly path: string;
  readonly description: string;
}

/** The graph of all actions for a goal. Plain data: can be printed, diffed, drawn, hashed and sent. */
export interface Plan {
  /** In an order in which every action comes after those that it reads. */
  readonly actions: readonly Action[];
  readonly sources: readonly PlannedSource[];
  readonly products: readonly Product[];
  /** Actions wanted for their own sake (smoke tests, `--only`), in addition to those of products. */
  readonly goals: readonly ActionName[];
}
