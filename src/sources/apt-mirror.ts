/** One archive in the machine's apt configuration. */
export interface AptArchive {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy: string | undefined;
}

/** Parses a one-line-style file (`/etc/apt/sources.list`). */
export function parseListFile(text: string): readonly AptArchive[] {
  return text.split('\n').flatMap((line): readonly AptArchive[] => {
    const match = /^\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return [{ uri, suites: [suite], components: words(components), signedBy }];
  });
}

/** Parses a deb822-style file (`debian.sources`). Disabled stanzas are skipped. */
export function parseSourcesFile(text: string): readonly AptArchive[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n[ \t]*\n/)
    .flatMap((stanza): readonly AptArchive[] => {
      const fields = stanzaFields(stanza);
      if (['no', 'false'].includes(fields.get('enabled')?.toLowerCase() ?? '')) return [];
      const suites = words(fields.get('suites') ?? '');
      const components = words(fields.get('components') ?? '');
      // The key may be embedded in the stanza, which the one-line format cannot express.
      const [signedBy] = words(fields.get('signed-by') ?? '').filter((word) => word.startsWith('/'));
      return words(fields.get('uris') ?? '').map((uri) => ({ uri, suites, components, signedBy }));
    });
}

/**
 * The archive that serves Debian itself: one with known suites, other than security and other side archives (which lack
 * most sources). Undefined if the machine has none.
 */
export function pickMirror(archives: readonly AptArchive[]): AptArchive | undefined {
  return archives.find(
    ({ uri, suites, components }) =>
      /^(?:https?|ftp|file|copy|mirror(?:\+\w+)?|tor\+https?):/.test(uri) &&
      components.includes('main') &&
      suites.some((suite) => debianSuites.has(suite)) &&
      !/\b(?:debian-security|ubuntu|raspbian|debian-ports)\b/.test(uri),
  );
}

/**
 * The archive that contains a suite. Suites such as `trixie-security` are in a separate one: the one that the configuration names,
 * or else the one beside the main archive, where mirrors keep it. Undefined if neither is known.
 */
export function pickArchive(
  archives: readonly AptArchive[],
  suite: string,
): Pick<AptArchive, 'uri' | 'signedBy'> | undefined {
  const mirror = pickMirror(archives);
  if (!suite.endsWith('-security')) return mirror;
  const own = archives.find(
    ({ uri, suites }) =>
      /\bdebian-security\/?$/.test(uri) && suites.some((name) => name.endsWith('-security')),
  );
  if (own !== undefined || mirror === undefined) return own;
  const beside = mirror.uri.replace(/\/debian\/?$/, '/debian-security');
  return beside === mirror.uri ? undefined : { uri: beside, signedBy: mirror.signedBy };
}

/** Suite names of main archives; backports, updates and security have different ones. */
const debianSuites: ReadonlySet<string> = new Set([
  ...['oldoldstable', 'oldstable', 'stable', 'testing', 'unstable', 'sid'],
  ...['buster', 'bullseye', 'bookworm', 'trixie', 'forky', 'duke'],
]);

function stanzaFields(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let name = '';
  for (const line of stanza.split('\n')) {
    const start = /^([A-Za-z0-9-]+):(.*)$/.exec(line);
    if (start !== null) name = (start[1] ?? '').toLowerCase();
    const text = start === null ? line : (start[2] ?? '');
    fields.set(name, `${fields.get(name) ?? ''} ${text}`.trim());
  }
  return fields;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
