import type { Action, Command, Input, Platform, Ref } from './action.ts';
import { actionName, sandboxPath, type ActionName } from './names.ts';

/** What a stage specifies for an action; everything else has a default. */
export interface ActionSpec {
  readonly name: string;
  readonly description: string;
  readonly commands: readonly Command[];
  readonly platform: Platform;
  readonly env?: Readonly<Record<string, string>>;
  readonly tools: readonly Ref[];
  readonly inputs?: Readonly<
    Record<
      string,
      Ref | readonly Ref[] | { readonly writable: readonly Ref[]; readonly below?: readonly Ref[] }
    >
  >;
  readonly outputs: Readonly<Record<string, string>>;
  /** Rough CPU seconds. */
  readonly weight: number;
  /** MiB; undefined: 512. */
  readonly memory?: number;
  readonly processors?: number;
  readonly scratch?: readonly string[];
  readonly provides?: Readonly<Record<string, readonly string[]>>;
  /** Processor of the programs in its outputs. Undefined: the platform's. */
  readonly programsFor?: string;
  readonly compileServer?: Ref;
}

/** Makes an action from a spec. Inputs are sorted by path, so that the order in which they are written affects no digest. */
export function defineAction(spec: ActionSpec): Action {
  const inputs = Object.entries(spec.inputs ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, value]): Input => {
      const at = path === '/' ? '/' : sandboxPath(path);
      if ('writable' in value) {
        const { writable: refs, below } = value;
        return { path: at, refs, ...(below === undefined ? {} : { below }), writable: true };
      }
      return { path: at, refs: 'kind' in value ? [value] : value };
    });
  return {
    name: actionName(spec.name),
    description: spec.description,
    recipe: {
      commands: spec.commands,
      env: spec.env ?? {},
      tools: spec.tools,
      inputs,
      outputs: Object.fromEntries(
        Object.entries(spec.outputs).map(([name, path]) => [name, sandboxPath(path)]),
      ),
      platform: spec.platform,
      ...(spec.compileServer === undefined ? {} : { compileServer: spec.compileServer }),
    },
    weight: spec.weight,
    memory: spec.memory ?? 512,
    ...(spec.processors === undefined ? {} : { processors: spec.processors }),
    scratch: spec.scratch ?? [],
    provides: spec.provides ?? {},
    ...(spec.programsFor === undefined || spec.programsFor === spec.platform.cpu
      ? {}
      : { programsFor: spec.programsFor }),
  };
}

interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: string;
  readonly stdout?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program with its arguments. */
export function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Command {
  return {
    kind: 'run',
    argv,
    ...(options.cwd === undefined ? {} : { cwd: sandboxPath(options.cwd) }),
    ...(options.stdin === undefined ? {} : { stdin: sandboxPath(options.stdin) }),
    ...(options.stdout === undefined ? {} : { stdout: sandboxPath(options.stdout) }),
    ...(options.env === undefined ? {} : { env: options.env }),
  };
}

/** A few lines of POSIX shell, which end at the first command that fails. For what one argv cannot express. */
export function shell(text: string, options: RunOptions = {}): Command {
  return run(['sh', '-euc', text], options);
}

/** A file with this text. */
export function write(path: string, text: string, mode: 0o644 | 0o755 = 0o644): Command {
  return { kind: 'write', path: sandboxPath(path), text, mode };
}

/** An action's output as an input. */
export function output(action: Action | ActionName, name: string): Extract<Ref, { kind: 'output' }> {
  return {
    kind: 'output',
    action: typeof action === 'string' ? action : action.name,
    output: name,
  };
}
