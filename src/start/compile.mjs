// Compiles the program. Loaded only if there is something to compile.
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import faults from './fault.cjs';
import { programOptions, failureLines, isBuildFailure } from './esbuild-options.mjs';
import { tidy } from './tidy.mjs';
import wholes from './whole.cjs';

/**
 * Compiles the program of a checkout into a directory that appears once it is complete. Two of these may run at once,
 * and either may be killed at any moment. Throws StartFault.
 *
 * @param {string} repository
 * @param {string} compiled directory to create; its parent is missing, or verified to belong to no other user
 */
export async function compile(repository, compiled) {
  const parent = path.dirname(compiled);
  try {
    fs.mkdirSync(parent, { mode: 0o755, recursive: true });
    const fresh = fs.mkdtempSync(path.join(parent, 'new-'));
    // The program of a read-only checkout resolves packages from its own location.
    if (parent !== path.join(repository, '.compiled')) {
      fs.symlinkSync(path.join(repository, 'node_modules'), path.join(fresh, 'node_modules'));
    } else {
      fs.chmodSync(fresh, 0o755);
    }
    await writeModules(repository, fresh);
    publish(fresh, compiled);
    tidy(parent, path.basename(compiled));
  } catch (error) {
    if (isBuildFailure(error)) {
      throw new faults.StartFault(`the program does not compile:\n${failureLines(error)}`, 1);
    }
    if (error instanceof Error && 'syscall' in error) {
      throw new faults.StartFault(`${parent}: the program cannot be compiled into it (${error.message}).`, 1);
    }
    throw error;
  }
}

/**
 * @param {string} repository
 * @param {string} directory
 */
async function writeModules(repository, directory) {
  /** @type {Record<string, string>} */
  const program = { main: 'src/cli/main.ts', 'unpack-worker': 'src/sources/unpack-worker.ts' };
  const descriptors = fs
    .readdirSync(path.join(repository, 'arches'))
    .filter((name) => /^[a-z][a-z0-9_]*\.ts$/.test(name))
    .map((name) => [`arches/${name.slice(0, -'.ts'.length)}`, `arches/${name}`]);
  const write = (/** @type {Record<string, string>} */ entryPoints) =>
    build({
      ...programOptions(repository),
      entryPoints,
      outdir: directory,
      chunkNames: '[name]-[hash]',
      splitting: true,
      sourcemap: 'linked',
      sourcesContent: false,
      metafile: true,
    });
  const result = await write({ ...program, ...Object.fromEntries(descriptors) }).catch((error) => {
    if (!isBuildFailure(error)) throw error;
    // Faults of a descriptor are reported only when it is used: each is then compiled when it is loaded.
    return write(program);
  });
  const sizes = Object.entries(result.metafile.outputs).map(([output, { bytes }]) => [
    path.relative(directory, path.resolve(repository, output)),
    bytes,
  ]);
  fs.writeFileSync(path.join(directory, wholes.listName), JSON.stringify(Object.fromEntries(sizes)));
}

/**
 * Renames a directory into place. If another process has compiled the same first, its directory is kept, unless it is
 * damaged.
 *
 * @param {string} fresh
 * @param {string} compiled
 */
function publish(fresh, compiled) {
  for (;;) {
    try {
      return fs.renameSync(fresh, compiled);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    }
    if (wholes.isWhole(compiled)) return fs.rmSync(fresh, { recursive: true, force: true });
    const aside = `${fresh}-damaged`;
    try {
      fs.renameSync(compiled, aside);
    } catch (error) {
      // Another process moved it away at the same time.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
    fs.rmSync(aside, { recursive: true, force: true });
  }
}
