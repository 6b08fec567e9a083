import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { manifestNames } from '../../stages/chunk/artefact.ts';
import type { InstalledChunk } from '../../stages/chunk/compose.ts';
import { installedNames } from '../../stages/chunk/script.ts';
import { versionOf } from '../definitions/read-system.ts';
import { tarStream, type ArchiveEntry } from '../guest-executor/tar-stream.ts';
import type { BuiltChunk } from './build-system.ts';

/** A package to be installed. */
export interface PackageParts {
  readonly package: InstalledChunk;
  readonly place: BuiltChunk;
}

/** Names in the archive: the program that installs, and the directory with what it installs. */
export const archiveNames = { program: 'package.sh', chunks: 'chunks' } as const;

/** Checksum of a package's manifest, by which a guest knows which one it has. */
export async function manifestSum({ manifest }: BuiltChunk): Promise<string> {
  const bytes = await readFile(path.join(manifest, manifestNames.manifest));
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * What a guest needs to manage packages, as a tar archive: the programs of `target/chunk`, and packages for it to install.
 *
 * @param repository absolute path of this repository
 * @param seconds time of everything in it, since 1970
 */
export async function packageArchive(
  repository: string,
  packages: readonly PackageParts[],
  seconds: number,
): Promise<AsyncIterable<Uint8Array>> {
  const { program, chunks } = archiveNames;
  const file = (name: string, content: string | Uint8Array): ArchiveEntry => {
    return { kind: 'file', path: name, executable: false, content };
  };
  const lines = packages.map(({ package: { chunk, artefacts, whole } }, index) =>
    [String(index), chunk.id, versionOf(chunk), ...(whole ? [] : artefacts)].join(' '),
  );
  const parts = await Promise.all(
    packages.map(async ({ place }, index): Promise<readonly ArchiveEntry[]> => {
      const at = `${chunks}/${String(index)}`;
      const splits = await readdir(path.join(place.manifest, manifestNames.splits));
      const manifest = [manifestNames.manifest, ...splits.map((name) => `${manifestNames.splits}/${name}`)];
      return [
        ...['', '/installed', '/manifest', `/manifest/${manifestNames.splits}`].map((name): ArchiveEntry => {
          return { kind: 'directory', path: `${at}${name}` };
        }),
        ...[installedNames.archive, installedNames.contents].map((name) =>
          file(`${at}/installed/${name}`, path.join(place.installed, name)),
        ),
        ...manifest.map((name) => file(`${at}/manifest/${name}`, path.join(place.manifest, name))),
      ];
    }),
  );
  return tarStream(
    [
      ...[program, 'install.sh'].map((name) => file(name, path.join(repository, 'target/chunk', name))),
      { kind: 'directory', path: chunks },
      file(`${chunks}/list`, Buffer.from(lines.map((line) => `${line}\n`).join(''))),
      ...parts.flat(),
    ],
    seconds,
  );
}
