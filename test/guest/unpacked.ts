import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { extract } from 'tar';
import { bootstrap, repository } from '../real/built.ts';

/** What these tests work with: a target, and a host whose programs run on any x86 machine. */
export const target = 'armv5l';
export const host = 'i686';

/** Directory of the system image with the native compiler. */
export const image = `${repository}/out/${target}/system-image-${target}`;

/** Builds everything, and unpacks the cross compiler into `place`. Gives its directory. */
export async function unpackedCrossCompiler(place: string): Promise<string> {
  await bootstrap(target, '--host', host);
  const name = `cross-compiler-${target}-${host}`;
  await mkdir(place, { recursive: true });
  await extract({ file: `${repository}/out/${target}/${name}.tar.gz`, cwd: place, strict: true });
  return join(place, name);
}
