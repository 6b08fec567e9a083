import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * What is wrong with the installed packages of a checkout, as a sentence; undefined: nothing. `./bootstrap` installs them
 * again where its stamp is missing or is not the present package-lock.json, which must not happen while tests run.
 */
export function packagesFault(repository: string): string | undefined {
  const installed = contentOf(path.join(repository, 'node_modules/.installed-dev-package-lock.json'));
  if (installed?.equals(readFileSync(path.join(repository, 'package-lock.json'))) === true) return undefined;
  const why =
    installed === undefined ? 'were not installed by ./bootstrap' : 'are not those of package-lock.json';
  return `the node packages in ${repository} ${why}: run ./bootstrap --install-dev`;
}

function contentOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
