import type { LockedSource } from '../src/inputs/lock.ts';
import type { Action, Product } from '../src/plan/action.ts';
import type { ActionName } from '../src/plan/names.ts';
import type { PlanInputs } from './inputs.ts';

/** What a stage gives to a plan. What it hands to other stages stands beside these fields. */
export interface Contribution {
  readonly actions: readonly Action[];
  /** Files and directories for the user: of the plan when the stage is wanted for itself. */
  readonly products?: readonly Product[];
  /** Actions that nothing reads, such as smoke tests: of the plan when the stage is wanted for itself. */
  readonly tests?: readonly ActionName[];
  /** Versions of sources that its actions name and that are not the chosen ones. */
  readonly sources?: readonly LockedSource[];
}

/** The parts of which `assemblePlan` makes a plan. */
export interface DeclaredPlan {
  readonly actions: readonly Action[];
  readonly products: readonly Product[];
  readonly goals: readonly ActionName[];
}

/** Something that a user asks for by name; stages say which goals they serve. Exported by the module that introduces it. */
export interface Goal {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
}

/** Something that a user may say to a stage, such as a directory or a choice. Exported by the stage that owns it. */
export interface Setting<T> {
  /** The setting with a value, for `planStages`. */
  is(value: T): GivenSetting;
  /** Its value among those given; undefined when it was not given. */
  among(given: readonly GivenSetting[]): T | undefined;
}

/** A setting with its value. Only `Setting.is` makes one, so that the value is of the setting's type. */
export interface GivenSetting {
  readonly setting: object;
  readonly value: unknown;
}

export function defineSetting<T>(): Setting<T> {
  const setting: Setting<T> = {
    is: (value) => ({ setting, value }),
    among: (given) => given.find((one) => one.setting === setting)?.value as T | undefined,
  };
  return setting;
}

/** What a stage is made with: `planStages` implements it, and only `defineStage` calls it. */
export interface PlanContext {
  readonly inputs: PlanInputs;
  readonly settings: readonly GivenSetting[];
  /** What a stage made for this plan. Made once. */
  made<T extends Contribution>(stage: Stage<T>): T;
  isWanted(stage: Stage): boolean;
}

/** A stage as the registry holds it; `T` is what others take from it. Made by `defineStage`. */
export interface Stage<out T extends Contribution = Contribution> {
  /** Its actions are called `<name>/<step>` or `<name>-<arch>…/<step>`. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  readonly goals: readonly Goal[];
  /** Stages that it always takes something from. */
  readonly needs: readonly Stage[];
  /** Stages that it takes something from when they are wanted too. */
  readonly ifWanted: readonly Stage[];
  /** Whether it makes programs that any action may run: then no product is said to hold something of it. */
  readonly tools: boolean;
  make(plan: PlanContext): T;
}

type Stages = Readonly<Record<string, Stage>>;
type Settings = Readonly<Record<string, Setting<unknown>>>;
type MadeBy<S> = S extends Stage<infer T> ? T : never;
type ValueOf<S> = S extends { among(given: readonly GivenSetting[]): infer T } ? T : never;

/** What a stage's function is given: nothing but what the stage says that it takes. */
export interface StageContext<Needs extends Stages, IfWanted extends Stages, Taken extends Settings> {
  readonly inputs: PlanInputs;
  readonly needs: { readonly [Name in keyof Needs]: MadeBy<Needs[Name]> };
  /** Undefined: that stage is not wanted in this plan. */
  readonly ifWanted: { readonly [Name in keyof IfWanted]: MadeBy<IfWanted[Name]> | undefined };
  /** Undefined: not given. */
  readonly settings: { readonly [Name in keyof Taken]: ValueOf<Taken[Name]> };
}

/** What the author of a stage writes. */
export interface StageSpec<
  T extends Contribution,
  Needs extends Stages,
  IfWanted extends Stages,
  Taken extends Settings,
> {
  readonly name: string;
  readonly summary: string;
  /** Goals that want this stage for itself, with its products and tests. None: it only serves other stages. */
  readonly goals?: readonly Goal[];
  /** Stages whose products it takes, under the names by which `make` knows them. */
  readonly needs?: Needs;
  /** Likewise, of stages that may be missing from a plan. */
  readonly ifWanted?: IfWanted;
  readonly settings?: Taken;
  readonly tools?: boolean;
  /** Pure. Throws `MissingInput` when the lock or this repository lacks something. */
  readonly make: (context: StageContext<Needs, IfWanted, Taken>) => T;
}

/** Makes a stage of what its author writes. The one line in `stages/index.ts` makes it part of plans. */
export function defineStage<
  T extends Contribution,
  Needs extends Stages = Record<never, never>,
  IfWanted extends Stages = Record<never, never>,
  Taken extends Settings = Record<never, never>,
>(spec: StageSpec<T, Needs, IfWanted, Taken>): Stage<T> {
  const needs: Stages = spec.needs ?? {};
  const ifWanted: Stages = spec.ifWanted ?? {};
  const settings: Settings = spec.settings ?? {};
  return {
    name: spec.name,
    summary: spec.summary,
    goals: spec.goals ?? [],
    needs: Object.values(needs),
    ifWanted: Object.values(ifWanted),
    tools: spec.tools ?? false,
    make: (plan) => {
      const context = {
        inputs: plan.inputs,
        needs: mapValues(needs, (stage) => plan.made(stage)),
        ifWanted: mapValues(ifWanted, (stage) => (plan.isWanted(stage) ? plan.made(stage) : undefined)),
        settings: mapValues(settings, (setting) => setting.among(plan.settings)),
      };
      // The mapped types say what the three lines above do, which the compiler cannot follow through Object.entries.
      return spec.make(context as StageContext<Needs, IfWanted, Taken>);
    },
  };
}

function mapValues<Value, Result>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value) => Result,
): Readonly<Record<string, Result>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
