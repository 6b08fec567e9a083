import { unreachable } from '../core/result.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { stages } from '../../stages/index.ts';
import { archFacts, proofLine, readProofs } from '../image-test/arch-proofs.ts';
import { loadRepository, type Repository } from '../repository/load-inputs.ts';
import { unknownName } from '../core/nearest.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, type Session } from './session.ts';

const subjects = ['arches', 'stages', 'sources'] as const;
type Subject = (typeof subjects)[number];

/** One listed thing: what is printed in a line or more, and what `--json` says of it. */
interface Item {
  readonly name: string;
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** `bootstrap list`. */
export async function listCommand(
  session: Session,
  what: string | undefined,
  json: boolean,
): Promise<ExitCode> {
  const asked = subjects.filter((subject) => what === undefined || subject === what);
  if (asked.length === 0) return explain(session, unknownName('list', what ?? '', subjects));
  const repository = await loadRepository(session.repository, session.archDirectories);
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

async function itemsOf(subject: Subject, repository: Repository): Promise<Result<readonly Item[], Failure>> {
  switch (subject) {
    case 'arches':
      return archItems(repository);
    case 'stages':
      return ok(
        stages.stages.map(({ name, summary }) => ({
          name,
          text: summary,
          facts: { name, summary },
        })),
      );
    case 'sources':
      return ok(
        repository.lock.sources.map(({ name, version, isDefault, licence, homepage }) => ({
          name: `${name} ${version}`,
          text: `${licence}${isDefault ? '' : ' (not the default version)'}`,
          facts: { name, version, isDefault, licence, homepage },
        })),
      );
    default:
      return unreachable(subject);
  }
}

async function archItems({ root, arches }: Repository): Promise<Result<readonly Item[], Failure>> {
  const items: Item[] = [];
  const proofs = await readProofs(root);
  if (!proofs.ok) return proofs;
  for (const name of arches.names) {
    const arch = await arches.load(name);
    if (!arch.ok) return failed(arch.failure);
    const { summary, aliases, triple, bits, byteOrder, emulator } = arch.value;
    const { machine, console, memory, lacks = [] } = emulator;
    const proved = proofs.value[name];
    const also = aliases.length === 0 ? '' : ` (also: ${aliases.join(', ')})`;
    items.push({
      name,
      text: [`${summary}${also}`, archFacts(arch.value), proofLine(proved)].join('\n'),
      facts: {
        name,
        summary,
        aliases,
        triple,
        bits,
        byteOrder,
        machine,
        console,
        memory,
        lacks,
        proved: proved ?? null,
      },
    });
  }
  return ok(items);
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
