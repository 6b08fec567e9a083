import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import { standings, type Standing } from '../engine/explain.ts';
import { recipeEnvironment, renderEnvironment } from '../executor/environment.ts';
import { renderScript } from '../executor/script.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Failure } from '../core/failure.ts';
import type { Plan } from '../plan/action.ts';
import type { ActionName } from '../plan/names.ts';
import type { DirectoryProvider } from '../plan/providers.ts';
import type { Store, TreeEntry } from '../store/store.ts';
import type { BuildContext } from './build-context.ts';

/** A line of an action's script or environment that there was before, or that there is now. */
export interface LineChange {
  readonly how: 'before' | 'after';
  readonly line: string;
}

/** A file, link or directory that differs between two trees. */
export interface FileChange {
  readonly how: 'added' | 'removed' | 'changed';
  readonly path: string;
}

/** What changed in an input. */
export interface InputChange {
  readonly label: string;
  /** `gone`: one of the two is no longer in the store, so that they cannot be compared. Undefined: it is a single file. */
  readonly files: readonly FileChange[] | 'gone' | undefined;
}

/** How an action stands, down to what changed since it last succeeded. */
export interface Explanation {
  readonly action: ActionName;
  readonly standing: Standing;
  /** Lines of script and environment, in comparison with the latest attempt. Undefined: nothing is left of that. */
  readonly lines: readonly LineChange[] | undefined;
  readonly inputs: readonly InputChange[];
}

/** Explains actions of a plan. Runs and fetches nothing. Fails if the machine's own compiler cannot be read. */
export async function explainActions(
  plan: Plan,
  { store, sources, machine }: Pick<BuildContext, 'store' | 'sources' | 'machine'>,
  actions: readonly ActionName[],
): Promise<Result<readonly Explanation[], Failure>> {
  const standingOf = await standings(plan, { store, sources, machine, directories: noDirectories });
  if (!standingOf.ok) return standingOf;
  const explained: Explanation[] = [];
  for (const action of actions) {
    const standing = await standingOf.value(action);
    explained.push({
      action,
      standing,
      lines: await linesOf(store, standing),
      inputs: await inputsOf(store, standing),
    });
  }
  return ok(explained);
}

/** A directory's digest is in the plan; nobody asks for its files here. */
export const noDirectories: DirectoryProvider = {
  obtain: (name) => Promise.resolve(failed({ reason: 'not-allowed', kind: 'source', name })),
};

async function linesOf(store: Store, standing: Standing): Promise<readonly LineChange[] | undefined> {
  if (standing.kind !== 'must-run' || standing.history === undefined) return undefined;
  const directory = await store.logDirectory(standing.history.key);
  const kept = async (name: string): Promise<string | undefined> =>
    readFile(join(directory, name), 'utf8').catch(() => undefined);
  const [script, environment] = [await kept('script'), await kept('environment')];
  if (script === undefined || environment === undefined) return undefined;
  const { bound } = standing;
  // The number of jobs is the executor's own, and in no key.
  const words = environment.replace(/^export (?:MAKEFLAGS|DISTCC_[A-Z_]*)=.*\n/gm, '');
  const now = recipeEnvironment(bound);
  return [
    ...lineChanges(withoutEchoes(script), withoutEchoes(renderScript(bound.commands))),
    ...lineChanges(words, renderEnvironment(now).replace(/^export MAKEFLAGS=.*\n/gm, '')),
  ];
}

/** A script without the commands that only say what the next one does. */
export function withoutEchoes(script: string): string {
  // The word that is printed may have several lines, and quotes.
  return script.replace(/^printf '%s\\n' '\+ (?:[^']|'\\'')*'\n/gm, '');
}

/** Lines of one text that the other one has not, in their order. */
export function lineChanges(before: string, after: string): readonly LineChange[] {
  const linesOfText = (text: string): readonly string[] =>
    text.split('\n').filter((line) => line.trim() !== '');
  const only = (lines: readonly string[], others: readonly string[]): readonly string[] => {
    const left = new Map<string, number>();
    for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
    return lines.filter((line) => {
      const rest = left.get(line) ?? 0;
      left.set(line, rest - 1);
      return rest <= 0;
    });
  };
  const [old, now] = [linesOfText(before), linesOfText(after)];
  return [
    ...only(old, now).map((line) => ({ how: 'before', line }) as const),
    ...only(now, old).map((line) => ({ how: 'after', line }) as const),
  ];
}

async function inputsOf(store: Store, standing: Standing): Promise<readonly InputChange[]> {
  if (standing.kind !== 'must-run') return [];
  return Promise.all(
    standing.changed.map(async ({ label, before, after }) => {
      const [old, now] = [await listing(store, before), await listing(store, after)];
      if (old === 'gone' || now === 'gone') return { label, files: 'gone' };
      return { label, files: old === undefined || now === undefined ? undefined : fileChanges(old, now) };
    }),
  );
}

/** Undefined: there is no such input, or it is a single file. */
async function listing(
  store: Store,
  content: Digest | undefined,
): Promise<readonly TreeEntry[] | 'gone' | undefined> {
  if (content === undefined || (await store.hasBlob(content))) return undefined;
  return (await store.hasTree(content)) ? store.listTree(content) : 'gone';
}

/** What differs between two trees, by path. */
export function fileChanges(
  before: readonly TreeEntry[],
  after: readonly TreeEntry[],
): readonly FileChange[] {
  // The digest of a directory is that of what is in it, which has entries of its own.
  const textOf = (entry: TreeEntry): string =>
    entry.kind === 'directory' ? entry.kind : JSON.stringify(entry);
  const old = new Map(before.map((entry) => [entry.path, textOf(entry)]));
  const now = new Map(after.map((entry) => [entry.path, textOf(entry)]));
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((path): readonly FileChange[] => {
    if (!old.has(path)) return [{ how: 'added', path }];
    if (!now.has(path)) return [{ how: 'removed', path }];
    return old.get(path) === now.get(path) ? [] : [{ how: 'changed', path }];
  });
}
