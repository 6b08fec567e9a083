import type { BoundRecipe } from '../plan/bound.ts';
import { quoteWord } from '../core/shell-word.ts';

/** Descriptor at which an action's processes find the jobserver. */
const jobserverDescriptor = 3;

/** What every action's environment holds before its recipe adds to it. */
const everyAction: Readonly<Record<string, string>> = {
  PATH: '/tools/bin:/usr/bin',
  HOME: '/build',
  TMPDIR: '/tmp',
  SHELL: '/bin/sh',
  CONFIG_SHELL: '/bin/sh',
  LC_ALL: 'C',
  TZ: 'UTC0',
  USER: 'root',
  LOGNAME: 'root',
};

/** MAKEFLAGS for an action: a share in the jobserver with this many tokens, or one job where there is none. */
export function makeFlags(tokens: number | undefined): string {
  if (tokens === undefined) return '-j1';
  // The leading space says "no single-letter flags"; both make 4.3 and 4.4 write it so for their own children.
  return ` -j${String(tokens)} --jobserver-auth=${String(jobserverDescriptor)},${String(jobserverDescriptor)}`;
}

/** The whole environment of an action, in order of name. `tokens` is that of the jobserver, undefined without one. */
export function actionEnvironment(
  recipe: Pick<BoundRecipe, 'env'>,
  tokens: number | undefined,
): Readonly<Record<string, string>> {
  return inOrder({ ...everyAction, MAKEFLAGS: makeFlags(tokens), ...recipe.env });
}

/** The same without what is each executor's own business, and in no digest: how many jobs there are. */
export function recipeEnvironment(recipe: Pick<BoundRecipe, 'env'>): Readonly<Record<string, string>> {
  return inOrder({ ...everyAction, ...recipe.env });
}

function inOrder(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The environment as a file that a shell can read in. */
export function renderEnvironment(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoteWord(value)}\n`)
    .join('');
}
