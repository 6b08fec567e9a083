import type { ErrorObject } from 'ajv';
import { closest, distance } from 'fastest-levenshtein';
import type { Fault } from '../core/failure.ts';

/**
 * Converts one JSON schema error into a fault: the field, and what it must be.
 *
 * @param error from an ajv that runs with `verbose`, which adds the value and the schema around it.
 */
export function schemaFault(error: ErrorObject): Fault {
  const field = fieldPath(error.instancePath);
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'required':
      return { field: inside(field, String(params['missingProperty'])), message: 'is missing' };
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const known = Object.keys(
        (error.parentSchema as { properties?: object } | undefined)?.properties ?? {},
      );
      return { field: inside(field, name), message: `unknown field${suggestion(name, known)}` };
    }
    case 'enum': {
      const allowed = (params['allowedValues'] as readonly unknown[]).map(show);
      return { field, message: `must be one of ${allowed.join(', ')}; is ${show(error.data)}` };
    }
    case 'type':
      return { field, message: `must be ${withArticle(String(params['type']))}; is ${show(error.data)}` };
    case 'pattern': {
      const wanted = (error.parentSchema as { description?: string } | undefined)?.description;
      return {
        field,
        message: `must be ${wanted ?? `of the form ${String(params['pattern'])}`}; is ${show(error.data)}`,
      };
    }
    case 'not':
      return {
        field,
        message:
          (error.parentSchema as { description?: string } | undefined)?.description ?? 'is not allowed',
      };
    case 'minItems':
      return {
        field,
        message: `must have at least ${String(params['limit'])}; has ${(error.data as readonly unknown[]).length}`,
      };
    case 'uniqueItems':
      return { field: `${field}[${String(params['i'])}]`, message: `repeats item ${String(params['j'])}` };
    default:
      return { field, message: `${error.message ?? error.keyword}; is ${show(error.data)}` };
  }
}

/** `/kernel/symbols/3` as `kernel.symbols[3]`. */
function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : inside(path, part)), '');
}

function inside(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const nearest = closest(name, known);
  return distance(name.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, name.length / 3)
    ? `; did you mean ${nearest}?`
    : `; known are ${known.join(' ')}`;
}

function withArticle(type: string): string {
  if (type === 'array') return 'a list';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** A value for a message, truncated. */
function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 60 ? `${JSON.stringify(value.slice(0, 57))}...` : JSON.stringify(value);
    case 'number':
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'nothing';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'a list' : 'an object';
    default:
      return `a ${typeof value}`;
  }
}
