// For developers: `node src/start/run.mjs FILE.ts ARGUMENT…` compiles a script of this repository and runs it here. The
// result is kept with the compiled program, by the digest of its text, and is removed with it.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import places from './place.cjs';

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const script = path.resolve(process.argv.splice(2, 1)[0] ?? '');
const { compiled } = await places.enterPlace(repository);
const directory = path.join(compiled, 'scripts');
/** Says what the script was last compiled from. */
const record = path.join(directory, `${digest(script)}.json`);
await import(pathToFileURL(findCompiled() ?? (await compile())).href);

/** The compiled script if none of its sources have changed since; undefined otherwise. */
function findCompiled() {
  try {
    /** @type {{ output: string, stamps: Record<string, string> }} */
    const { output, stamps } = JSON.parse(fs.readFileSync(record, 'utf8'));
    const isSame = Object.entries(stamps).every(([file, stamp]) => stampOf(file) === stamp);
    return isSame && fs.existsSync(output) ? output : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} file */
function stampOf(file) {
  const { size, mtimeMs, ctimeMs } = fs.statSync(file);
  return `${size} ${mtimeMs} ${ctimeMs}`;
}

/** Compiles the script and returns the path of the result. */
async function compile() {
  const { build } = await import('esbuild');
  const { programOptions } = await import('./esbuild-options.mjs');
  const options = programOptions(repository);
  /** @type {Record<string, string>} */
  const stamps = {};
  /** A module's own path is that of its source: tests look for files beside it. */
  const ownPlaces = {
    name: 'own places',
    setup: (/** @type {import('esbuild').PluginBuild} */ { onLoad }) => {
      onLoad({ filter: /\.(?:ts|mjs|cjs|json)$/ }, ({ path: file }) => {
        // Before it is read: a change in between is then noticed next time.
        stamps[file] = stampOf(file);
        if (!file.endsWith('.ts')) return undefined;
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
  const { outputFiles } = await build({
    ...options,
    plugins: [...(options.plugins ?? []), ownPlaces],
    entryPoints: [script],
    sourcemap: 'inline',
    write: false,
    logLevel: 'warning',
  });
  const text = outputFiles[0]?.contents ?? new Uint8Array();
  const output = path.join(directory, `${digest(text)}.mjs`);
  try {
    fs.mkdirSync(directory, { recursive: true });
    if (!fs.existsSync(output)) writeWhole(output, text);
    writeWhole(record, JSON.stringify({ output, stamps }));
    return output;
  } catch {
    return writeAside(text);
  }
}

/**
 * Writes a file so that it never appears incomplete under its name.
 *
 * @param {string} file
 * @param {string | Uint8Array} content
 */
function writeWhole(file, content) {
  fs.writeFileSync(`${file}.${process.pid}`, content);
  fs.renameSync(`${file}.${process.pid}`, file);
}

/**
 * Writes the script into a temporary directory of this process, for a checkout that is not writable, and returns its path.
 *
 * @param {Uint8Array} text
 */
function writeAside(text) {
  const own = fs.mkdtempSync(path.join(tmpdir(), 'script-'));
  process.once('exit', () => fs.rmSync(own, { recursive: true, force: true }));
  fs.symlinkSync(path.join(repository, 'node_modules'), path.join(own, 'node_modules'));
  fs.writeFileSync(path.join(own, 'script.mjs'), text);
  return path.join(own, 'script.mjs');
}

/** @param {string | Uint8Array} content */
function digest(content) {
  return createHash('sha256').update(content).digest('hex');
}
