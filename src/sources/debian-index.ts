/** A file of a Debian source package. */
export interface ShippedFile {
  /** Version of the package, with Debian's revision: `1:1.37.0-6`. */
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
}

/** Files of all versions of a source package, in the order of the index. */
export function shippedFiles(showsrc: string, name: string): readonly ShippedFile[] {
  return showsrc.split(/\n[ \t]*\n/).flatMap((stanza): readonly ShippedFile[] => {
    const lines = stanza.split('\n');
    const field = (wanted: string) =>
      lines
        .find((line) => line.startsWith(`${wanted}: `))
        ?.slice(wanted.length + 2)
        .trim();
    const version = field('Version');
    // apt-cache also returns source packages that build a binary package of this name.
    if (version === undefined || field('Package') !== name) return [];
    const begin = lines.indexOf('Checksums-Sha256:');
    if (begin === -1) return [];
    const rest = lines.slice(begin + 1);
    const end = rest.findIndex((line) => !line.startsWith(' '));
    const sums = end === -1 ? rest : rest.slice(0, end);
    return sums.map((line) => {
      const [sha256 = '', , file = ''] = line.trim().split(/\s+/);
      return { version, file, sha256 };
    });
  });
}

/** The versions of a Debian source package that contain a file with this name and hash, in the order of the index. */
export function revisionsWith(
  showsrc: string,
  wanted: { readonly package: string; readonly file: string; readonly sha256: string },
): readonly string[] {
  const versions = shippedFiles(showsrc, wanted.package)
    .filter(({ file, sha256 }) => sha256 === wanted.sha256 && file === wanted.file)
    .map(({ version }) => version);
  return [...new Set(versions)];
}

/**
 * The orig files of one upstream version, each once; more than one where Debian repacked it. Debian writes `0.8.9+dfsg` for an
 * archive that it removed something from, and `1.3.dfsg+really1.3.1` for a version that only looks earlier.
 */
export function origFilesOf(showsrc: string, name: string, upstream: string): readonly ShippedFile[] {
  const escaped = upstream.replace(/[.+*?^$()[\]{}|\\]/g, '\\$&');
  const wanted = new RegExp(`^(?:\\d+:)?(?:.*really)?${escaped}(?:[.+~]?(?:dfsg|ds)[.\\d]*)?(?:-[^-]*)?$`);
  const files = shippedFiles(showsrc, name).filter(
    ({ version, file }) => wanted.test(version) && /\.orig\.tar\.(?:gz|xz|bz2)$/.test(file),
  );
  return [...new Map(files.map((shipped) => [shipped.sha256, shipped])).values()];
}
