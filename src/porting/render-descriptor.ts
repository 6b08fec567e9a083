import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ArchDescriptor } from '../inputs/arch.ts';

/** What is doubtful about fields, by field path (`kernel.symbols`): each becomes a `// TODO: …` before it. */
export type Doubts = ReadonlyMap<string, string>;

/**
 * Text of a module that describes an arch, in the repository's own format.
 *
 * @param importPath of `src/inputs/arch.ts` as the module sees it. Undefined: the module needs no import.
 */
export async function renderDescriptor(
  repository: string,
  descriptor: ArchDescriptor,
  doubts: Doubts,
  importPath: string | undefined,
): Promise<string> {
  const literal = objectText(descriptor, '', doubts);
  const text =
    importPath === undefined
      ? `export const arch = ${literal};\n`
      : `import { describeArch } from ${JSON.stringify(importPath)};\n\nexport const arch = describeArch(${literal});\n`;
  const settings = JSON.parse(await readFile(path.join(repository, '.prettierrc'), 'utf8')) as object;
  // Not before it is wanted: only this command formats anything.
  const { format } = await import('prettier');
  return format(text, { ...settings, parser: 'typescript' });
}

function valueText(value: unknown, field: string, doubts: Doubts): string {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? objectText(value, field, doubts)
    : JSON.stringify(value);
}

function objectText(object: object, prefix: string, doubts: Doubts): string {
  const lines = Object.entries(object).map(([name, value]) => {
    const field = prefix === '' ? name : `${prefix}.${name}`;
    const doubt = doubts.get(field);
    // A doubt may hold what a program said, of which every line would be code but the first.
    const comment = doubt === undefined ? '' : `// TODO: ${doubt.replace(/\s+/g, ' ')}\n`;
    return `${comment}${name}: ${valueText(value, field, doubts)},\n`;
  });
  // The line break after the brace keeps the formatter from joining lines.
  return `{\n${lines.join('')}}`;
}
