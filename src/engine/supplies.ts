import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Plan, PlannedSource, Ref } from '../plan/action.ts';
import { refsOf, sourceId } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';
import type { Node } from './nodes.ts';
import type { DirectoryProvider, MachineProvider, SourceProvider } from '../plan/providers.ts';

/** A tree that no action makes: a source, a part of the build machine, a directory of the user's. Changed by the build loop alone. */
export interface Supply {
  /** As in `supplyId`. */
  readonly id: string;
  readonly source: PlannedSource | undefined;
  /** Actions that read it. */
  readonly dependants: Node[];
  /** Undefined: not known before it is obtained. */
  digest: Digest | undefined;
  state: 'idle' | 'wanted' | 'running' | 'failed';
  obtain(progress: (line: string) => void): Promise<Result<Digest, Failure>>;
}

/** Identity of the supply that a ref names; undefined for outputs and files. */
export function supplyId(ref: Ref): string | undefined {
  if (ref.kind === 'source') return sourceId(ref);
  if (ref.kind === 'directory') return `directory ${ref.name}`;
  return ref.kind === 'compiler' || ref.kind === 'machine-utilities' ? ref.kind : undefined;
}

/** Ids of those that are sources. */
export function sourcesIn(supplies: Iterable<Supply>): readonly string[] {
  return [...supplies].flatMap(({ id, source }) => (source === undefined ? [] : [id]));
}

/**
 * What a plan's actions read beside each other's outputs. Digests that earlier work left are known at once; of the
 * machine none is before it was probed.
 */
export async function makeSupplies(
  plan: Plan,
  nodes: Iterable<Node>,
  providers: {
    readonly sources: SourceProvider;
    readonly machine: MachineProvider;
    readonly directories?: DirectoryProvider;
  },
): Promise<ReadonlyMap<string, Supply>> {
  const sources = new Map(plan.sources.map((source) => [sourceId(source), source]));
  const supplies = new Map<string, Supply>();
  for (const node of nodes) {
    for (const ref of refsOf(node.action.recipe)) {
      const id = supplyId(ref);
      if (id === undefined) continue;
      const supply = supplies.get(id) ?? makeSupply(ref, id);
      supplies.set(id, supply);
      if (!supply.dependants.includes(node)) supply.dependants.push(node);
    }
  }
  await Promise.all(
    [...supplies.values()].map(async (supply) => {
      if (supply.source !== undefined) supply.digest = await providers.sources.recall(supply.source);
      if (supply.digest === undefined) supply.state = 'wanted';
    }),
  );
  return supplies;

  function makeSupply(ref: Ref, id: string): Supply {
    const shared = { id, dependants: [], digest: undefined, state: 'idle' as const };
    if (ref.kind === 'compiler' || ref.kind === 'machine-utilities') {
      return { ...shared, source: undefined, obtain: () => providers.machine.obtain(ref.kind) };
    }
    if (ref.kind === 'directory') {
      const { directories } = providers;
      if (directories === undefined) throw new Error(`nobody gives ${id}`);
      const obtain = () => directories.obtain(ref.name, ref.digest);
      return { ...shared, source: undefined, digest: ref.digest, obtain };
    }
    const source = sources.get(id);
    if (source === undefined) throw new Error(`the plan lists no source ${id}`);
    return { ...shared, source, obtain: (progress) => providers.sources.obtain(source, progress) };
  }
}

/** Supplies that are wanted, those first whose users have most work behind them (`paths`, from `longestPaths`). */
export function wantedByUrgency(
  supplies: Iterable<Supply>,
  paths: ReadonlyMap<ActionName, number>,
): readonly Supply[] {
  const urgency = (supply: Supply) =>
    Math.max(0, ...supply.dependants.map((node) => paths.get(node.action.name) ?? 0));
  return [...supplies].filter(({ state }) => state === 'wanted').sort((a, b) => urgency(b) - urgency(a));
}
