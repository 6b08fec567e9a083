import { isDigest, type Digest } from '../core/digest.ts';
import type { Failure, Fault } from '../core/failure.ts';
import { isRecord, parseJson } from '../core/json.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { lineOf, scanJson } from '../inputs/json-lines.ts';
import { compileSchema } from '../inputs/compile-schema.ts';
import { schemaFault } from '../inputs/schema-fault.ts';
import type { Chunk, ChunkSource } from './definition.ts';

/** A source that is a commit, as definitions name it. */
export type GitSource = Extract<ChunkSource, { kind: 'git' }>;

/** What a commit was when it was pinned. */
export interface Pin {
  readonly repository: string;
  readonly ref: string;
  readonly submodules: Readonly<Record<string, string>>;
  /** 40 hexadecimal digits. */
  readonly commit: string;
  /** Digest of its files, those of its submodules included. */
  readonly tree: Digest;
}

/** Pins by the identity of their source. */
export type Pins = ReadonlyMap<string, Pin>;

/** Identity of a source: everything that says which files it has. The name that people call it by does not count. */
export function sourceKey({
  repository,
  ref,
  submodules,
}: Pick<Pin, 'repository' | 'ref' | 'submodules'>): string {
  return JSON.stringify([repository, ref, Object.entries(submodules).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** The commits that chunks are made from, each once, with the id of the first chunk that names it. */
export function gitSourcesOf(
  chunks: readonly Chunk[],
): readonly { readonly chunk: string; readonly source: GitSource }[] {
  const found = new Map<string, { chunk: string; source: GitSource }>();
  for (const { id, source } of chunks) {
    if (source.kind === 'git' && !found.has(sourceKey(source)))
      found.set(sourceKey(source), { chunk: id, source });
  }
  return [...found.values()];
}

const text = { type: 'string', minLength: 1 } as const;

const pinsSchema = {
  type: 'object',
  properties: {
    format: { enum: [1] },
    sources: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          repository: text,
          ref: text,
          submodules: { type: 'object', additionalProperties: text },
          commit: { type: 'string', pattern: '^[0-9a-f]{40}$', description: '40 hexadecimal digits' },
          tree: text,
        },
        required: ['repository', 'ref', 'commit', 'tree'],
        additionalProperties: false,
      },
    },
  },
  required: ['format', 'sources'],
  additionalProperties: false,
} as const;

const pinsCheck = compileSchema(pinsSchema);

type WrittenPin = Omit<Pin, 'tree' | 'submodules'> & { tree: string; submodules?: Pin['submodules'] };

/** Reads a file of pins. Fails with `bad-input` and all faults. */
export function parsePins(content: string, file: string): Result<Pins, Failure> {
  const { lines, broken } = scanJson(content);
  const refuse = (faults: readonly Fault[]) => failed<Failure>({ reason: 'bad-input', file, faults });
  if (broken !== undefined)
    return refuse([{ field: '', line: broken.line, message: `is not JSON: ${broken.message}` }]);
  const at = (fault: Fault): Fault => {
    const line = lineOf(fault.field, lines);
    return line === undefined ? fault : { ...fault, line };
  };
  const value = parseJson(content);
  const validate = pinsCheck();
  if (!validate(value)) return refuse((validate.errors ?? []).map((error) => at(schemaFault(error))));
  const written = isRecord(value) ? (value['sources'] as readonly WrittenPin[]) : [];
  const pins = new Map<string, Pin>();
  const faults: Fault[] = [];
  for (const [index, { tree, submodules = {}, ...pin }] of written.entries()) {
    const field = `sources[${String(index)}]`;
    const key = sourceKey({ ...pin, submodules });
    if (pins.has(key)) faults.push(at({ field, message: 'pins what an earlier one pins' }));
    if (isDigest(tree)) pins.set(key, { ...pin, submodules, tree });
    else faults.push(at({ field: `${field}.tree`, message: `must be a digest; is ${JSON.stringify(tree)}` }));
  }
  return faults.length > 0 ? refuse(faults) : ok(pins);
}

/** The text of a file of pins: sorted, so that the order of pinning leaves no trace. */
export function renderPins(pins: Pins): string {
  const sources = [...pins]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { repository, ref, submodules, commit, tree }]) => ({
      repository,
      ref,
      ...(Object.keys(submodules).length === 0 ? {} : { submodules }),
      commit,
      tree,
    }));
  return `${JSON.stringify({ format: 1, sources }, undefined, 2)}\n`;
}
