import { stages } from '../../stages/index.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, unreachable, type Result } from '../core/result.ts';
import { archFacts, proofLine, readProofs } from '../image-test/arch-proofs.ts';
import type { Repository } from '../repository/load-inputs.ts';

/** What can be listed. */
export const subjects = ['arches', 'stages', 'sources'] as const;
export type Subject = (typeof subjects)[number];

/** One listed item: the text to print, in one or more lines, and its data for `--json`. */
export interface Item {
  readonly name: string;
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Everything of a subject, in the order in which it is listed. */
export async function itemsOf(
  subject: Subject,
  repository: Repository,
): Promise<Result<readonly Item[], Failure>> {
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
