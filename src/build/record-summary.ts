import { isRecord, parseJson } from '../core/json.ts';
import type { TreeEntry } from '../store/store.ts';

/** A command that an action ran. */
export interface RecordedCommand {
  readonly pid: number;
  readonly ppid: number;
  /** Path in the sandbox of the executed file; for a script, that of its interpreter. */
  readonly program: string;
  readonly cwd: string;
  readonly argv: readonly string[];
}

/** A tool of an action: a tree of programs. */
export interface NamedTool {
  /** Its name in messages: `host-tools/busybox:out`. */
  readonly label: string;
  /** Path of the tree in the sandbox: `/tools`, or `` for the root. */
  readonly place: string;
  readonly programs: Programs;
}

/** What can be executed in a tree. */
export interface Programs {
  /** Relative paths of its files and links. */
  readonly files: ReadonlySet<string>;
  /** Names in its program directories. */
  readonly commands: ReadonlySet<string>;
}

/** What an action ran, by tool and program. */
export interface ActionUse {
  readonly action: string;
  readonly commands: number;
  /** Number of runs by program, for each of its tools that contains programs. */
  readonly tools: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Number of runs of programs that are in no tool: made by the action itself, or part of a source. */
  readonly own: ReadonlyMap<string, number>;
}

const programDirectories = ['bin/', 'usr/bin/'];

/** The programs of a tree. */
export function programsOf(entries: readonly TreeEntry[]): Programs {
  const files = new Set<string>();
  const commands = new Set<string>();
  for (const entry of entries) {
    if (entry.kind === 'directory') continue;
    files.add(entry.path);
    const directory = entry.path.slice(0, entry.path.lastIndexOf('/') + 1);
    if (!programDirectories.includes(directory)) continue;
    if (entry.kind === 'symlink' || entry.executable) commands.add(entry.path.slice(directory.length));
  }
  return { files, commands };
}

/** Parses one line of a record; undefined if it is malformed. */
export function parseCommand(line: string): RecordedCommand | undefined {
  const value = parseJson(line);
  if (!isRecord(value)) return undefined;
  const { pid, ppid, program, cwd, argv } = value;
  if (typeof pid !== 'number' || typeof ppid !== 'number') return undefined;
  if (typeof program !== 'string' || typeof cwd !== 'string') return undefined;
  if (!Array.isArray(argv) || !argv.every((word): word is string => typeof word === 'string'))
    return undefined;
  return { pid, ppid, program, cwd, argv };
}

/** Counts uses of an action's tools. */
export class UseCounter {
  readonly #action: string;
  readonly #named: readonly NamedTool[];
  readonly #tools = new Map<string, Map<string, number>>();
  readonly #own = new Map<string, number>();
  #commands = 0;

  constructor(action: string, named: readonly NamedTool[]) {
    this.#action = action;
    this.#named = named.filter(({ programs }) => programs.commands.size > 0);
    for (const { label } of this.#named) this.#tools.set(label, new Map());
  }

  take({ program, argv }: RecordedCommand): void {
    this.#commands += 1;
    const tool = this.#named.find(
      ({ place, programs }) =>
        program.startsWith(`${place}/`) && programs.files.has(program.slice(place.length + 1)),
    );
    const runs = tool === undefined ? this.#own : this.#tools.get(tool.label);
    const name = tool === undefined ? program : nameOf(program, argv[0] ?? '', tool.programs);
    runs?.set(name, (runs.get(name) ?? 0) + 1);
  }

  end(): ActionUse {
    return { action: this.#action, commands: this.#commands, tools: this.#tools, own: this.#own };
  }
}

/** One file can be many programs (busybox): if the tool has the name that it was called by, that counts. */
function nameOf(program: string, called: string, { commands }: Programs): string {
  const name = called.slice(called.lastIndexOf('/') + 1);
  return commands.has(name) ? name : program.slice(program.lastIndexOf('/') + 1);
}

/** What the actions of a plan ran of one tool, together. */
export interface ToolUse {
  readonly label: string;
  /** Number of actions that list it, and of those that ran something in it. */
  readonly namedBy: number;
  readonly runBy: number;
  /** Number of runs by program, highest first. */
  readonly programs: readonly (readonly [string, number])[];
  /** Its commands that none of these actions ran, in order of name. */
  readonly never: readonly string[];
}

export interface RecordSummary {
  readonly actions: readonly ActionUse[];
  /** In the order in which actions list them. */
  readonly tools: readonly ToolUse[];
  /** Actions of the plan that have no record. */
  readonly without: readonly string[];
}

/** Summarises what actions ran. `commands` are those that each tool has, by label. */
export function sumUp(
  actions: readonly ActionUse[],
  commands: ReadonlyMap<string, ReadonlySet<string>>,
  without: readonly string[],
): RecordSummary {
  const tools = [...new Set(actions.flatMap(({ tools: named }) => [...named.keys()]))].map(
    (label): ToolUse => {
      const uses = actions.flatMap(({ tools: named }) => named.get(label) ?? []);
      const sums = new Map<string, number>();
      for (const [name, runs] of uses.flatMap((use) => [...use]))
        sums.set(name, (sums.get(name) ?? 0) + runs);
      return {
        label,
        namedBy: uses.length,
        runBy: uses.filter((use) => use.size > 0).length,
        programs: mostFirst(sums),
        never: [...(commands.get(label) ?? [])].filter((name) => !sums.has(name)).sort(),
      };
    },
  );
  return { actions, tools, without };
}

export function mostFirst(runs: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...runs].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
