import type { Action, Ref } from '../src/plan/action.ts';
import { output, run } from '../src/plan/builder.ts';
import { buildAction, lockedSource, MissingInput, source, type PlanInputs } from './inputs.ts';

/** The licence texts of one source, as a tree to put below `licenses/`. */
export interface LicenceTexts {
  /** Directory name below `licenses/`: `gcc-14.2.0`. */
  readonly directory: string;
  readonly action: Action;
  readonly tree: Ref;
}

/**
 * Takes the licence texts out of sources, one small action for each, so that packaging neither mounts whole
 * sources nor runs again when something else in them changes. Calls for several products may name the same
 * source: its action is the same each time, and a plan wants it once.
 */
export function licenceTexts(
  inputs: PlanInputs,
  sources: readonly string[],
  base: readonly Ref[],
): readonly LicenceTexts[] {
  return [...new Set(sources)].sort().map((name) => {
    const locked = lockedSource(inputs, name);
    if (locked.licenceFiles.length === 0)
      throw new MissingInput('sources.lock', `names no licence files of ${name}`);
    // Files of one name in several directories keep their directories apart: COPYING, libiberty/COPYING.LIB.
    const directories = [...new Set(locked.licenceFiles.map((file) => parent(file)))].filter(
      (directory) => directory !== '',
    );
    const action = buildAction(inputs, {
      name: `licences/${name}`,
      description: `licence texts of ${name} ${locked.version}`,
      tools: base,
      inputs: { '/src': source(inputs, name) },
      commands: [
        ...(directories.length === 0
          ? []
          : [run(['mkdir', '-p', ...directories.map((directory) => `/out/${directory}`)])]),
        ...locked.licenceFiles.map((file) => run(['cp', `/src/${file}`, `/out/${file}`])),
      ],
      outputs: { out: '/out' },
      weight: 1,
    });
    return { directory: `${name}-${locked.version}`, action, tree: output(action, 'out') };
  });
}

/** Directory part of a relative path; empty at the top. */
function parent(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}
