// For developers: `node src/start/run.mjs FILE.ts ARGUMENT…` compiles a script of this repository and runs it here. The
// result is kept with the compiled program, by the digest of its text, and is removed with it.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { programOptions } from './esbuild-options.mjs';
import places from './place.cjs';

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const [script = ''] = process.argv.splice(2, 1);
const { compiled } = await places.enterPlace(repository);
/** A module's own path is that of its source: tests look for files beside it. */
const ownPlaces = {
  name: 'own places',
  setup: (/** @type {import('esbuild').PluginBuild} */ build) => {
    build.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
      const values = { dirname: path.dirname(file), filename: file, url: pathToFileURL(file).href };
      const contents = fs
        .readFileSync(file, 'utf8')
        .replace(/\bimport\.meta\.(dirname|filename|url)\b/g, (_, name) =>
          JSON.stringify(values[/** @type {keyof typeof values} */ (name)]),
        );
      return { contents, loader: 'ts' };
    });
  },
};
const options = programOptions(repository);
const { outputFiles } = await build({
  ...options,
  plugins: [...(options.plugins ?? []), ownPlaces],
  entryPoints: [path.resolve(script)],
  sourcemap: 'inline',
  write: false,
  logLevel: 'warning',
});
const text = outputFiles[0]?.contents ?? new Uint8Array();
await import(pathToFileURL(write(path.join(compiled, 'scripts'))).href);

/**
 * Writes the script into a directory and returns its path. If that is not writable, a temporary directory is used.
 *
 * @param {string} directory
 */
function write(directory) {
  const file = path.join(directory, `${createHash('sha256').update(text).digest('hex')}.mjs`);
  if (fs.existsSync(file)) return file;
  try {
    fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(`${file}.${process.pid}`, text);
    fs.renameSync(`${file}.${process.pid}`, file);
    return file;
  } catch {
    const own = fs.mkdtempSync(path.join(tmpdir(), 'script-'));
    process.once('exit', () => fs.rmSync(own, { recursive: true, force: true }));
    fs.symlinkSync(path.join(repository, 'node_modules'), path.join(own, 'node_modules'));
    fs.writeFileSync(path.join(own, 'script.mjs'), text);
    return path.join(own, 'script.mjs');
  }
}
