import { stages } from '../../stages/index.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, unreachable, type Result } from '../core/result.ts';
import { archFacts, proofLines, readProofs } from '../image-test/arch-proofs.ts';
import type { LockedSource } from '../inputs/lock.ts';
import { setsWith, versionsOf } from '../inputs/versions.ts';
import type { Repository } from '../repository/load-inputs.ts';

/** What can be listed. */
export const subjects = ['arches', 'stages', 'sources', 'versions'] as const;
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
      return ok(repository.lock.sources.map((source) => sourceItem(repository, source)));
    case 'versions':
      return ok(Object.keys(repository.lock.sets).map((name) => setItem(repository, name)));
    default:
      return unreachable(subject);
  }
}

/** Which sets have a version is said of sources with several. */
function sourceItem({ lock, chosen }: Repository, source: LockedSource): Item {
  const { name, version, licence, homepage } = source;
  const sets = setsWith(lock, source);
  const place = sets.length === 0 ? `in no set: --${name} ${version}` : `in ${sets.join(', ')}`;
  return {
    name: `${name} ${version}`,
    text: versionsOf(lock, name).length === 1 ? licence : `${licence}\n${place}`,
    facts: { name, version, isChosen: chosen.sources.includes(source), sets, licence, homepage },
  };
}

/** A set, with the versions of those sources that there are several of. */
function setItem({ lock }: Repository, name: string): Item {
  const versions = lock.sets[name] ?? {};
  const isDefault = name === lock.defaultSet;
  const several = Object.keys(versions).filter((source) => versionsOf(lock, source).length > 1);
  const shown = several.length === 0 ? Object.keys(versions) : several;
  return {
    name,
    text: `${isDefault ? 'default: ' : ''}${shown.map((source) => `${source} ${versions[source] ?? ''}`).join(', ')}`,
    facts: { name, isDefault, versions },
  };
}

async function archItems({ root, arches, lock }: Repository): Promise<Result<readonly Item[], Failure>> {
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
      text: [`${summary}${also}`, archFacts(arch.value), ...proofLines(proved, lock.defaultSet)].join('\n'),
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
        proved: proved ?? [],
      },
    });
  }
  return ok(items);
}
