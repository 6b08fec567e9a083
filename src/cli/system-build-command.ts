import path from 'node:path';
import { count } from '../core/count.ts';
import { prepareOutDirectory } from '../release/out-directory.ts';
import { buildSystem } from '../system/build-system.ts';
import { publishSystem } from '../system/publish-system.ts';
import { planSystem } from '../system/plan-system.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { openSystemWithPins } from './open-system.ts';
import {
  chunkBuilding,
  systemBuilding,
  systemWanted,
  type SystemBuildOptions,
} from './system-build-options.ts';
import { explain, outDirectory, shownPath, type Session } from './session.ts';

/** `bootstrap system build`: builds the chunks of a system, each in a guest. */
export async function systemBuildCommand(
  session: Session,
  file: string,
  options: SystemBuildOptions,
): Promise<ExitCode> {
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository, system } = opened.value;
  const planned = await planSystem(repository, systemWanted(opened.value, options));
  if (!planned.ok) return explain(session, planned.failure);
  const products = outDirectory(session, options.out, planned.value.inputs.target.name, repository);
  const directory = path.join(products, 'systems');
  const prepared = await prepareOutDirectory(directory);
  if (!prepared.ok) return explain(session, prepared.failure);
  return whileBuilding(
    session,
    systemBuilding(repository, options),
    async ({ closeReporter, context, ...progress }) => {
      const building = chunkBuilding(session, opened.value, options, { ...progress, context });
      const built = await buildSystem({ ...building, planned: planned.value });
      closeReporter();
      if (!built.ok) return exitCodeOfAll(built.failure);
      if (planned.value.chunks !== undefined) {
        const width = Math.max(...built.value.map(({ name }) => name.length));
        const lines = built.value.map(({ name, path: place }) => `  ${name.padEnd(width)}  ${place}\n`);
        session.out(`${system.name}: ${count(built.value.length, 'chunk')}\n${lines.join('')}`);
        return 0;
      }
      const published = await publishSystem(context.store, planned.value, built.value, directory);
      if (!published.ok) return explain(session, published.failure);
      for (const form of published.value) session.out(`${shownPath(session, form.path)}\n`);
      return 0;
    },
  );
}
