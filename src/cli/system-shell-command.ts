import { planSystem } from '../system/plan-system.ts';
import { withRootOf } from '../system/build-system.ts';
import { ok } from '../core/result.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { openSystemWithPins } from './open-system.ts';
import { explain, type Session } from './session.ts';
import {
  chunkBuilding,
  systemBuilding,
  systemWanted,
  type SystemBuildOptions,
} from './system-build-options.ts';

/** `bootstrap system shell`: a shell where a chunk is built. Its exit code is 0 whatever the shell's is. */
export async function systemShellCommand(
  session: Session,
  file: string,
  name: string,
  options: SystemBuildOptions,
): Promise<ExitCode> {
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository } = opened.value;
  const planned = await planSystem(repository, systemWanted(opened.value, { ...options, only: [name] }));
  if (!planned.ok) return explain(session, planned.failure);
  const chunk = planned.value.chunks?.at(-1);
  if (chunk === undefined) throw new Error(`the system has no chunk ${name}`);
  return whileBuilding(
    session,
    systemBuilding(repository, options),
    async ({ closeReporter, ...building }) => {
      const request = { ...chunkBuilding(session, opened.value, options, building), planned: planned.value };
      const entered = await withRootOf(request, chunk, async (root) => {
        closeReporter();
        const state = root.left ? 'as it was when it failed' : 'as it is before it is built';
        session.err(`${chunk.id}, ${state}. Its script is /script; what it writes goes to nobody.\n`);
        const code = await root.enter();
        return code.ok ? ok(0 as const) : code;
      });
      return entered.ok ? entered.value : exitCodeOfAll(entered.failure);
    },
  );
}
