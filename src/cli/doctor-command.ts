import { diagnose, type Finding } from '../build/diagnose.ts';
import { failureText } from '../report/failure-text.ts';
import { openArches } from '../repository/load-arches.ts';
import type { ExitCode } from './exit-code.ts';
import { storeDirectory, type Session } from './session.ts';

/** `bootstrap doctor`: checks everything that a build and a boot need; changes nothing except for creating an empty store. */
export async function doctorCommand(session: Session, storeOption: string | undefined): Promise<ExitCode> {
  const findings = await diagnose({
    repository: session.repository,
    store: storeDirectory(session, storeOption),
    arches: await openArches(session.repository, session.archDirectories),
    searchPath: session.env['PATH'] ?? '',
    describe: failureText,
    say: (text) => session.err(`${text}\n`),
  });
  session.out(findingsText(findings));
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
}

/** A line for each finding, and a summary line. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  const lines = findings.map(({ what, state, detail, remedy }) => {
    const remedies = remedy === undefined ? '' : `\n${' '.repeat(width + 11)}${remedy}`;
    return `${state.padEnd(7)}  ${what.padEnd(width)}  ${detail}${remedies}\n`;
  });
  const missing = findings.filter(({ state }) => state === 'missing').length;
  const sum =
    missing === 0 ? 'This machine can build.' : `This machine cannot build yet: ${missing} missing.`;
  return `${lines.join('')}\n${sum}\n`;
}
