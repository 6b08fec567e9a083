import { closest, distance } from 'fastest-levenshtein';
import type { Failure, Fault } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { sourceName, type SourceName } from '../plan/names.ts';
import { controlSchema } from './control-schema.ts';
import { compileSchema } from '../inputs/compile-schema.ts';
import { lineOf, scanJson } from '../inputs/json-lines.ts';
import { schemaFault } from '../inputs/schema-fault.ts';

/** Names in a control directory or archive. */
export const controlFiles = {
  /** Run by the guest, from /mnt. */
  init: 'init',
  /** Optional, see `ControlSettings`. */
  settings: 'control.json',
  /** Directory of the sources that `control.json` names, with a subdirectory for each. */
  sources: 'sources',
} as const;

/** What a control image needs in addition to its own files. */
export interface ControlSettings {
  /** Names of sources in the lock, each in its default version; in order of name. */
  readonly sources: readonly SourceName[];
  /** When the guest is ended; undefined: after the default limit. */
  readonly timeLimitMinutes?: number;
}

/** The settings if there is no `control.json`. */
export const noControlSettings: ControlSettings = { sources: [] };

const controlCheck = compileSchema(controlSchema);

/**
 * Parses the text of a `control.json`. Fails with `bad-input` and every fault that can be found, in order of line.
 *
 * @param file name of the file, for messages
 * @param known names of all sources
 */
export function parseControl(
  text: string,
  file: string,
  known: readonly string[],
): Result<ControlSettings, Failure> {
  const { lines, duplicates, broken } = scanJson(text);
  if (broken !== undefined) {
    const fault = { field: '', line: broken.line, message: `is not JSON: ${broken.message}` };
    return failed({ reason: 'bad-input', file, faults: [fault] });
  }
  const written: unknown = JSON.parse(text);
  const faults: Fault[] = duplicates.map((one) => ({ ...one, message: 'occurs twice in its object' }));
  const validate = controlCheck();
  if (!validate(written)) faults.push(...(validate.errors ?? []).map(schemaFault));
  faults.push(...unknownSources(written, known));
  if (faults.length > 0) {
    const placed = faults
      .map((fault) => ({ ...fault, line: fault.line ?? lineOf(fault.field, lines) ?? 1 }))
      .sort((a, b) => a.line - b.line);
    return failed({ reason: 'bad-input', file, faults: placed });
  }
  const { sources = [], timeLimitMinutes } = written as {
    sources?: readonly string[];
    timeLimitMinutes?: number;
  };
  return ok({
    sources: [...sources].sort().map(sourceName),
    ...(timeLimitMinutes === undefined ? {} : { timeLimitMinutes }),
  });
}

/** Only for well-formed names; the others already have a fault. */
function unknownSources(written: unknown, known: readonly string[]): readonly Fault[] {
  if (typeof written !== 'object' || written === null || !('sources' in written)) return [];
  if (!Array.isArray(written.sources)) return [];
  return (written.sources as readonly unknown[]).flatMap((name, index) => {
    if (typeof name !== 'string' || known.includes(name) || !/^[a-z0-9][a-z0-9.+-]*$/.test(name)) return [];
    return [
      { field: `sources[${String(index)}]`, message: `there is no source ${name}${suggestion(name, known)}` },
    ];
  });
}

function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const nearest = closest(name, known);
  return distance(name, nearest) <= Math.max(2, name.length / 3)
    ? `; did you mean ${nearest}?`
    : `; known are ${[...known].sort().join(' ')}`;
}
