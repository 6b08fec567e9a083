import type { OpenBuildContext } from '../build/build-context.ts';
import { examineArch } from '../porting/examine-arch.ts';
import { loadRepository } from '../repository/load-inputs.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { exitCodeOfFindings, findingsSummary, findingsText } from './findings-text.ts';
import type { SourceRequest } from './options.ts';
import { explain, outDirectory, type Session } from './session.ts';

export interface CheckRequest {
  readonly arch: string;
  readonly json: boolean;
  readonly sources: SourceRequest;
  /** `--out`, as the user wrote it: where to look for the kernel of a built image. */
  readonly out?: string;
}

/** `bootstrap check ARCH`: checks a descriptor against upstream sources and the emulator, and names each fault. */
export async function checkCommand(
  session: Session,
  request: CheckRequest,
  open?: OpenBuildContext,
): Promise<ExitCode> {
  const loaded = await loadRepository(session.repository, session);
  if (!loaded.ok) return explain(session, loaded.failure);
  const repository = loaded.value;
  const arch = await repository.arches.find(request.arch, 'arch');
  if (!arch.ok) return explain(session, arch.failure);
  const { name } = arch.value;
  const options = { lock: repository.lock, sources: request.sources, open };
  return whileBuilding(session, options, async ({ closeReporter, ...building }) => {
    const examined = await examineArch(repository, arch.value, {
      ...building,
      searchPath: session.env['PATH'] ?? '',
      directory: outDirectory(session, request.out, name, repository),
    });
    if (!examined.ok) return exitCodeOfAll(examined.failure);
    closeReporter();
    const findings = examined.value;
    const code = exitCodeOfFindings(findings);
    const facts = { arch: name, file: repository.arches.fileOf(name), passed: code === 0, findings };
    session.out(
      request.json
        ? `${JSON.stringify(facts, undefined, 2)}\n`
        : `${findingsText(findings)}\n${findingsSummary(name, findings)}`,
    );
    return code;
  });
}
