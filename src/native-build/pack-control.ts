import { controlImage, controlImageAction, controlImageFile } from '../../stages/control-image.ts';
import { makeTrees, tellFailure } from '../build/make-trees.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { planDeclared } from '../repository/plan-declared.ts';
import { findTreeFile } from '../store/tree-file.ts';
import { readControl } from './control-image.ts';
import type { PreparedBuild } from './prepare.ts';

/**
 * Packs the control directory with the sources that it requests. Returns the squashfs file in the store. Fails with the
 * failures of the build, or with `unreadable-output`.
 */
export async function packControl(
  { inputs, context, name, control, content, controlRequest }: PreparedBuild,
  progress: { readonly onEvent: (event: BuildEvent) => void; readonly signal: AbortSignal },
): Promise<Result<string, readonly Failure[]>> {
  const parts = { name, directory: content.tree, sources: content.settings.sources };
  const plan = planDeclared(inputs, () => controlImage(inputs, parts));
  if (!plan.ok) return tellFailure(progress, plan.failure);
  const directories = {
    // Only if it has disappeared from the store.
    obtain: async (): Promise<Result<typeof content.tree, Failure>> => {
      const again = await readControl(context.store, controlRequest);
      if (!again.ok) return again;
      if (again.value.tree === content.tree) return ok(content.tree);
      return failed({ reason: 'changed-since-plan', what: control.name });
    },
  };
  const made = await makeTrees(
    { plan: plan.value, context, directories, ...progress },
    { control: { action: controlImageAction(name), output: 'out' } },
  );
  if (!made.ok) return made;
  // The emulator opens it with all the permissions of the user.
  const file = await findTreeFile(made.value.control.path, controlImageFile);
  return file.ok ? file : tellFailure(progress, file.failure);
}
