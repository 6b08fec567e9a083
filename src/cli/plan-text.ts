import type { Action, Plan } from '../plan/action.ts';
import { planIds } from '../plan/bind.ts';
import { dependenciesOf, refsOf, sourceId, stageIdOf } from '../plan/graph.ts';
import { stages } from '../../stages/index.ts';
import { stageIdsOf } from '../../stages/select.ts';
import { count } from '../core/count.ts';

/** For people: sources, then actions grouped by stage with the first digits of their plan ids, then products. */
export function planText(plan: Plan): string {
  const ids = planIds(plan);
  const lines: string[] = ['Sources'];
  for (const source of plan.sources) {
    const patches = source.patches.length === 0 ? '' : `, ${source.patches.length} of our patches`;
    lines.push(`  ${source.name} ${source.version}${patches}`);
  }
  const byStage = actionsByStage(plan);
  for (const stage of stageIdsOf(stages, plan)) {
    lines.push('', stage);
    for (const action of byStage.get(stage) ?? []) {
      lines.push(`  ${ids.get(action.name)?.slice(0, 12) ?? ''}  ${action.name}: ${action.description}`);
    }
  }
  if (plan.products.length > 0) lines.push('', 'Products');
  for (const product of plan.products) lines.push(`  ${product.name}: ${product.description}`);
  lines.push('', `${count(plan.actions.length, 'action')}, ${count(plan.sources.length, 'source')}`, '');
  return lines.join('\n');
}

/** The whole plan, each action with its plan id. */
export function planJson(plan: Plan): string {
  const ids = planIds(plan);
  const actions = plan.actions.map((action) => ({ planId: ids.get(action.name), ...action }));
  return `${JSON.stringify({ ...plan, actions }, undefined, 2)}\n`;
}

/** The graph for Graphviz: stages are boxes, and an arrow leads from an input to its reader. */
export function planDot(plan: Plan): string {
  const lines = ['digraph plan {', '  rankdir=LR;', '  node [shape=box, fontsize=10];'];
  const byStage = actionsByStage(plan);
  for (const [stage, actions] of byStage) {
    lines.push(`  subgraph ${quote(`cluster ${stage}`)} {`, `    label=${quote(stage)};`);
    for (const { name } of actions)
      lines.push(`    ${quote(name)} [label=${quote(name.slice(stage.length + 1))}];`);
    lines.push('  }');
  }
  for (const source of plan.sources) lines.push(`  ${quote(sourceId(source))} [shape=ellipse];`);
  for (const action of plan.actions) {
    for (const needed of dependenciesOf(action)) lines.push(`  ${quote(needed)} -> ${quote(action.name)};`);
    const refs = refsOf(action.recipe);
    const sources = refs.flatMap((ref) => (ref.kind === 'source' ? [sourceId(ref)] : []));
    for (const source of new Set(sources)) lines.push(`  ${quote(source)} -> ${quote(action.name)};`);
  }
  return [...lines, '}', ''].join('\n');
}

function actionsByStage(plan: Plan): ReadonlyMap<string, readonly Action[]> {
  const stages = new Map<string, Action[]>();
  for (const action of plan.actions) {
    const stage = stageIdOf(action.name);
    stages.set(stage, [...(stages.get(stage) ?? []), action]);
  }
  return stages;
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
