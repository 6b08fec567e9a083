/** A small set of definitions of ours, with everything that the format has. Paths and texts. */
export const sampleDefinitions: Readonly<Record<string, string>> = {
  VERSION: 'version: 8\n',
  DEFAULTS: `build-systems:
  manual: {}
  autotools:
    indicators: [configure]
    configure-commands:
    - ./configure --prefix="$PREFIX"
    build-commands: [make]
    install-commands:
    - make DESTDIR="$DESTDIR" install
    strip-commands:
    - &strip |
      strip "$DESTDIR"/bin/*
  cmake:
    indicators: [CMakeLists.txt]
    build-commands: [make]
    strip-commands: [*strip]
split-rules:
  chunk:
  - artifact: -devel
    include: ['(usr/)?include/.*']
  - artifact: -runtime
    include: ['.*']
  stratum:
  - artifact: -runtime
    include: ['.*-runtime']
`,
  'strata/base.morph': `name: base
kind: stratum
chunks:
- name: first-libc
  morph: strata/base/libc.morph
  repo: upstream:libc
  ref: 0123456789012345678901234567890123456789
  build-mode: bootstrap
  prefix: /tools
- name: libc
  morph: strata/base/libc.morph
  repo: upstream:libc
  ref: 0123456789012345678901234567890123456789
  unpetrify-ref: '1.10'
  build-depends: [first-libc]
  artifacts:
    libc-runtime: base-runtime
`,
  'strata/base/libc.morph': `name: libc
kind: chunk
max-jobs: 1
pre-configure-commands: [mkdir o]
configure-commands:
- cd o && ../configure
build-commands: [cd o && make]
products:
- artifact: libc-gconv
  include: ['usr/lib/gconv/.*']
system-integration:
  libc-runtime:
    00-ldconfig: [ldconfig]
devices:
- filename: /dev/null
  type: c
  major: 1
  minor: 3
  permissions: '0666'
x-bootstrap:
  memory: 2048
  distcc: false
`,
  'strata/tools.morph': `name: tools
kind: stratum
build-depends:
- morph: strata/base.morph
x-other-tool: {anything: [goes]}
chunks:
- name: zlib
  repo: lock:zlib
  ref: 1.3.1
  build-system: autotools
- name: nano
  repo: https://example.org/nano.git
  ref: v7.2
  submodules:
    gnulib: {url: 'https://example.org/gnulib.git'}
  build-depends: [zlib]
`,
  'systems/small.morph': `name: small
kind: system
arch: armv8l64
strata:
- name: tools
  morph: strata/tools.morph
  artifacts: [tools-runtime]
configuration-extensions: [extensions/set-hostname]
`,
};
