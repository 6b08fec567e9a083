import type { BoundRecipe } from '../plan/bound.ts';
import { quoteWord } from '../core/shell-word.ts';

/** Descriptor of the jobserver in an action's processes. */
const jobserverDescriptor = 3;

/** Environment of every action, to which its recipe adds. */
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

/** MAKEFLAGS for an action: a share of the jobserver with this many tokens, or a single job if there is none. */
export function makeFlags(tokens: number | undefined): string {
  if (tokens === undefined) return '-j1';
  // The leading space means "no single-letter flags"; both make 4.3 and 4.4 write it for their own children.
  return ` -j${String(tokens)} --jobserver-auth=${String(jobserverDescriptor)},${String(jobserverDescriptor)}`;
}

/**
 * The complete environment of an action, in order of name. `tokens` is that of the jobserver, undefined without one.
 */
export function actionEnvironment(
  recipe: Pick<BoundRecipe, 'env'>,
  tokens: number | undefined,
): Readonly<Record<string, string>> {
  return inOrder({ ...everyAction, MAKEFLAGS: makeFlags(tokens), ...recipe.env });
}

/** The same without what each executor sets itself and is in no digest: the number of jobs. */
export function recipeEnvironment(recipe: Pick<BoundRecipe, 'env'>): Readonly<Record<string, string>> {
  return inOrder({ ...everyAction, ...recipe.env });
}

function inOrder(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The environment as a file that a shell can source. */
export function renderEnvironment(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoteWord(value)}\n`)
    .join('');
}
