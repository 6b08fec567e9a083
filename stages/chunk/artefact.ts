import { posixExpression } from '../../src/definitions/expression.ts';
import { quoteWord } from '../../src/core/shell-word.ts';
import type { Chunk, Defaults, SplitRule } from '../../src/definitions/definition.ts';
import type { Arch } from '../../src/inputs/arch.ts';
import type { Action, Ref } from '../../src/plan/action.ts';
import { shell, write } from '../../src/plan/builder.ts';
import { rootNames } from '../../src/plan/root-names.ts';
import { baseEnvironment, buildAction, type PlanInputs, repoFile } from '../inputs.ts';
import { installedNames } from './script.ts';

/** Files of an artefact's output `manifest`. */
export const manifestNames = {
  /** What the chunk installed, as JSON. */
  manifest: 'manifest.json',
  /** Directory with a file for each artefact of the chunk: the paths that belong to it, a line each. */
  splits: 'splits',
} as const;

export interface ArtefactParts {
  /** Name of the action. */
  readonly name: string;
  readonly chunk: Chunk;
  readonly defaults: Defaults;
  readonly target: Arch;
  /** What building the chunk left: see `installedNames`. */
  readonly installed: Ref;
  /** Shell, utilities and awk of the build machine, and the target's readelf. */
  readonly tools: readonly Ref[];
}

/**
 * Unpacks what a chunk installed, as a tree for those that are built with it, and says which file belongs to which artefact and
 * which libraries they need. It runs on the build machine as an ordinary user, where neither owners nor devices can be made: those
 * are in the archive alone.
 */
export function artefactAction(inputs: PlanInputs, parts: ArtefactParts): Action {
  const { chunk, target } = parts;
  return buildAction(inputs, {
    name: parts.name,
    description: `what ${chunk.id} installs on ${target.name}, by artefact`,
    tools: parts.tools,
    inputs: {
      '/installed': parts.installed,
      '/awk/refuse': repoFile(inputs, 'target/chunk/refuse.awk'),
      '/awk/needs': repoFile(inputs, 'target/chunk/needs.awk'),
      '/awk/manifest': repoFile(inputs, 'target/chunk/manifest.awk'),
    },
    env: baseEnvironment(inputs),
    commands: [
      write('/build/rules', renderRules(rulesOf(parts))),
      shell(
        `contents=/installed/${installedNames.contents}
        awk -v names='${[...rootNames].join(' ')}' -f /awk/refuse $contents
        awk '$1 ~ /^[26]/ { print substr($0, index($0, " ./") + 1) }' $contents >devices
        tar -x -o -f /installed/${installedNames.archive} -X devices -C /files
        chmod -R u+rwX /files
        cd /files
        find . -type l | while IFS= read -r path; do
          printf '%s\\t%s\\n' "$path" "$(readlink "$path")"
        done >/build/links
        find . -type f -exec sha256sum {} + >/build/sums
        # It says of all other files that they are not ELF, and fails; it names files only if there are several.
        { find . -type f -exec ${target.triple}-readelf -dlW /dev/null {} + 2>/dev/null || :; } |
          awk -f /awk/needs | sort -u >/build/needs
        mkdir -p /manifest/${manifestNames.splits}
        cd /manifest/${manifestNames.splits}
        awk -v chunk=${quoteWord(chunk.id)} -v arch=${target.name} \\
          -v requires=${quoteWord((chunk.extensions.runtimeDepends ?? []).join(' '))} -f /awk/manifest \\
          /build/rules /build/links /build/sums /build/needs $contents >../${manifestNames.manifest}`,
      ),
    ],
    outputs: { files: '/files', manifest: '/manifest' },
    weight: 3,
  });
}

/** The chunk's own rules come before the defaults, whose names are ends of names. */
function rulesOf({ chunk, defaults }: ArtefactParts): readonly SplitRule[] {
  const preset = defaults.chunkSplits.map(({ artifact, include }) => {
    return { artifact: `${chunk.name}${artifact}`, include };
  });
  return [...chunk.products, ...preset];
}

function awkExpression(text: string): string {
  const read = posixExpression(text);
  if ('fault' in read) throw new Error(`an expression of the definitions ${read.fault}`);
  return read.expression;
}

function renderRules(rules: readonly SplitRule[]): string {
  return rules
    .flatMap(({ artifact, include }) => include.map((text) => `${artifact}\t${awkExpression(text)}\n`))
    .join('');
}
