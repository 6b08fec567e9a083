import type { ErrorObject } from 'ajv';
import { digest, sha256 } from '../core/digest.ts';
import type { Failure, Fault } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { sourceName } from '../plan/names.ts';
import { compileSchema } from './compile-schema.ts';
import { lineOf, scanJson } from './json-lines.ts';
import { lockFaults } from './lock-rules.ts';
import { lockSchema } from './lock-schema.ts';
import type { Lock, LockedSource, Origin } from './lock.ts';
import { schemaFault } from './schema-fault.ts';

/** A lock as written, once it has passed the schema: the same fields, without brands. */
type Written<Type> = Type extends string
  ? string
  : Type extends number | boolean
    ? Type
    : { readonly [Field in keyof Type]: Field extends 'kind' ? Type[Field] : Written<Type[Field]> };

const lockCheck = compileSchema(lockSchema);

/**
 * Reads the text of `sources.lock`. Fails with `bad-input` and all faults that can be found, in line order.
 *
 * @param file name of the file, for messages
 */
export function parseLock(text: string, file: string): Result<Lock, Failure> {
  const { lines, duplicates, broken } = scanJson(text);
  if (broken !== undefined) {
    const fault = { field: '', line: broken.line, message: `is not JSON: ${broken.message}` };
    return failed({ reason: 'bad-input', file, faults: [fault] });
  }
  const written: unknown = JSON.parse(text);
  const faults: Fault[] = duplicates.map((duplicate) => ({
    ...duplicate,
    message: 'occurs twice in its object',
  }));
  const validate = lockCheck();
  if (!validate(written)) faults.push(...(validate.errors ?? []).map(originFault));
  faults.push(...lockFaults(written));
  if (faults.length > 0) {
    const placed = faults
      .map((fault) => withLine(fault, lines))
      .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    return failed({ reason: 'bad-input', file, faults: placed });
  }
  return ok(branded(written as Written<Lock>));
}

function originFault(error: ErrorObject): Fault {
  const fault = schemaFault(error);
  return error.keyword === 'discriminator'
    ? { field: `${fault.field}.kind`, message: 'must be url or debian' }
    : fault;
}

function withLine(fault: Fault, lines: ReadonlyMap<string, number>): Fault {
  const line = fault.line ?? lineOf(fault.field, lines);
  return line === undefined ? fault : { ...fault, line };
}

function branded(written: Written<Lock>): Lock {
  return { ...written, sources: written.sources.map(brandedSource) };
}

function brandedSource(written: Written<LockedSource>): LockedSource {
  return {
    ...written,
    name: sourceName(written.name),
    tree: digest(written.tree),
    origins: written.origins.map((origin): Origin => ({ ...origin, sha256: sha256(origin.sha256) })),
  };
}
