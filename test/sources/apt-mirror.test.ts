import { describe, expect, it } from 'vitest';
import { parseListFile, parseSourcesFile, pickArchive, pickMirror } from '../../src/sources/apt-mirror.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

describe('parseListFile', () => {
  it('reads lines with and without options', () => {
    const text = `# deb http://commented.example/debian sid main
deb cdrom:[Debian GNU/Linux 12]/ bookworm main
deb http://one.example/debian bookworm main contrib # a comment
deb-src [arch=amd64 signed-by=${keyring}] https://two.example/debian/ trixie main

nonsense
`;
    expect(parseListFile(text)).toEqual([
      expect.objectContaining({ suites: ['GNU/Linux'] }),
      {
        uri: 'http://one.example/debian',
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        signedBy: undefined,
      },
      { uri: 'https://two.example/debian/', suites: ['trixie'], components: ['main'], signedBy: keyring },
    ]);
  });
});

describe('parseSourcesFile', () => {
  it('reads stanzas with comments, continued lines and many values', () => {
    const text = `Types: deb deb-src
# a comment between fields
URIs: http://one.example/debian http://two.example/debian
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: ${keyring}

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

types: deb
uris: http://three.example/x
suites: ./
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY
`;
    const shared = {
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main', 'contrib'],
      signedBy: keyring,
    };
    expect(parseSourcesFile(text)).toEqual([
      { uri: 'http://one.example/debian', ...shared },
      { uri: 'http://two.example/debian', ...shared },
      { uri: 'http://three.example/x', suites: ['./'], components: [], signedBy: undefined },
    ]);
  });
});

describe('pickMirror', () => {
  const archive = (uri: string, suite: string, components = ['main']) => ({
    uri,
    suites: [suite],
    components,
    signedBy: undefined,
  });

  it('takes the main archive, not its side archives or those of others', () => {
    const main = archive('http://mirror.example/debian', 'bookworm');
    expect(
      pickMirror([
        archive('cdrom:[Debian]/', 'bookworm'),
        archive('https://packages.example/tool', 'tool-bookworm'),
        archive('http://mirror.example/debian-security', 'bookworm'),
        archive('http://mirror.example/debian', 'bookworm-updates'),
        archive('http://mirror.example/nonfree', 'bookworm', ['non-free']),
        main,
      ]),
    ).toBe(main);
  });

  it('accepts mirror lists of cloud images too', () => {
    const main = archive('mirror+file:/etc/apt/mirrors/debian.list', 'trixie');
    expect(pickMirror([main])).toBe(main);
  });

  it('is undefined if there is none', () => {
    expect(pickMirror([archive('http://archive.example/ubuntu', 'stable')])).toBeUndefined();
    expect(pickMirror([])).toBeUndefined();
  });

  it('knows where the suites of the security archive are', () => {
    const main = archive('http://mirror.example/debian/', 'bookworm');
    const security = archive('http://other.example/debian-security', 'bookworm-security');
    expect(pickArchive([security, main], 'trixie')).toBe(main);
    expect(pickArchive([main, security], 'trixie-security')).toBe(security);
    expect(pickArchive([main], 'trixie-security')?.uri).toBe('http://mirror.example/debian-security');
    const list = archive('mirror+file:/etc/apt/mirrors/debian.list', 'trixie');
    expect(pickArchive([list], 'trixie-security')).toBeUndefined();
    expect(pickArchive([security], 'trixie')).toBeUndefined();
  });
});
