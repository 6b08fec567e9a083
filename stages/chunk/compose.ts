import { quoteWord } from '../../src/core/shell-word.ts';
import type { Chunk, SplitRule, Stratum, System } from '../../src/definitions/definition.ts';
import { versionOf } from '../../src/definitions/read-system.ts';
import type { Action, Platform, Ref } from '../../src/plan/action.ts';
import { defineAction, run, write } from '../../src/plan/builder.ts';
import type { ActionName } from '../../src/plan/names.ts';
import { baseEnvironment, repoFile, type PlanInputs } from '../inputs.ts';
import type { Toolbox } from '../toolbox.ts';

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

/** What a file system is composed of. */
export interface Composition {
  /** In the order in which it is installed. */
  readonly installed: readonly InstalledChunk[];
  /** Commands that run in the top directory of the file system before chunks are installed, by the shell of the toolbox. */
  readonly preInstall?: readonly string[];
  /** Commands that run with the file system as their root at the end, by its own shell. */
  readonly postInstall?: readonly string[];
  /** Files that are laid into it before chunks are installed, and at the end, before the last commands. */
  readonly before?: Ref;
  readonly after?: Ref;
}

export interface ComposeParts {
  readonly name: ActionName;
  /** Of the file system, for people. */
  readonly title: string;
  readonly composition: Composition;
  /** A machine whose root may make devices. */
  readonly platform: Platform;
  readonly toolbox: Toolbox;
  /** What building a chunk left, and how that is split. */
  readonly partsOf: (chunk: Chunk) => { readonly installed: Ref; readonly manifest: Ref };
}

/**
 * Lays what chunks installed into one file system and runs their integration commands in it. It happens on the arch itself, where
 * root is root: owners, devices and the programs of the system are what they are. The file system has a record of each chunk, as
 * `var/lib/packages/STRATUM/NAME`.
 */
export function composeAction(inputs: PlanInputs, parts: ComposeParts): Action {
  const { composition, platform, toolbox } = parts;
  const { installed, before, after } = composition;
  const places = installed.map(({ chunk, artefacts, whole }, index) => {
    const number = String(index).padStart(4, '0');
    return {
      number,
      id: chunk.id,
      version: versionOf(chunk),
      artefacts: whole ? [] : artefacts,
      ...parts.partsOf(chunk),
    };
  });
  return defineAction({
    name: parts.name,
    description: `the file system of ${parts.title}`,
    platform,
    tools: [toolbox.tools],
    inputs: {
      ...Object.fromEntries(
        places.flatMap(({ number, installed: tree, manifest }) => [
          [`/chunks/${number}/installed`, tree],
          [`/chunks/${number}/manifest`, manifest],
        ]),
      ),
      '/functions': repoFile(inputs, 'target/chunk/install.sh'),
      ...(before === undefined ? {} : { '/overlays/before': before }),
      ...(after === undefined ? {} : { '/overlays/after': after }),
    },
    env: { ...baseEnvironment(inputs), TERM: 'dumb' },
    commands: [
      write('/build/compose', composeScript(places, composition, inputs.lock.sourceDateEpoch), 0o755),
      run(['sh', '/build/compose']),
    ],
    outputs: { root: '/composed' },
    weight: 60,
    memory: 512,
  });
}

interface Place {
  readonly number: string;
  readonly id: string;
  readonly version: string;
  /** Empty: all. */
  readonly artefacts: readonly string[];
}

function composeScript(places: readonly Place[], composition: Composition, epochSeconds: number): string {
  const { installed, preInstall = [], postInstall = [], before, after } = composition;
  const lines = (name: string, all: readonly (readonly string[])[]): readonly string[] =>
    all.map((words) => [name, ...words.map((word) => quoteWord(word))].join(' '));
  const commands = (name: string, texts: readonly string[]): readonly string[] =>
    lines(
      name,
      texts.map((text) => [text]),
    );
  return [
    '#!/bin/sh',
    'set -eu',
    'chunks=/chunks work=/tmp',
    'mkdir -p /system /composed',
    'cd /system',
    '. /functions',
    ...(before === undefined ? [] : ['overlay /overlays/before']),
    ...commands('outside', preInstall),
    ...lines(
      'add',
      places.map(({ number, id, version, artefacts }) => [number, id, version, ...artefacts]),
    ),
    'directories',
    ...commands('inside', integrationCommands(installed)),
    ...(after === undefined ? [] : ['overlay /overlays/after']),
    ...commands('inside', postInstall),
    `finish ${String(epochSeconds)} /composed/${composedNames.archive} /composed/${composedNames.contents}`,
    '',
  ].join('\n');
}
