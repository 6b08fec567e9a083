import { realpath } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { place } from '../core/place.ts';
import { failed, ok, type Result } from '../core/result.ts';

/**
 * What the module of a descriptor exports as `arch`, or otherwise by default. A module that does not load is a fault of
 * that file, not a bug of ours: the failure says what is wrong, and where.
 *
 * The repository's own descriptors were compiled with the program. Every other one is compiled here, with everything that it
 * imports, and never written anywhere, so that nobody can substitute other code.
 *
 * @param file absolute
 */
export async function importArch(file: string): Promise<Result<unknown, string>> {
  let map: SourceMap | undefined;
  try {
    let url = await compiledUrl(file);
    if (url === undefined) {
      const compiled = await compileDescriptor(file);
      if (!compiled.ok) return compiled;
      map = new SourceMap(JSON.parse(compiled.value.map) as SourceMapPayload);
      url = `data:text/javascript;base64,${Buffer.from(compiled.value.code).toString('base64')}`;
    }
    const module = (await import(url)) as Readonly<Record<string, unknown>>;
    if ('arch' in module) return ok(module['arch']);
    return 'default' in module ? ok(module['default']) : failed('does not export `arch`');
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    return failed(`does not load: ${String(message)}${map === undefined ? '' : thrownAt(error, map, file)}`);
  }
}

/** The compiled module of a descriptor of the program's own, if it has one. */
async function compiledUrl(file: string): Promise<string | undefined> {
  const { repository, compiled } = place();
  if (path.dirname(file) !== path.join(repository, 'arches')) return undefined;
  const module = path.join(compiled, 'arches', `${path.basename(file, '.ts')}.js`);
  return realpath(module).then(
    (there) => pathToFileURL(there).href,
    () => undefined,
  );
}

async function compileDescriptor(
  file: string,
): Promise<Result<{ readonly code: string; readonly map: string }, string>> {
  const { build } = await import('esbuild');
  const { failureLines, isBuildFailure, moduleOptions } = await import('../start/esbuild-options.mjs');
  try {
    const { outputFiles } = await build({
      ...moduleOptions(path.dirname(file), place().repository),
      entryPoints: [file],
      // Determines the names of the outputs; nothing is written.
      outfile: path.join(path.dirname(file), 'descriptor.js'),
      write: false,
      sourcemap: 'external',
    });
    const text = (end: string) => outputFiles.find((output) => output.path.endsWith(end))?.text ?? '';
    return ok({ code: text('.js'), map: text('.map') });
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const [first = ''] = failureLines(error).split('\n');
    return failed(`does not load: ${first.trim()}`);
  }
}

/** ` (FILE:LINE)` of the first position in an error's stack that is in the compiled module. */
function thrownAt(error: unknown, map: SourceMap, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const [, line, column] = /data:text\/javascript\S*?:(\d+):(\d+)/.exec(stack) ?? [];
  if (line === undefined || column === undefined) return '';
  const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
  if (!('originalSource' in entry)) return '';
  return ` (${path.resolve(path.dirname(file), entry.originalSource)}:${String(entry.originalLine + 1)})`;
}
