import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { place } from '../core/place.ts';

/**
 * An error's stack with positions in our sources instead of those in the compiled modules. Frames without a source map stay as they
 * are, because this is used when something has already gone wrong.
 */
export function sourceStack(stack: string): string {
  return stack.replace(/(file:\/\/\/[^\s)]+):(\d+):(\d+)/g, (whole, url: string, line, column) => {
    try {
      const module = fileURLToPath(url);
      const { repository, compiled } = place();
      if (!module.startsWith(`${compiled}/`)) return whole;
      const map = new SourceMap(JSON.parse(readFileSync(`${module}.map`, 'utf8')) as SourceMapPayload);
      const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
      if (!('originalSource' in entry)) return whole;
      const source = path.relative(repository, path.resolve(path.dirname(module), entry.originalSource));
      return `${source}:${String(entry.originalLine + 1)}:${String(entry.originalColumn + 1)}`;
    } catch {
      return whole;
    }
  });
}
