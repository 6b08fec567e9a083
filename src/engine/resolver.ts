import type { Digest } from '../core/digest.ts';
import type { Action, Plan, Ref } from '../plan/action.ts';
import { bindRecipe } from '../plan/bind.ts';
import type { BoundRecipe, Content } from '../plan/bound.ts';
import { refsOf } from '../plan/graph.ts';
import { keyOf } from '../plan/key.ts';
import type { ActionName, Key } from '../plan/names.ts';
import type { ActionResult, Store } from '../store/store.ts';
import { recallAction, traceOf, whyRun } from './history.ts';
import { expireDependants, sameOutputs, wholeResult, type Node } from './nodes.ts';
import type { ResultCache } from './result-cache.ts';
import type { TreeAvailability } from './tree-availability.ts';
import { hasRecord } from './record.ts';
import { externalInputId, type ExternalInput } from './external-inputs.ts';

export interface ResolverParts {
  readonly plan: Plan;
  readonly nodes: ReadonlyMap<ActionName, Node>;
  readonly inputs: ReadonlyMap<string, ExternalInput>;
  readonly store: Store;
  readonly trees: TreeAvailability;
  /** Undefined: there is none. */
  readonly cache?: ResultCache | undefined;
  /** Ends what the cache is asked for. */
  readonly signal?: AbortSignal;
  /** Actions that must run if there is no record of them. Undefined: none. */
  readonly again?: ReadonlySet<ActionName> | undefined;
  /** Actions that may run at all. Undefined: all of them. */
  readonly mayRun?: ((action: Action) => boolean) | undefined;
}

/** What can be done now about the actions that must run. */
export interface Wanted {
  /** Everything that they read is known and in the store. */
  readonly ready: readonly Node[];
  /** They must run, but are not allowed to. Nothing is done for them. */
  readonly forbidden: readonly Node[];
}

/** Determines what is known and what is wanted in a plan, from what the store remembers. */
export class Resolver {
  readonly #plan: Plan;
  readonly #nodes: ReadonlyMap<ActionName, Node>;
  readonly #inputs: ReadonlyMap<string, ExternalInput>;
  readonly #store: Store;
  readonly #trees: TreeAvailability;
  readonly #cache: ResultCache | undefined;
  readonly #signal: AbortSignal | undefined;
  /** Trees that were asked of the cache, which gave them or did not. */
  readonly #asked = new Set<Digest>();
  readonly #again: ReadonlySet<ActionName>;
  readonly #mayRun: (action: Action) => boolean;

  constructor(parts: ResolverParts) {
    this.#plan = parts.plan;
    this.#nodes = parts.nodes;
    this.#inputs = parts.inputs;
    this.#store = parts.store;
    this.#trees = parts.trees;
    this.#cache = parts.cache;
    this.#signal = parts.signal;
    this.#again = parts.again ?? new Set();
    this.#mayRun = parts.mayRun ?? (() => true);
  }

  /** Content of a ref, as far as it is known. */
  #contentOf(ref: Ref): Content | undefined {
    if (ref.kind === 'file') return { kind: 'file', digest: ref.digest, executable: ref.executable };
    const tree = ref.kind === 'output' ? this.#outputOf(ref) : this.#externalInputOf(ref)?.digest;
    return tree === undefined ? undefined : { kind: 'tree', digest: tree };
  }

  #outputOf(ref: Extract<Ref, { kind: 'output' }>): Digest | undefined {
    const producer = this.#nodeOf(ref.action);
    if (producer.state === 'waiting' || producer.stale) return undefined;
    return producer.result?.outputs[ref.output];
  }

  #externalInputOf(ref: Ref): ExternalInput | undefined {
    const id = externalInputId(ref);
    return id === undefined ? undefined : this.#inputs.get(id);
  }

  #nodeOf(name: ActionName): Node {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`the plan lists no action ${name}`);
    return node;
  }

  /** A ref's content, which must be known because a key was computed from it. */
  readonly resolve = (ref: Ref): Content => {
    const content = this.#contentOf(ref);
    if (content === undefined) throw new Error('content of a resolved action is not known');
    return content;
  };

  /** Computes all keys that can be computed, and looks each up, here and in the cache: from the bottom up, touching no tree. */
  async resolveKeys(onHit: (node: Node) => void): Promise<void> {
    const store = this.#store;
    for (const node of this.#nodes.values()) {
      const { action } = node;
      if (node.state !== 'waiting') continue;
      if (!refsOf(action.recipe).every((ref) => this.#contentOf(ref) !== undefined)) continue;
      const bound = bindRecipe(action.recipe, this.resolve);
      node.bound = bound;
      node.key = keyOf(bound);
      const result =
        (await wholeResult(store, node.key, bound)) ?? (await this.#askCache(action, node.key, bound));
      if (result === undefined) {
        node.result = undefined;
        node.state = 'must-run';
        node.why = whyRun(action, traceOf(action, this.resolve), await recallAction(store, action.name));
        continue;
      }
      node.state = 'known';
      if (!sameOutputs(node.result?.outputs, result.outputs)) expireDependants(node);
      node.result = result;
      if (this.#again.has(action.name) && !node.ran && !(await hasRecord(store, node.key))) {
        node.state = 'must-run';
        node.why = { kind: 'no-record' };
        continue;
      }
      onHit(node);
    }
  }

  /** What the cache has is taken into the store, without its trees. */
  async #askCache(
    { name, scratch }: Action,
    key: Key,
    recipe: BoundRecipe,
  ): Promise<ActionResult | undefined> {
    const found = await this.#cache?.find({ key, recipe }, this.#signal);
    if (found === undefined) return undefined;
    const result = { ...found, action: name, ...(scratch.length === 0 ? {} : { scratch }) };
    await this.#store.putResult(key, result);
    return wholeResult(this.#store, key, recipe);
  }

  /** Trees of products must exist; those of other actions only if something that runs reads them. */
  async wantProducts(): Promise<void> {
    for (const { ref } of this.#plan.products) await this.#wantOutput(ref);
  }

  /**
   * Wants what actions that must run will read, and returns those that could start now. From the top down, so that a
   * chain of producers whose trees are missing is found in one pass.
   */
  async wantInputs(): Promise<Wanted> {
    const ready: Node[] = [];
    const forbidden: Node[] = [];
    for (const node of [...this.#nodes.values()].reverse()) {
      if (node.state !== 'must-run') continue;
      if (!this.#mayRun(node.action)) {
        forbidden.push(node);
        continue;
      }
      let complete = true;
      for (const ref of refsOf(node.action.recipe)) {
        if (ref.kind === 'file') continue;
        const here = ref.kind === 'output' ? await this.#wantOutput(ref) : await this.#wantExternalInput(ref);
        complete &&= here;
      }
      if (complete) ready.push(node);
    }
    return { ready: ready.reverse(), forbidden };
  }

  /** Whether an output is known and present; if its tree is missing, the cache may have it, or its producer must run again. */
  async #wantOutput(ref: Extract<Ref, { kind: 'output' }>): Promise<boolean> {
    const producer = this.#nodeOf(ref.action);
    const tree = producer.result?.outputs[ref.output];
    if (producer.state === 'known' && tree !== undefined) {
      if (await this.#trees.has(tree)) return true;
      if ([...this.#nodes.values()].some(({ fetched }) => fetched === tree)) return false;
      if (this.#cache !== undefined && !this.#asked.has(tree)) {
        this.#asked.add(tree);
        producer.state = 'fetching';
        producer.fetched = tree;
        return false;
      }
      producer.state = 'must-run';
      producer.why = { kind: 'tree-gone', outputs: [ref.output] };
    } else if (producer.state === 'must-run' && producer.why?.kind === 'tree-gone' && tree !== undefined) {
      const { outputs } = producer.why;
      if (!outputs.includes(ref.output) && !(await this.#trees.has(tree))) {
        producer.why = { kind: 'tree-gone', outputs: [...outputs, ref.output] };
      }
    }
    return false;
  }

  async #wantExternalInput(ref: Ref): Promise<boolean> {
    const input = this.#externalInputOf(ref);
    if (input?.digest === undefined || input.state !== 'idle') return false;
    if (await this.#trees.has(input.digest)) return true;
    input.state = 'wanted';
    return false;
  }
}
