import { quoteWord } from '../../src/core/shell-word.ts';
import type { Chunk, SplitRule, Stratum, System } from '../../src/definitions/definition.ts';
import type { Action, Platform, Ref } from '../../src/plan/action.ts';
import { defineAction, run, write } from '../../src/plan/builder.ts';
import type { ActionName } from '../../src/plan/names.ts';
import { baseEnvironment, type PlanInputs } from '../inputs.ts';
import type { Toolbox } from '../toolbox.ts';
import { manifestNames } from './artefact.ts';
import { installedNames } from './script.ts';

/** A chunk of which something is installed in a system. */
export interface InstalledChunk {
  readonly chunk: Chunk;
  /** Names of the artefacts that are installed. */
  readonly artefacts: readonly string[];
  /** Whether these are all that it has. */
  readonly whole: boolean;
}

/** Files of a composed system. */
export const composedNames = {
  /** The whole file system, with owners, modes and devices: names in order, one time for all. */
  archive: 'root.tar',
  /** A line for each member: `stat -c '%f %a %u %g %s %t %T %n'`. */
  contents: 'contents',
} as const;

/**
 * What a system installs, in its order: of the strata that it names, the chunks that are not for building alone, and of those the
 * artefacts that belong to the stratum's artefacts that it names.
 */
export function installedChunks({ strata, contents }: System): readonly InstalledChunk[] {
  return strata.flatMap((stratum) => {
    const named = contents.filter((content) => content.stratum === stratum.path);
    if (named.length === 0) return [];
    const wanted = named.some(({ artifacts }) => artifacts === undefined)
      ? undefined
      : named.flatMap(({ artifacts = [] }) => artifacts);
    const { defaults } = stratum;
    const rules = [...stratum.products, ...ofStratum(stratum, defaults.stratumSplits)];
    return stratum.chunks
      .filter(({ mode }) => mode === 'staging' || mode === 'prelibc')
      .map((chunk) => {
        const all = artefactsOf(chunk, defaults.chunkSplits);
        const artefacts = all.filter(
          (name) =>
            wanted === undefined || wanted.includes(chunk.artifacts[name] ?? stratumArtefact(name, rules)),
        );
        return { chunk, artefacts, whole: artefacts.length === all.length };
      })
      .filter(({ artefacts }) => artefacts.length > 0);
  });
}

/** Names of all artefacts that a chunk can have. */
function artefactsOf(chunk: Chunk, presets: readonly SplitRule[]): readonly string[] {
  const names = [
    ...chunk.products.map(({ artifact }) => artifact),
    ...presets.map(({ artifact }) => `${chunk.name}${artifact}`),
  ];
  return [...new Set(names)];
}

function ofStratum({ name }: Stratum, presets: readonly SplitRule[]): readonly SplitRule[] {
  return presets.map(({ artifact, include }) => ({ artifact: `${name}${artifact}`, include }));
}

/** The artefact of the stratum that an artefact of a chunk belongs to; empty if no rule says. */
function stratumArtefact(name: string, rules: readonly SplitRule[]): string {
  const fits = (text: string): boolean => new RegExp(`^(?:${text})$`).test(name);
  return rules.find(({ include }) => include.some(fits))?.artifact ?? '';
}

/** Commands that run once in a composed system: by their names, then by their artefacts. */
export function integrationCommands(installed: readonly InstalledChunk[]): readonly string[] {
  const named = installed.flatMap(({ chunk, artefacts }) =>
    Object.entries(chunk.integration)
      .filter(([artefact]) => artefacts.includes(artefact))
      .flatMap(([artefact, commands]) =>
        Object.entries(commands).map(([name, texts]) => ({ name: `${name}-${artefact}`, texts })),
      ),
  );
  return named.sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap(({ texts }) => texts);
}

export interface ComposeParts {
  readonly name: ActionName;
  readonly system: System;
  /** A machine whose root may make devices. */
  readonly platform: Platform;
  readonly toolbox: Toolbox;
  /** What building a chunk left, and how that is split. */
  readonly partsOf: (chunk: Chunk) => { readonly installed: Ref; readonly manifest: Ref };
}

/**
 * Lays what the chunks of a system installed into one file system and runs their integration commands in it. It happens on the arch
 * itself, where root is root: owners, devices and the programs of the system are what they are.
 */
export function composeAction(inputs: PlanInputs, parts: ComposeParts): Action {
  const { system, platform, toolbox } = parts;
  const installed = installedChunks(system);
  const places = installed.map(({ chunk, artefacts, whole }, index) => {
    const number = String(index).padStart(4, '0');
    return { number, artefacts: whole ? [] : artefacts, id: chunk.id, ...parts.partsOf(chunk) };
  });
  return defineAction({
    name: parts.name,
    description: `the file system of ${system.name}`,
    platform,
    tools: [toolbox.tools],
    inputs: Object.fromEntries(
      places.flatMap(({ number, installed: tree, manifest }) => [
        [`/chunks/${number}/installed`, tree],
        [`/chunks/${number}/manifest`, manifest],
      ]),
    ),
    env: { ...baseEnvironment(inputs), TERM: 'dumb' },
    commands: [
      write(
        '/build/compose',
        composeScript(places, integrationCommands(installed), inputs.lock.sourceDateEpoch),
        0o755,
      ),
      run(['sh', '/build/compose']),
    ],
    outputs: { root: '/composed' },
    weight: 60,
    memory: 512,
  });
}

function composeScript(
  places: readonly { readonly number: string; readonly id: string; readonly artefacts: readonly string[] }[],
  commands: readonly string[],
  epochSeconds: number,
): string {
  return `#!/bin/sh
set -eu
umask 022
mkdir -p /system /composed
cd /system

# add NUMBER ID [ARTEFACT…]: without artefacts, everything. No file may be there already.
add() {
  number=$1
  echo "+ $2"
  shift 2
  splits=/chunks/$number/manifest/${manifestNames.splits}
  archive=/chunks/$number/installed/${installedNames.archive}
  whole=yes
  if [ $# -gt 0 ]; then whole=no; fi
  for artefact; do if [ -e "$splits/$artefact" ]; then cat "$splits/$artefact"; fi; done >/tmp/chosen
  awk -v whole=$whole '
    BEGIN { printf "" >"/tmp/files"; printf "" >>"/tmp/directories" }
    FILENAME == "/tmp/chosen" { chosen["./" $0]; path = "./" $0; while (sub("/[^/]*$", "", path)) above[path]; next }
    {
      path = substr($0, index($0, " ./") + 1)
      if (whole == "no" && !(path in chosen) && !(path in above)) next
      if ($1 !~ /^4/ || path in chosen) print path >"/tmp/files"
      if ($1 !~ /^4/) next
      print $2, $3 ":" $4, path >>"/tmp/directories"
      # As tar makes those that it is not told of.
      if (whole == "no" && !(path in chosen)) print "755 0:0", path >>"/tmp/directories"
    }
  ' /tmp/chosen /chunks/$number/installed/${installedNames.contents}
  while IFS= read -r path; do
    if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then
      echo "\${path#.} is installed by two chunks"
      exit 1
    fi
  done </tmp/files
  if [ $whole = yes ]; then tar -x -f $archive; else tar -x -f $archive -T /tmp/files; fi
}
${places.map(({ number, id, artefacts }) => `add ${[number, id, ...artefacts].map((word) => quoteWord(word)).join(' ')}`).join('\n')}

# Of directories that several chunks have, the modes and owners of the first one count.
awk '
  {
    made = $1 " " $2
    path = substr($0, length(made) + 2)
    if (!(path in first)) first[path] = made
    last[path] = made
  }
  END { for (path in first) if (first[path] != last[path]) print first[path], path }
' /tmp/directories | while read -r mode owner path; do
  chown "$owner" "$path"
  chmod "$mode" "$path"
done

# integrate COMMAND
integrate() {
  printf '%s\\n' "+ $1"
  chroot /system /bin/sh -e -c "$1" </dev/null
}
${commands.map((command) => `integrate ${quoteWord(command)}`).join('\n')}

find . -exec touch -h -d @${String(epochSeconds)} {} +
find . -mindepth 1 | sort >/tmp/names
find . -mindepth 1 -exec stat -c '%f %a %u %g %s %t %T %n' {} + | sort -k 8 >/composed/${composedNames.contents}
tar -c -f /composed/${composedNames.archive} --no-recursion -T /tmp/names
`;
}
