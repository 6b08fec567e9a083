import path from 'node:path';
import type { OpenBuildContext } from '../build/build-context.ts';
import { examineArch } from '../porting/examine-arch.ts';
import { createArch, placeForArch } from '../porting/new-arch.ts';
import { loadRepository } from '../repository/load-inputs.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { exitCodeOfFindings, findingsSummary, findingsText } from './findings-text.ts';
import { askForArch, type ToldArch } from './new-arch-questions.ts';
import type { SourceRequest } from './options.ts';
import { explain, outDirectory, shownPath, type Session } from './session.ts';

export interface NewArchRequest extends ToldArch {
  readonly sources: SourceRequest;
}

/** `bootstrap new-arch NAME`: determines as much as possible about an arch, then writes and checks its descriptor. */
export async function newArchCommand(
  session: Session,
  { sources, ...request }: NewArchRequest,
  open?: OpenBuildContext,
): Promise<ExitCode> {
  const loaded = await loadRepository(session.repository, session);
  if (!loaded.ok) return explain(session, loaded.failure);
  const repository = loaded.value;
  const { name } = request;
  const arches = path.join(session.repository, 'arches');
  const directory = session.archDirectories?.at(-1) ?? arches;
  const file = await placeForArch(repository.arches, name, directory);
  if (!file.ok) return explain(session, file.failure);
  const told = await askForArch(session, request);
  if (!told.ok) return explain(session, told.failure);
  const options = { lock: repository.lock, sources, open };
  return whileBuilding(session, options, async ({ closeReporter, ...building }) => {
    const shared = {
      ...building,
      searchPath: session.env['PATH'] ?? '',
    };
    const made = await createArch(repository, told.value, { ...shared, file: file.value });
    if (!made.ok) return exitCodeOfAll(made.failure);
    const out = outDirectory(session, undefined, name, repository);
    const examined = await examineArch(repository, made.value, { ...shared, directory: out });
    if (!examined.ok) return exitCodeOfAll(examined.failure);
    closeReporter();
    const findings = examined.value;
    const again = `bootstrap check ${name}${directory === arches ? '' : ` --arch-dir ${directory}`}`;
    session.out(
      `${findingsText(findings)}\n${findingsSummary(name, findings)}` +
        `${shownPath(session, file.value)} was written; what remains to be determined is marked in it with \`// TODO\`.\n` +
        `Complete it, and check it again with: ${again}\n`,
    );
    return exitCodeOfFindings(findings);
  });
}
