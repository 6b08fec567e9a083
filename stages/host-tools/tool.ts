import type { Action, Command, Ref } from '../../src/plan/action.ts';
import { output, run } from '../../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from '../inputs.ts';
import { buildMachine } from '../machine.ts';

/** What distinguishes one host tool from another. */
export interface ToolSpec {
  /** Name of the tool, of its action and, unless `source` says otherwise, of its source. */
  readonly name: string;
  readonly source?: string;
  readonly description: string;
  /** What the build runs, beside the machine's compiler. */
  readonly tools: readonly Action[];
  /** Static libraries, united at `librariesPrefix`. */
  readonly libraries?: readonly Action[];
  /** Steps from `/src` (the source; writable when `writableSource`) and `/build` to `/out`. */
  readonly commands: readonly Command[];
  readonly writableSource?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Commands in `bin/`; none for a library. */
  readonly provides: readonly string[];
  /** Rough CPU seconds. */
  readonly weight: number;
}

/** Where static libraries and their headers lie in the actions that link them. */
export const librariesPrefix = '/libraries';

/** A tool that runs on the build machine: linked statically by the machine's compiler, so that running it takes nothing else. */
export function hostTool(inputs: PlanInputs, spec: ToolSpec): Action {
  const from = source(inputs, spec.source ?? spec.name);
  const libraries = spec.libraries ?? [];
  return buildAction(inputs, {
    name: `host-tools/${spec.name}`,
    description: spec.description,
    tools: spec.tools.map((tool) => output(tool, 'out')),
    inputs: {
      '/': { kind: 'compiler' },
      '/src': spec.writableSource === true ? { writable: [from] } : from,
      ...(libraries.length === 0 ? {} : { [librariesPrefix]: libraries.map(libraryRef) }),
    },
    env: { ...baseEnvironment(inputs), CC: 'gcc', CFLAGS: '-O2', LDFLAGS: '-static', ...spec.env },
    commands: spec.commands,
    outputs: { out: '/out' },
    weight: spec.weight,
    ...(spec.provides.length === 0 ? {} : { provides: { out: spec.provides } }),
  });
}

function libraryRef(library: Action): Ref {
  return output(library, 'out');
}

/** Runs a source's configure script in `/build`, for the build machine, with the prefix of tools. */
export function configure(inputs: PlanInputs, ...switches: readonly string[]): Command {
  const { triple } = buildMachine(inputs.build);
  return run(['/src/configure', `--build=${triple}`, `--host=${triple}`, '--prefix=/tools', ...switches]);
}
