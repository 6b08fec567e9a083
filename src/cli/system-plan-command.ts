import path from 'node:path';
import { count } from '../core/count.ts';
import { baserockArches } from '../definitions/arches.ts';
import type { Chunk, ChunkSource, System } from '../definitions/definition.ts';
import { chunksOf } from '../definitions/read-system.ts';
import { openSystem } from '../repository/read-definitions.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, type Session } from './session.ts';

/** `bootstrap system plan`: what a system of a set of definitions consists of, in the order of building. */
export async function systemPlanCommand(session: Session, file: string, json: boolean): Promise<ExitCode> {
  const opened = await openSystem(path.resolve(session.cwd, file));
  if (!opened.ok) return explain(session, opened.failure);
  const { system } = opened.value;
  session.out(json ? `${JSON.stringify(system, undefined, 2)}\n` : systemText(system));
  return 0;
}

function systemText(system: System): string {
  const { name, arch, strata, configurationExtensions } = system;
  const ours = baserockArches[arch];
  const sections = strata.map(({ path: file, chunks }) =>
    [file, ...chunkLines(chunks)].map((line) => `${line}\n`).join(''),
  );
  const extensions = configurationExtensions.map((extension) => `  ${extension}\n`).join('');
  return [
    `${name}: ${count(chunksOf(system).length, 'chunk')} in ${count(strata.length, 'stratum', 'strata')}, ` +
      `for ${ours === undefined ? `${arch}, for which there is no arch here` : archText(arch, ours)}\n`,
    ...sections,
    ...(extensions === '' ? [] : [`Configuration extensions, which are never run:\n${extensions}`]),
  ].join('\n');
}

function archText(theirs: string, ours: string): string {
  return theirs === ours ? ours : `${ours} (there: ${theirs})`;
}

function chunkLines(chunks: readonly Chunk[]): readonly string[] {
  const width = Math.max(0, ...chunks.map(({ id }) => id.length));
  return chunks.map((chunk) => {
    const { id, source, mode, buildSystem = 'build system by its files' } = chunk;
    const words = [sourceText(source), buildSystem, ...(mode === 'staging' ? [] : [mode])];
    return `  ${id.padEnd(width)}  ${words.join(', ')}`;
  });
}

function sourceText(source: ChunkSource): string {
  if (source.kind === 'locked') return `${source.name} ${source.version} of sources.lock`;
  const { repository, ref, unpetrifiedRef } = source;
  const commit = /^[0-9a-f]{40}$/.test(ref) ? ref.slice(0, 12) : ref;
  return `${repository} ${unpetrifiedRef === undefined ? commit : `${unpetrifiedRef} (${commit})`}`;
}
