import { unknownName } from '../core/nearest.ts';
import { loadRepository } from '../repository/load-inputs.ts';
import type { ExitCode } from './exit-code.ts';
import { itemsOf, subjects, type Item, type Subject } from './list-items.ts';
import { explain, type Session } from './session.ts';

/** `bootstrap list`. */
export async function listCommand(
  session: Session,
  what: string | undefined,
  json: boolean,
): Promise<ExitCode> {
  const asked = subjects.filter((subject) => what === undefined || subject === what);
  if (asked.length === 0) return explain(session, unknownName('list', what ?? '', subjects));
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return explain(session, repository.failure);
  const sections = new Map<Subject, readonly Item[]>();
  for (const subject of asked) {
    const items = await itemsOf(subject, repository.value);
    if (!items.ok) return explain(session, items.failure);
    sections.set(subject, items.value);
  }
  session.out(json ? jsonText(sections) : sectionText(sections));
  return 0;
}

function jsonText(sections: ReadonlyMap<Subject, readonly Item[]>): string {
  const facts = [...sections].map(([subject, items]) => [subject, items.map((item) => item.facts)] as const);
  return `${JSON.stringify(Object.fromEntries(facts), undefined, 2)}\n`;
}

function sectionText(sections: ReadonlyMap<Subject, readonly Item[]>): string {
  return [...sections]
    .map(([subject, items]) => {
      const width = Math.max(0, ...items.map(({ name }) => name.length));
      const further = `\n${' '.repeat(width + 4)}`;
      const lines = items.map(
        ({ name, text }) => `  ${name.padEnd(width)}  ${text.replaceAll('\n', further)}\n`,
      );
      return `${subject}:\n${lines.join('')}`;
    })
    .join('\n');
}
