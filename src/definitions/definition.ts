/** The steps of building a chunk, in the order in which they run. */
export const steps = ['configure', 'build', 'test', 'install', 'strip'] as const;
export type Step = (typeof steps)[number];

/** Fields that hold commands: those of a step, and what runs before and after them. */
export const commandFields = steps.flatMap(
  (step) => [`pre-${step}-commands`, `${step}-commands`, `post-${step}-commands`] as const,
);
export type CommandField = (typeof commandFields)[number];

/** Commands by field; each is a text for a shell of its own. A field that is not there is left to the build system. */
export type Commands = Readonly<Partial<Record<CommandField, readonly string[]>>>;

/** Which files of a chunk, or which chunk artefacts of a stratum, belong to an artefact. */
export interface SplitRule {
  /** Name of the artefact; in the defaults only its end: `-devel`. */
  readonly artifact: string;
  /** Regular expressions, each for a whole path without leading slash, or for the whole name of a chunk artefact. */
  readonly include: readonly string[];
}

/** Where a chunk's source comes from. */
export type ChunkSource =
  | {
      readonly kind: 'git';
      /** URL, or a name with the prefix of an alias: `upstream:zlib`. */
      readonly repository: string;
      /** Commit, tag or branch. */
      readonly ref: string;
      /** What people call the ref: a tag or branch. */
      readonly unpetrifiedRef?: string;
      /** URLs that replace those of the submodules at these paths. */
      readonly submodules: Readonly<Record<string, string>>;
    }
  /** A source of `sources.lock`. */
  | { readonly kind: 'locked'; readonly name: string; readonly version: string };

/** How a chunk is built and what becomes of it: `prelibc` is ours, the others are Baserock's. */
export type BuildMode = 'staging' | 'bootstrap' | 'test' | 'prelibc';

/** A device file that a chunk installs. */
export interface Device {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly permissions: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a definition asks of the engine under `x-bootstrap`. */
export interface Extensions {
  /** MiB of memory. */
  readonly memory?: number;
  readonly timeoutMinutes?: number;
  /** Processors of its guest. */
  readonly guestCpus?: number;
  /** Whether it is built with a compiler, and make. */
  readonly compiler?: boolean;
  /** Whether its compiler may be helped by distcc. */
  readonly distcc?: boolean;
  /** Whether it gives files to users other than root, which takes a machine of its own. Devices do so by themselves. */
  readonly superuser?: boolean;
  /** Names of chunks that its programs need when they run. */
  readonly runtimeDepends?: readonly string[];
  /** Run only if tests are asked for. */
  readonly testCommands?: readonly string[];
}

/** The smallest thing that is built: one source, one installation. */
export interface Chunk {
  /** Names of its stratum and of itself: `core/perl`. Unique in a system. */
  readonly id: string;
  readonly name: string;
  /** The definition file with its commands, relative to the root of the set. Undefined: the stratum says it all. */
  readonly file?: string;
  readonly source: ChunkSource;
  /** Undefined: to be found out from the files of the source. */
  readonly buildSystem?: string;
  readonly commands: Commands;
  readonly mode: BuildMode;
  /** Where it is installed: `/usr`. */
  readonly prefix: string;
  /** Upper limit for the jobs of `make`. */
  readonly maxJobs?: number;
  /** Ids of the chunks of its own stratum that it names as needed. */
  readonly needs: readonly string[];
  /** Split rules that come before the defaults. */
  readonly products: readonly SplitRule[];
  /** Which artefact of the stratum gets an artefact of this chunk, whatever the stratum's rules say. */
  readonly artifacts: Readonly<Record<string, string>>;
  /** Commands that a system with this chunk runs once it is composed: by artefact, then by a name whose order counts. */
  readonly integration: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly devices: readonly Device[];
  readonly extensions: Extensions;
}

/** A group of chunks. Each of them needs all chunks of the strata that theirs needs. */
export interface Stratum {
  /** Of its file, relative to the root of the set. */
  readonly path: string;
  readonly name: string;
  /** Paths of strata. */
  readonly needs: readonly string[];
  /** In the order of the file, where a chunk comes after those that it needs. */
  readonly chunks: readonly Chunk[];
  readonly products: readonly SplitRule[];
  /** Those of the set to which it belongs. */
  readonly defaults: Defaults;
}

/** What is assumed where a chunk or stratum says nothing. */
export interface Defaults {
  readonly buildSystems: Readonly<Record<string, BuildSystem>>;
  readonly chunkSplits: readonly SplitRule[];
  readonly stratumSplits: readonly SplitRule[];
}

export interface BuildSystem {
  readonly commands: Commands;
  /** Files of a source that show that it is built this way: names, or ends of names. */
  readonly indicators: readonly string[];
}

/** A whole system with everything that is built for it. */
export interface System {
  readonly path: string;
  readonly name: string;
  /** As written; `baserockArches` says which arch of ours it is. */
  readonly arch: string;
  /** Strata that are installed, by their paths, and of which artefacts; undefined: all. In the order of the file. */
  readonly contents: readonly { readonly stratum: string; readonly artifacts?: readonly string[] }[];
  /** All strata that are needed, each after those that it needs. */
  readonly strata: readonly Stratum[];
  /** Programs that would adapt the system on the machine that deploys it. They are never run. */
  readonly configurationExtensions: readonly string[];
}
