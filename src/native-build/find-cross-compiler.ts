import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { extract } from 'tar';
import type { Arch } from '../inputs/arch.ts';
import { temporaryPath } from '../release/out-directory.ts';

export interface CrossCompilerRequest {
  /** `out/<arch>`, which may contain cross compilers as tarballs. */
  readonly directory: string;
  readonly target: Arch;
  /** This machine, whose own compiler is preferred. */
  readonly host: Arch;
  readonly say: (text: string) => void;
}

/**
 * Directory of an unpacked cross compiler whose compile server runs on this machine. A tarball among the products is
 * unpacked beside itself, once. Undefined if there is none, or none that can be unpacked.
 */
export async function findCrossCompiler(request: CrossCompilerRequest): Promise<string | undefined> {
  const { directory, target, host } = request;
  const prefix = `cross-compiler-${target.name}-`;
  const names = (await readdir(directory)).filter(
    (name) => name.startsWith(prefix) && name.endsWith('.tar.gz'),
  );
  const own = `${prefix}${host.name}.tar.gz`;
  for (const name of names.sort((a, b) => Number(b === own) - Number(a === own) || (a < b ? -1 : 1))) {
    const tarball = path.join(directory, name);
    const unpacked = await unpackBeside(request, tarball).catch((error: Error) => {
      request.say(`cannot unpack ${tarball}: ${error.message}`);
    });
    // Programs for another host may run on this machine too.
    if (unpacked !== undefined && (await runs(path.join(unpacked, 'bin/distccd')))) return unpacked;
  }
  return undefined;
}

async function unpackBeside({ say }: CrossCompilerRequest, tarball: string): Promise<string> {
  const name = path.basename(tarball, '.tar.gz');
  const directory = path.join(path.dirname(tarball), name);
  // The directory's time identifies the tarball that it was unpacked from.
  const time = wholeSeconds(await stat(tarball));
  const there = await stat(directory).catch(() => undefined);
  if (there !== undefined && wholeSeconds(there) === time) return directory;
  say(`unpacking ${tarball}, whose compiler will compile for the guest`);
  const unfinished = temporaryPath(path.dirname(tarball), name);
  try {
    await mkdir(unfinished);
    // Strict: otherwise entries that cannot be extracted would silently be left out.
    await extract({ file: tarball, cwd: unfinished, strip: 1, strict: true });
    await utimes(unfinished, time, time);
    await rm(directory, { recursive: true, force: true });
    await rename(unfinished, directory);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return directory;
}

function wholeSeconds({ mtimeMs }: { readonly mtimeMs: number }): number {
  return Math.floor(mtimeMs / 1000);
}

function runs(program: string): Promise<boolean> {
  return promisify(execFile)(program, ['--version'], { env: {} }).then(
    () => true,
    () => false,
  );
}
