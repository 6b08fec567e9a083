import type { Action } from '../../src/plan/action.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from '../inputs.ts';
import { applets } from './applets.ts';

/** Config symbols over busybox's own defaults, applets apart. */
const switchedOn = ['STATIC', 'FEATURE_GZIP_LEVELS'];

/** SHA acceleration compiles for Intel's processors alone, compressed help wants bzip2; the others are of no use to a build. */
const switchedOff = [
  'SHA1_HWACCEL',
  'SHA256_HWACCEL',
  'FEATURE_COMPRESS_USAGE',
  'FEATURE_SH_EMBEDDED_SCRIPTS',
  'FEATURE_SUID',
  'FEATURE_SYSLOG',
  'FEATURE_INSTALLER',
  'UNICODE_SUPPORT',
];

/**
 * The machine's utilities hold no cmp, diff and bzip2. The build compares generated text with the first two; what the
 * last would compress is used by nothing that is switched on, but it must exist.
 */
const standIns = {
  cmp: '#!/bin/sh\n# cmp -s FILE FILE, for text\n[ "$(cat "$2")" = "$(cat "$3")" ]\n',
  diff: '#!/bin/sh\n# diff FILE FILE, for text and without telling the difference\n[ "$(cat "$1")" = "$(cat "$2")" ]\n',
  bzip2: '#!/bin/sh\nexec cat\n',
};

/**
 * Reads the applets' declarations in busybox's sources (`//applet:IF_SYMBOL(APPLET(name, …`) and prints the sed
 * commands that switch off every symbol none of whose applets is wanted.
 */
const unwanted = String.raw`
BEGIN { wanted["busybox"] }
FILENAME != "-" { wanted[$1]; next }
match($0, /IF_[A-Z0-9_]+\(/) {
  symbol = substr($0, RSTART + 3, RLENGTH - 4)
  known[symbol]
  if (match($0, /APPLET[A-Z_]*\( *[^ ,]+/)) {
    name = substr($0, RSTART, RLENGTH)
    sub(/^[A-Z_]*\( */, "", name)
    if (name in wanted) kept[symbol]
  }
}
END {
  for (symbol in known)
    if (!(symbol in kept)) print "s/^CONFIG_" symbol "=y$/# CONFIG_" symbol " is not set/"
}
`;

const settings = [
  ...switchedOn.map((symbol) => `s/^# CONFIG_${symbol} is not set$/CONFIG_${symbol}=y/`),
  ...switchedOff.map((symbol) => `s/^CONFIG_${symbol}=y$/# CONFIG_${symbol} is not set/`),
];

/**
 * Shell and utilities, the first action of all: the only one that runs the machine's make, shell and utilities.
 */
export function busybox(inputs: PlanInputs): Action {
  return buildAction(inputs, {
    name: 'host-tools/busybox',
    description: 'shell and utilities for every later action',
    tools: [],
    inputs: {
      '/': [{ kind: 'compiler' }, { kind: 'machine-utilities' }],
      '/src': source(inputs, 'busybox'),
    },
    env: { ...baseEnvironment(inputs), PATH: '/build/stand-ins:/usr/bin' },
    commands: [
      ...Object.entries(standIns).map(([name, text]) => write(`/build/stand-ins/${name}`, text, 0o755)),
      write('/build/wanted', applets.map((name) => `${name}\n`).join('')),
      write('/build/unwanted.awk', unwanted),
      write('/build/settings.sed', settings.map((line) => `${line}\n`).join('')),
      run(['make', '-C', '/src', 'O=/build', 'defconfig']),
      shell(`
        grep -rh '//applet:' /src --include='*.c' | awk -f unwanted.awk wanted - >> settings.sed
        sed -i -f settings.sed .config
        yes '' | make oldconfig`),
      run(['make', 'busybox']),
      // A plan must say which commands an output brings; here is where that is held to be true.
      shell(`
        ./busybox --list | LC_ALL=C sort > made
        if ! cmp -s wanted made; then
          echo 'busybox differs from the table of applets (left: wanted only, right: made only):' >&2
          comm -3 wanted made >&2
          exit 1
        fi
        mkdir /out/bin
        cp busybox /out/bin/busybox
        while read -r applet; do ln -s busybox "/out/bin/$applet"; done < wanted`),
    ],
    outputs: { out: '/out' },
    weight: 40,
    provides: { out: ['busybox', ...applets] },
  });
}
