import { count } from '../core/count.ts';
import type { Chunk, ChunkSource, System } from '../definitions/definition.ts';
import { chunksOf } from '../definitions/read-system.ts';
import type { PlanId } from '../plan/names.ts';
import { archOf, planIdsOfChunks } from '../system/plan-system.ts';
import type { ExitCode } from './exit-code.ts';
import { openSystemWithPins, type SystemOptions } from './open-system.ts';
import { explain, type Session } from './session.ts';
import { systemWanted } from './system-build-options.ts';

/** Options of `bootstrap system plan`. */
export interface SystemPlanOptions extends SystemOptions {
  readonly json?: boolean;
  readonly host?: string;
  readonly targetCompiler?: string;
  readonly builder?: string;
}

/** `bootstrap system plan`: what a system of a set of definitions consists of, in the order of building. */
export async function systemPlanCommand(
  session: Session,
  file: string,
  options: SystemPlanOptions,
): Promise<ExitCode> {
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository, system } = opened.value;
  const ids = await planIdsOfChunks(repository, systemWanted(opened.value, options));
  if (!ids.ok) return explain(session, ids.failure);
  session.out(
    options.json === true
      ? `${JSON.stringify({ ...system, planIds: ids.value }, undefined, 2)}\n`
      : systemText(system, ids.value),
  );
  return 0;
}

function systemText(system: System, ids: Readonly<Record<string, PlanId>>): string {
  const { name, arch, strata, configurationExtensions } = system;
  const ours = archOf(system);
  const known = Object.keys(ids).length > 0;
  const sections = strata.map(({ path: file, chunks }) =>
    [file, ...chunkLines(chunks, ids)].map((line) => `${line}\n`).join(''),
  );
  const extensions = configurationExtensions.map((extension) => `  ${extension}\n`).join('');
  return [
    `${name}: ${count(chunksOf(system).length, 'chunk')} in ${count(strata.length, 'stratum', 'strata')}, ` +
      `for ${known ? archText(arch, ours) : `${arch}, for which there is no arch here`}\n`,
    ...sections,
    ...(extensions === '' ? [] : [`Configuration extensions, which are never run:\n${extensions}`]),
  ].join('\n');
}

function archText(theirs: string, ours: string): string {
  return theirs === ours ? ours : `${ours} (there: ${theirs})`;
}

function chunkLines(chunks: readonly Chunk[], ids: Readonly<Record<string, PlanId>>): readonly string[] {
  const width = Math.max(0, ...chunks.map(({ id }) => id.length));
  return chunks.map((chunk) => {
    const { id, source, mode, buildSystem = 'build system by its files' } = chunk;
    const words = [sourceText(source), buildSystem, ...(mode === 'staging' ? [] : [mode])];
    const planId = ids[id]?.slice(0, 12);
    return `  ${planId === undefined ? '' : `${planId}  `}${id.padEnd(width)}  ${words.join(', ')}`;
  });
}

function sourceText(source: ChunkSource): string {
  if (source.kind === 'locked') return `${source.name} ${source.version} of sources.lock`;
  const { repository, ref, unpetrifiedRef } = source;
  const commit = /^[0-9a-f]{40}$/.test(ref) ? ref.slice(0, 12) : ref;
  return `${repository} ${unpetrifiedRef === undefined ? commit : `${unpetrifiedRef} (${commit})`}`;
}
