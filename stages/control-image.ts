import { controlFiles } from '../src/image/control-file.ts';
import type { Digest } from '../src/core/digest.ts';
import type { Ref } from '../src/plan/action.ts';
import { actionName, type ActionName, type SourceName } from '../src/plan/names.ts';
import { hostTools } from './host-tools.ts';
import { buildAction, type PlanInputs, source } from './inputs.ts';
import { mksquashfs } from './root-images.ts';
import type { DeclaredPlan } from './stage.ts';

/** What a control image is made of. */
export interface ControlParts {
  /** A piece of an action's name. */
  readonly name: string;
  /** Tree of the user's control directory. */
  readonly directory: Digest;
  /** Sources that lie in the image, unpacked and patched. */
  readonly sources: readonly SourceName[];
}

/** Name of the file in `controlImageAction`'s output. */
export const controlImageFile = 'control.sqf';

/** The action that packs a control image; its one output is `out`. */
export function controlImageAction(name: string): ActionName {
  return actionName(`control-image/${name}`);
}

/** Packs a control directory, with its sources in `sources/`, as squashfs. */
export function controlImage(inputs: PlanInputs, parts: ControlParts): DeclaredPlan {
  const host = hostTools(inputs);
  const directory: Ref = { kind: 'directory', name: 'control image', digest: parts.directory };
  const sources = parts.sources.map((name): [string, Ref] => [
    `/control/${controlFiles.sources}/${name}`,
    source(inputs, name),
  ]);
  const action = buildAction(inputs, {
    name: controlImageAction(parts.name),
    description: `control image ${parts.name} as squashfs`,
    tools: [host.tools.busybox, host.tools['squashfs-tools']],
    inputs: { '/control': directory, ...Object.fromEntries(sources) },
    // No SOURCE_DATE_EPOCH, since mksquashfs refuses its time options then. With one time for all files, make runs neither
    // autoconf nor bison.
    commands: [mksquashfs(inputs, '/control', `/out/${controlImageFile}`)],
    outputs: { out: '/out' },
    weight: 5,
  });
  return { actions: [...host.actions, action], products: [], goals: [action.name] };
}
