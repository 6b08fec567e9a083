/** The versions of a Debian source package that contain a file with this name and hash, in the order of the index. */
export function revisionsWith(
  showsrc: string,
  wanted: { readonly package: string; readonly file: string; readonly sha256: string },
): readonly string[] {
  const versions = showsrc.split(/\n[ \t]*\n/).flatMap((stanza): readonly string[] => {
    const lines = stanza.split('\n');
    const field = (name: string) =>
      lines
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2)
        .trim();
    const version = field('Version');
    // apt-cache also returns source packages that build a binary package of this name.
    if (version === undefined || field('Package') !== wanted.package) return [];
    const begin = lines.indexOf('Checksums-Sha256:');
    if (begin === -1) return [];
    const rest = lines.slice(begin + 1);
    const end = rest.findIndex((line) => !line.startsWith(' '));
    const sums = end === -1 ? rest : rest.slice(0, end);
    const has = sums.some((line) => {
      const [hash, , name] = line.trim().split(/\s+/);
      return hash === wanted.sha256 && name === wanted.file;
    });
    return has ? [version] : [];
  });
  return [...new Set(versions)];
}
