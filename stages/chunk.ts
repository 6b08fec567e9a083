import type { Digest } from '../src/core/digest.ts';
import type { Chunk, Defaults, System } from '../src/definitions/definition.ts';
import { sourceKey, type Pins } from '../src/definitions/pins.ts';
import type { LockedSource } from '../src/inputs/lock.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { defineAction, output, run, write } from '../src/plan/builder.ts';
import { pseudoDigest } from '../src/plan/key.ts';
import { actionName, type ActionName } from '../src/plan/names.ts';
import { artefactAction } from './chunk/artefact.ts';
import { builderPlatform, guestPlatform, machineNames, type Builder } from './chunk/builder.ts';
import { composeAction, installedChunks, type Composition } from './chunk/compose.ts';
import { dependenciesOf } from './chunk/dependencies.ts';
import { formatSystem, type SystemFormat } from './chunk/formats.ts';
import { chunkScript, installDirectory, resultDirectory, sourceDirectory } from './chunk/script.ts';
import { stage as crossCompiler } from './cross-compiler.ts';
import { system as systemGoal } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { baseEnvironment, MissingInput, type PlanInputs } from './inputs.ts';
import { stage as nativeCompiler } from './native-compiler.ts';
import { stage as rootFilesystem } from './root-filesystem.ts';
import { stage as stage1 } from './stage-1.ts';
import { defineSetting, defineStage } from './stage.ts';
import { stage as systemImage } from './system-image.ts';
import { toolbox, type Toolbox } from './toolbox.ts';

/** A system whose chunks are wanted. */
export interface SystemRequest {
  readonly system: System;
  /** What sources that are commits were. One that is not pinned can be planned, but not built. */
  readonly pins: Pins;
  /** Every version of every source of the lock. */
  readonly lock: readonly LockedSource[];
  /** Ids of the chunks that are wanted. Undefined: all. */
  readonly only?: readonly string[];
  /** Forms in which the system is wanted. */
  readonly formats: readonly SystemFormat[];
  /** Whether the chunks' tests run. */
  readonly check: boolean;
  /** The machine that builds the chunks. Undefined: guests of the target. */
  readonly builder?: Builder;
  /** The file system that is wanted. Undefined: what the system installs, under its name. */
  readonly root?: Composition & { readonly title: string };
}

/** Not given: only what guests of the target are made of. */
export const systemSetting = defineSetting<SystemRequest>();

/** Name of the action that builds a chunk, by its id `STRATUM/NAME`. */
export function chunkActionName(arch: string, id: string): ActionName {
  return actionName(`chunk-${arch}-${id}`);
}

/** Name of the action that makes of what a chunk installed what others use. */
export function artefactActionName(arch: string, id: string): ActionName {
  return actionName(`artefact-${arch}-${id}`);
}

/** Name of the action that makes a system's file system of what its chunks installed. */
function composeActionName(arch: string, title: string): ActionName {
  return actionName(`system-${arch}/${title.replace(/[^a-zA-Z0-9._+@-]+/g, '-')}`);
}

/** Actions that make what guests boot, and the programs that make their disks. */
export function guestParts(
  arch: string,
): Readonly<Record<'image' | 'squashfsTools' | 'e2fsprogs', ActionName>> {
  return {
    image: actionName(`system-image-${arch}/assemble`),
    squashfsTools: actionName('host-tools/squashfs-tools'),
    e2fsprogs: actionName('host-tools/e2fsprogs'),
  };
}

/** The user's name of the tree of a chunk's source that is a commit, for messages and the provider of directories. */
export function sourceDirectoryName(id: string): string {
  return `source of ${id}`;
}

/** Memory of a guest that builds a chunk, and CPU seconds that it takes, as long as nothing better is known. */
const presets = { memory: 768, weight: 120, timeoutMinutes: 720 } as const;

interface ChunkTools {
  readonly toolbox: Toolbox;
  readonly nativeCompiler: Ref;
  /** Undefined: its programs do not run on the build machine. */
  readonly crossCompiler: Ref | undefined;
}

/** Builds a chunk by programs of the arch itself, in a root that its dependencies make. */
function chunkAction(
  inputs: PlanInputs,
  request: SystemRequest,
  { chunk, defaults }: { readonly chunk: Chunk; readonly defaults: Defaults },
  tools: ChunkTools,
): Action {
  const { target } = inputs;
  const { system, check } = request;
  const needed = dependenciesOf(system, chunk);
  const trees = needed.map(({ id }) => output(artefactActionName(target.name, id), 'files'));
  const {
    memory = presets.memory,
    guestCpus,
    timeoutMinutes = presets.timeoutMinutes,
    compiler = true,
    distcc = compiler,
    superuser = chunk.devices.length > 0,
  } = chunk.extensions;
  const { builder = { kind: 'guests', arch: target } } = request;
  const platform = superuser ? guestPlatform(inputs, builder) : builderPlatform(inputs, builder);
  const machine = machineNames(inputs, platform);
  // Help is for those that are slower than the machine that helps.
  const served = distcc && builder.kind === 'guests' ? tools.crossCompiler : undefined;
  const script = chunkScript(chunk, {
    defaults,
    epochSeconds: inputs.lock.sourceDateEpoch,
    rootLoader:
      chunk.mode !== 'prelibc' && needed.some(({ mode }) => mode === 'prelibc')
        ? target.glibc?.loader
        : undefined,
    check,
  });
  return defineAction({
    name: chunkActionName(target.name, chunk.id),
    description: `${chunk.id}, built on ${target.name}`,
    platform,
    tools: [tools.toolbox.tools, ...(compiler ? [tools.nativeCompiler] : [])],
    inputs: {
      '/': { writable: trees, below: [tools.toolbox.root] },
      [sourceDirectory]: { writable: [sourceRef(request, chunk)] },
    },
    env: {
      ...baseEnvironment(inputs),
      PREFIX: chunk.prefix,
      DESTDIR: installDirectory,
      TARGET: target.triple,
      BUILD_MODE: chunk.mode,
      TERM: 'dumb',
      PATH: [...machine.path, ...pathOf(needed, served !== undefined)].join(':'),
    },
    commands: [
      ...machine.commands,
      write('/build/chunk', script, 0o755),
      run(['timeout', '-k', '10', String(timeoutMinutes * 60), ...machine.prefix, 'sh', '/build/chunk']),
    ],
    outputs: { installed: resultDirectory },
    weight: presets.weight,
    memory,
    ...(guestCpus === undefined ? {} : { processors: guestCpus }),
    ...(served === undefined ? {} : { compileServer: served }),
  });
}

/**
 * What is built wins over the toolbox, so that a system is built by its own programs as soon as it has them; what is installed for
 * building alone, with a prefix of its own, comes before that, unless it is from before there is a C library.
 */
function pathOf(needed: readonly Chunk[], served: boolean): readonly string[] {
  const prefixes = (early: boolean): readonly string[] => {
    const found = needed.filter(({ mode }) => (mode === 'prelibc') === early).map(({ prefix }) => prefix);
    return [...new Set(found)].filter((prefix) => prefix !== '/usr').map((prefix) => `${prefix}/bin`);
  };
  const system = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];
  const compilers = served ? ['/tools/distcc'] : [];
  const all = [...compilers, ...prefixes(false), ...system, ...prefixes(true), '/tools/bin'];
  return [...new Set(all)];
}

function sourceRef({ pins, lock, system }: SystemRequest, { id, source }: Chunk): Ref {
  if (source.kind === 'locked') {
    const { name, version } = lockedSource(lock, source, system.path, id);
    return { kind: 'source', name, version };
  }
  const key = sourceKey(source);
  const tree: Digest = pins.get(key)?.tree ?? pseudoDigest('commit', key);
  return { kind: 'directory', name: sourceDirectoryName(id), digest: tree };
}

function lockedSource(
  lock: readonly LockedSource[],
  { name, version }: { readonly name: string; readonly version: string },
  file: string,
  chunk: string,
): LockedSource {
  const found = lock.find((source) => source.name === name && source.version === version);
  if (found !== undefined) return found;
  const versions = lock.filter((source) => source.name === name).map((source) => source.version);
  const known = versions.length === 0 ? 'no source of that name' : `of it ${versions.join(', ')}`;
  throw new MissingInput(file, `chunk ${chunk} wants ${name} ${version}, and sources.lock has ${known}`);
}

export const stage = defineStage({
  name: 'chunk',
  summary: 'packages that are built on the arch itself',
  goals: [systemGoal],
  needs: {
    host: hostTools,
    compilers: stage1,
    native: nativeCompiler,
    root: rootFilesystem,
    cross: crossCompiler,
    image: systemImage,
  },
  settings: { request: systemSetting },
  make: ({ inputs, needs: { host, compilers, native, root, cross, image }, settings: { request } }) => {
    if (request === undefined)
      return { actions: image.actions, tests: Object.values(guestParts(inputs.target.name)) };
    const { system, only, lock, root: wantedRoot } = request;
    const { title, ...composition } = wantedRoot ?? {
      title: system.name,
      installed: installedChunks(system),
    };
    const box = toolbox(inputs, { ...root, base: host.base });
    const tools: ChunkTools = {
      toolbox: box,
      nativeCompiler: native.tree,
      crossCompiler: inputs.runs.includes(inputs.host.name) ? cross.tree : undefined,
    };
    const chunks = system.strata.flatMap(({ chunks: own, defaults }) =>
      own.map((chunk) => ({ chunk, defaults })),
    );
    const actions = chunks.flatMap(({ chunk, defaults }) => {
      const built = chunkAction(inputs, request, { chunk, defaults }, tools);
      const artefact = artefactAction(inputs, {
        name: artefactActionName(inputs.target.name, chunk.id),
        chunk,
        defaults,
        target: inputs.target,
        installed: output(built, 'installed'),
        tools: [...host.base, ...compilers.target.tools],
      });
      return [built, artefact];
    });
    const compose = composeAction(inputs, {
      name: composeActionName(inputs.target.name, title),
      title,
      composition,
      platform: guestPlatform(inputs, request.builder ?? { kind: 'guests', arch: inputs.target }),
      toolbox: box,
      partsOf: ({ id }) => ({
        installed: output(chunkActionName(inputs.target.name, id), 'installed'),
        manifest: output(artefactActionName(inputs.target.name, id), 'manifest'),
      }),
    });
    const formatted = request.formats.map((format) =>
      formatSystem(inputs, format, {
        title,
        name: compose.name,
        target: inputs.target,
        composed: output(compose, 'root'),
        base: host.base,
        squashfsTools: host.tools['squashfs-tools'],
        e2fsprogs: host.tools.e2fsprogs,
      }),
    );
    const formatActions = formatted.flatMap((one) => one.actions);
    return {
      actions: [box.action, ...actions, compose, ...formatActions],
      products: only === undefined ? formatted.map(({ product }) => product) : [],
      tests: (only ?? []).map((id) => artefactActionName(inputs.target.name, id)),
      sources: lock,
    };
  },
});
