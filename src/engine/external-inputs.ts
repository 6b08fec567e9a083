import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Plan, PlannedSource, Ref } from '../plan/action.ts';
import { refsOf, sourceId } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';
import type { Node } from './nodes.ts';
import type { DirectoryProvider, MachineProvider, SourceProvider } from '../plan/providers.ts';

/**
 * A tree that no action makes: a source, a part of the build machine, or a directory of the user. Changed only by the
 * build loop.
 */
export interface ExternalInput {
  /** As in `externalInputId`. */
  readonly id: string;
  readonly source: PlannedSource | undefined;
  /** Actions that read it. */
  readonly dependants: Node[];
  /** Undefined until it is known. */
  digest: Digest | undefined;
  state: 'idle' | 'wanted' | 'running' | 'failed';
  obtain(progress: (line: string) => void): Promise<Result<Digest, Failure>>;
}

/** Identity of the external input that a ref names; undefined for outputs and files. */
export function externalInputId(ref: Ref): string | undefined {
  if (ref.kind === 'source') return sourceId(ref);
  if (ref.kind === 'directory') return `directory ${ref.name}`;
  return ref.kind === 'compiler' || ref.kind === 'machine-utilities' ? ref.kind : undefined;
}

/** Ids of those that are sources. */
export function sourcesIn(inputs: Iterable<ExternalInput>): readonly string[] {
  return [...inputs].flatMap(({ id, source }) => (source === undefined ? [] : [id]));
}

/**
 * What a plan's actions read apart from each other's outputs. Digests known from earlier work are set at once; those of
 * the machine's trees are unknown until it is probed.
 */
export async function makeExternalInputs(
  plan: Plan,
  nodes: Iterable<Node>,
  providers: {
    readonly sources: SourceProvider;
    readonly machine: MachineProvider;
    readonly directories?: DirectoryProvider;
  },
): Promise<ReadonlyMap<string, ExternalInput>> {
  const sources = new Map(plan.sources.map((source) => [sourceId(source), source]));
  const inputs = new Map<string, ExternalInput>();
  for (const node of nodes) {
    for (const ref of refsOf(node.action.recipe)) {
      const id = externalInputId(ref);
      if (id === undefined) continue;
      const input = inputs.get(id) ?? makeExternalInput(ref, id);
      inputs.set(id, input);
      if (!input.dependants.includes(node)) input.dependants.push(node);
    }
  }
  await Promise.all(
    [...inputs.values()].map(async (input) => {
      if (input.source !== undefined) input.digest = await providers.sources.recall(input.source);
      if (input.digest === undefined) input.state = 'wanted';
    }),
  );
  return inputs;

  function makeExternalInput(ref: Ref, id: string): ExternalInput {
    const shared = { id, dependants: [], digest: undefined, state: 'idle' as const };
    if (ref.kind === 'compiler' || ref.kind === 'machine-utilities') {
      return { ...shared, source: undefined, obtain: () => providers.machine.obtain(ref.kind) };
    }
    if (ref.kind === 'directory') {
      const { directories } = providers;
      if (directories === undefined) throw new Error(`no provider for ${id}`);
      const obtain = () => directories.obtain(ref.name, ref.digest);
      return { ...shared, source: undefined, digest: ref.digest, obtain };
    }
    const source = sources.get(id);
    if (source === undefined) throw new Error(`the plan lists no source ${id}`);
    return { ...shared, source, obtain: (progress) => providers.sources.obtain(source, progress) };
  }
}

/** The inputs that are wanted, ordered by the longest path (`longestPaths`) of the actions that read them. */
export function wantedByUrgency(
  inputs: Iterable<ExternalInput>,
  paths: ReadonlyMap<ActionName, number>,
): readonly ExternalInput[] {
  const urgency = (input: ExternalInput) =>
    Math.max(0, ...input.dependants.map((node) => paths.get(node.action.name) ?? 0));
  return [...inputs].filter(({ state }) => state === 'wanted').sort((a, b) => urgency(b) - urgency(a));
}
