import { planSystem } from '../system/plan-system.ts';
import { withRootOf } from '../system/build-system.ts';
import type { Failure } from '../core/failure.ts';
import { ok } from '../core/result.ts';
import type { Chunk } from '../definitions/definition.ts';
import type { Terminal } from '../executor/executor.ts';
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
  const [chunk, ...others] = planned.value.chunks ?? [];
  if (chunk === undefined) throw new Error(`the system has no chunk ${name}`);
  if (others.length > 0) return explain(session, severalNamed(name, [chunk, ...others]));
  return whileBuilding(
    session,
    systemBuilding(repository, options),
    async ({ closeReporter, ...building }) => {
      const { signal } = building;
      const request = { ...chunkBuilding(session, opened.value, options, building), planned: planned.value };
      const entered = await withRootOf(request, chunk, async (root) => {
        closeReporter();
        const [state, fate] = root.left
          ? ['as it was when it failed', 'What you change stays until the next build.']
          : ['as it is before it is built', 'What you change is gone when you leave.'];
        session.err(`${chunk.id}, ${state}. Its script is /script. ${fate}\n`);
        const code = await root.enter({ terminal: ownTerminal(session), signal });
        return code.ok ? ok(0 as const) : code;
      });
      return entered.ok ? entered.value : exitCodeOfAll(entered.failure);
    },
  );
}

function severalNamed(name: string, chunks: readonly Chunk[]): Failure {
  return {
    ...{ reason: 'bad-option', option: 'CHUNK', value: name },
    why: `it is the name of ${chunks.map(({ id }) => id).join(' and ')}`,
    hint: 'Name one of them with its stratum.',
  };
}

/** What this process itself was given. */
function ownTerminal({ env }: Session): Terminal {
  return { type: env['TERM'] ?? 'dumb', descriptors: [0, 1, 2] };
}
