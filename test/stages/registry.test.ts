import { describe, expect, test } from 'vitest';
import { output, run } from '../../src/plan/builder.ts';
import { actionName } from '../../src/plan/names.ts';
import { everything } from '../../stages/goals.ts';
import { stages } from '../../stages/index.ts';
import { buildAction, source, type PlanInputs } from '../../stages/inputs.ts';
import { planStages } from '../../stages/planning.ts';
import { findGoal, planGoal, registerStages, type Wanted } from '../../stages/registry.ts';
import { selectStages } from '../../stages/select.ts';
import { defineSetting, defineStage, type Goal, type Stage } from '../../stages/stage.ts';
import { product } from '../plan/sample.ts';
import { imageInputs } from './image-inputs.ts';

/** One action that echoes its name, and a test of it that nothing reads. */
function actionsOf(
  inputs: PlanInputs,
  stage: string,
  tools: Parameters<typeof buildAction>[1]['tools'] = [],
) {
  const made = buildAction(inputs, {
    name: `${stage}-${inputs.target.name}/make`,
    description: stage,
    commands: [run(['echo', stage])],
    tools,
    outputs: { out: '/out' },
    weight: 1,
  });
  const tested = buildAction(inputs, {
    name: `${stage}-${inputs.target.name}/test`,
    description: stage,
    commands: [run(['true'])],
    tools: [output(made, 'out')],
    outputs: { passed: '/passed' },
    weight: 1,
  });
  return {
    actions: [made, tested],
    products: [product(made, stage)],
    tests: [tested.name],
    tree: output(made, 'out'),
  };
}

// What a goal takes that nobody foresaw: an application for a board without a kernel.
const firmware: Goal = { name: 'firmware', summary: 'what a board runs by itself' };
const greeting = defineSetting<{ readonly words: readonly string[] }>();
const compiler = defineStage({
  name: 'compiler',
  summary: 'compiles',
  make: ({ inputs }) => actionsOf(inputs, 'compiler'),
});
const debuggerStage = defineStage({
  name: 'debugger',
  summary: 'looks into what runs',
  needs: { compiler },
  make: ({ inputs, needs }) => actionsOf(inputs, 'debugger', [needs.compiler.tree]),
});
const board = defineStage({
  name: 'board',
  summary: 'runs alone',
  goals: [firmware],
  needs: { compiler },
  ifWanted: { inspector: debuggerStage },
  settings: { greeting },
  make: ({ inputs, needs, ifWanted: { inspector }, settings }) => {
    const tools = [needs.compiler.tree, ...(inspector === undefined ? [] : [inspector.tree])];
    const made = actionsOf(inputs, 'board', tools);
    const said = buildAction(inputs, {
      name: `board-${inputs.target.name}/greeting`,
      description: 'greeting',
      commands: [run(['echo', ...(settings.greeting?.words ?? ['nothing'])])],
      tools: [],
      outputs: { out: '/out' },
      weight: 1,
    });
    return { ...made, actions: [...made.actions, said], tests: [...made.tests, said.name] };
  },
});
// Listed against their needs: the order is found.
const registry = registerStages([board, debuggerStage, compiler]);

function planOf(wanted: Partial<Wanted> = {}) {
  const plan = planGoal(registry, imageInputs, { goal: firmware, ...wanted });
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
  return plan.value;
}

const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

describe('a new stage with a new goal', () => {
  test('stands after what it takes something from', () => {
    expect(registry.faults).toEqual([]);
    expect(names(registry.stages)).toEqual(['compiler', 'debugger', 'board']);
    expect(registry.goals).toEqual([firmware]);
  });

  test('is planned with what it needs: products and tests are those of stages that serve the goal', () => {
    const plan = planOf();
    expect(names(plan.actions)).toEqual([
      'compiler-armv5l/make',
      'board-armv5l/make',
      'board-armv5l/test',
      'board-armv5l/greeting',
    ]);
    expect(names(plan.products)).toEqual(['board']);
    expect(plan.goals).toEqual(['board-armv5l/test', 'board-armv5l/greeting']);
  });

  test('takes something from a stage that is wanted beside the goal, and only then', () => {
    const boardTools = (wanted: Partial<Wanted>) =>
      planOf(wanted).actions.find(({ name }) => name === 'board-armv5l/make')?.recipe.tools;
    const tree = (stage: string) => output(actionName(`${stage}-armv5l/make`), 'out');
    expect(boardTools({})).toEqual([tree('compiler')]);
    expect(boardTools({ also: [debuggerStage] })).toEqual([tree('compiler'), tree('debugger')]);
    expect(names(planOf({ also: [debuggerStage] }).products)).toEqual(['debugger', 'board']);
  });

  test('is told what the user said to it', () => {
    const said = (wanted: Partial<Wanted>) =>
      planOf(wanted).actions.find(({ name }) => name === 'board-armv5l/greeting')?.recipe.commands;
    expect(said({})).toEqual([run(['echo', 'nothing'])]);
    expect(said({ settings: [greeting.is({ words: ['good', 'day'] })] })).toEqual([
      run(['echo', 'good', 'day']),
    ]);
    // Of another setting of the same type it hears nothing.
    const other = defineSetting<{ readonly words: readonly string[] }>();
    expect(said({ settings: [other.is({ words: ['good', 'night'] })] })).toEqual([run(['echo', 'nothing'])]);
  });

  test('can be selected by its name', () => {
    const selected = selectStages(registry, planOf(), { kind: 'only', stage: 'board' });
    expect(selected.ok && names(selected.value.products)).toEqual(['board']);
  });

  test('is made once, however many take something from it', () => {
    let times = 0;
    const counted = defineStage({
      name: 'counted',
      summary: '',
      make: ({ inputs }) => {
        times += 1;
        return actionsOf(inputs, 'counted');
      },
    });
    const taking = (name: string) =>
      defineStage({
        name,
        summary: '',
        needs: { counted },
        make: ({ inputs, needs }) => actionsOf(inputs, name, [needs.counted.tree]),
      });
    expect(planStages(imageInputs, [taking('one'), taking('two')]).ok).toBe(true);
    expect(times).toBe(1);
  });

  test('whose source the lock does not have fails the plan, and names the file', () => {
    const wanting = defineStage({
      name: 'wanting',
      summary: '',
      make: ({ inputs }) => actionsOf(inputs, source(inputs, 'nosuchsource').name),
    });
    expect(planStages(imageInputs, [wanting])).toMatchObject({
      failure: {
        reason: 'bad-input',
        file: 'sources.lock',
        faults: [{ message: 'has no source named nosuchsource' }],
      },
    });
  });
});

describe('what is wrong with a list of stages', () => {
  const plain = (name: string, needs: Readonly<Record<string, Stage>> = {}, goals: readonly Goal[] = []) =>
    defineStage({ name, summary: '', needs, goals, make: ({ inputs }) => actionsOf(inputs, name) });

  test('stages that need each other are reported as a chain, and nothing is planned', () => {
    const first: Stage = {
      ...plain('first', {}, [firmware]),
      get needs() {
        return [third];
      },
    };
    const second = plain('second', { first });
    const third: Stage = plain('third', { second });
    const faulty = registerStages([first, second, third]);
    const faults = ['stages need each other: first -> third -> second -> first'];
    expect(faulty.faults).toEqual(faults);
    const failure = { reason: 'plan-fault', faults };
    expect(planGoal(faulty, imageInputs, { goal: firmware })).toMatchObject({ failure });
    expect(planStages(imageInputs, [first])).toMatchObject({ failure });
  });

  test('a name that is taken, and a stage that is not in the list', () => {
    const unlisted = plain('unlisted');
    const other: Goal = { ...firmware };
    const listed = [plain('one', { unlisted }, [firmware]), plain('one', {}, [other])];
    expect(registerStages(listed).faults).toEqual([
      'two stages are called one',
      'two goals are called firmware',
      'stage one takes something from unlisted, which is not in the list of stages',
    ]);
  });

  test('a goal that no stage serves is named with the nearest', () => {
    expect(findGoal(registry, 'firmware')).toEqual({ ok: true, value: firmware });
    expect(findGoal(registry, 'fireware')).toMatchObject({
      failure: { reason: 'unknown-name', kind: 'goal', name: 'fireware', nearest: ['firmware'] },
    });
  });
});

describe('the stages', () => {
  test('are listed without a fault', () => {
    expect(stages.faults).toEqual([]);
    expect(names(stages.stages)).toEqual([
      'host-tools',
      'stage-1',
      'cross-compiler',
      'native-compiler',
      'kernel',
      'root-filesystem',
      'system-image',
      'chunk',
    ]);
    expect(names(stages.goals)).toEqual([everything.name, 'image', 'system']);
  });
});
