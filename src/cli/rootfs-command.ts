import { performance } from 'node:perf_hooks';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { prepareOutDirectory } from '../release/out-directory.ts';
import { failureText } from '../report/failure-text.ts';
import { replaceFile } from '../repository/replace-file.ts';
import { buildRootfs, type BuiltRootfs } from '../system/build-rootfs.ts';
import { archOf } from '../system/plan-system.ts';
import { publishSystem, type PublishedForm } from '../system/publish-system.ts';
import { RunRecord, rootfsReport } from '../system/rootfs-report.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOf, exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { openRootfs, rootfsTitle, type RootfsOptions } from './open-rootfs.ts';
import { chunkBuilding, systemBuilding } from './system-build-options.ts';
import { explain, outDirectory, shownPath, type Session } from './session.ts';

/** `bootstrap rootfs ARCH --packages FILE`: builds packages and makes a root filesystem of them. */
export async function rootfsCommand(
  session: Session,
  arch: string,
  options: RootfsOptions,
): Promise<ExitCode> {
  const started = performance.now();
  const title = rootfsTitle(options);
  const record = new RunRecord(failureText);
  const finish = async (
    exitCode: ExitCode,
    built?: BuiltRootfs,
    published?: readonly PublishedForm[],
  ): Promise<ExitCode> => {
    if (options.report === undefined) return exitCode;
    const text = rootfsReport({
      ...{ title, arch, exitCode, facts: record.facts(), seconds: (performance.now() - started) / 1000 },
      ...(built === undefined ? {} : { built }),
      ...(published === undefined ? {} : { published }),
    });
    const written = await replaceFile(path.resolve(session.cwd, options.report), text);
    return written.ok ? exitCode : explain(session, written.failure);
  };
  const refuse = (failure: Failure): Promise<ExitCode> => {
    record.add({ kind: 'failed', at: 0, failure });
    explain(session, failure);
    return finish(exitCodeOf(failure));
  };
  const opened = await openRootfs(session, arch, title, options);
  if (!opened.ok) return refuse(opened.failure);
  const { repository, system, wanted } = opened.value;
  const directory = path.join(outDirectory(session, options.out, archOf(system), repository), 'rootfs');
  const prepared = await prepareOutDirectory(directory);
  if (!prepared.ok) return refuse(prepared.failure);
  return whileBuilding(
    session,
    systemBuilding(repository, options),
    async ({ closeReporter, context, ...progress }) => {
      const onEvent: typeof progress.onEvent = (event) => {
        record.add(event);
        progress.onEvent(event);
      };
      const building = chunkBuilding(session, opened.value, options, { ...progress, context, onEvent });
      const built = await buildRootfs(repository, wanted, building);
      closeReporter();
      if (!built.ok) return finish(exitCodeOfAll(built.failure));
      const published = await publishSystem(
        context.store,
        built.value.planned,
        built.value.products,
        directory,
      );
      if (!published.ok) return refuse(published.failure);
      for (const form of published.value) session.out(`${shownPath(session, form.path)}\n`);
      return finish(0, built.value, published.value);
    },
  );
}
