import type { ArchDescriptor } from '../inputs/arch.ts';

/** Doubts about fields, by field path (`kernel.symbols`): each becomes a `// TODO: …` before the field. */
export type Doubts = ReadonlyMap<string, string>;

/** Line width of this repository. */
const width = 110;

/**
 * Text of a module that describes an arch, formatted like the rest of the repository.
 *
 * @param importPath of `src/inputs/arch.ts` as the module sees it. Undefined: the module needs no import.
 */
export function renderDescriptor(
  descriptor: ArchDescriptor,
  doubts: Doubts,
  importPath: string | undefined,
): string {
  const literal = fieldsText(descriptor, '', '', doubts);
  return importPath === undefined
    ? `export const arch = ${literal};\n`
    : `import { describeArch } from ${stringText(importPath)};\n\nexport const arch = describeArch(${literal});\n`;
}

/** An object of the descriptor itself: one field per line, preceded by its doubt. */
function fieldsText(object: object, prefix: string, indent: string, doubts: Doubts): string {
  const inner = `${indent}  `;
  const lines = fieldsOf(object).map(([name, value]) => {
    const field = prefix === '' ? name : `${prefix}.${name}`;
    const doubt = doubts.get(field);
    // A doubt may contain a program's output, all lines of which must be commented out.
    const comment =
      doubt === undefined ? '' : `${inner}// TODO: ${doubt.replace(/\s+/g, ' ')}`.trimEnd() + '\n';
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    const text = nested ? fieldsText(value, field, inner, doubts) : undefined;
    return `${comment}${inner}${text === undefined ? fieldText(name, value, inner) : `${name}: ${text}`},\n`;
  });
  return lines.length === 0 ? '{}' : `{\n${lines.join('')}${indent}}`;
}

/** `name: value`, on one line if it fits with a comma after it. */
function fieldText(name: string, value: unknown, indent: string): string {
  const line = `${name}: ${flatText(value)}`;
  if (fits(indent, line, value)) return line;
  // A string that is too long goes to a line of its own, unless that gains next to nothing.
  if (typeof value === 'string') return name.length < 5 ? line : `${name}:\n${indent}  ${stringText(value)}`;
  return `${name}: ${valueText(value, indent)}`;
}

/** A value that does not fit on the line where it begins. */
function valueText(value: unknown, indent: string): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => {
      const line = flatText(item);
      return `${inner}${fits(inner, line, item) ? line : valueText(item, inner)},\n`;
    });
    return `[\n${items.join('')}${indent}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const fields = fieldsOf(value).map(([name, item]) => `${inner}${fieldText(name, item, inner)},\n`);
    return `{\n${fields.join('')}${indent}}`;
  }
  return flatText(value);
}

function fits(indent: string, text: string, value: unknown): boolean {
  return indent.length + text.length + 1 <= width && !isBroken(value);
}

/**
 * Lists of several objects with several fields each are never joined into one line, nor is anything that contains one.
 */
function isBroken(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const items: readonly unknown[] = Object.values(value);
  const table =
    Array.isArray(value) &&
    items.length > 1 &&
    items.every((item) => typeof item === 'object' && item !== null && Object.keys(item).length > 1);
  return table || items.some(isBroken);
}

function flatText(value: unknown): string {
  if (typeof value === 'string') return stringText(value);
  if (Array.isArray(value)) return `[${value.map(flatText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = fieldsOf(value).map(([name, item]) => `${name}: ${flatText(item)}`);
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
  }
  return JSON.stringify(value);
}

function fieldsOf(object: object): readonly (readonly [string, unknown])[] {
  return Object.entries(object).filter(([, value]) => value !== undefined);
}

/** In single quotes, unless the text has more of them than of double quotes. */
function stringText(text: string): string {
  const double = JSON.stringify(text);
  const count = (quote: string): number => text.split(quote).length;
  if (count("'") > count('"')) return double;
  return `'${double.slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
