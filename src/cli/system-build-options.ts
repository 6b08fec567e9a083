import { availableParallelism, freemem } from 'node:os';
import path from 'node:path';
import type { SystemFormat } from '../../stages/chunk/formats.ts';
import type { Repository } from '../repository/load-inputs.ts';
import { GitSources } from '../sources/git-source.ts';
import type { SystemBuild } from '../system/build-system.ts';
import type { SystemWanted } from '../system/plan-system.ts';
import type { Building, BuildingOptions } from './building.ts';
import type { SystemOptions, SystemWithPins } from './open-system.ts';
import { sourceRequest, type SourceOptions } from './options.ts';
import { storeDirectory, type Session } from './session.ts';

/** Options of `bootstrap system build`. */
export interface SystemBuildOptions extends SystemOptions, SourceOptions {
  readonly host?: string;
  readonly targetCompiler?: string;
  readonly builder?: string;
  readonly only?: readonly string[];
  readonly check?: boolean;
  readonly format?: readonly SystemFormat[];
  readonly guests?: number;
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly out?: string;
  readonly events?: string;
}

/** What is to be built of a system. */
export function systemWanted(
  { system, pins }: Pick<SystemWithPins, 'system' | 'pins'>,
  {
    host,
    targetCompiler,
    builder,
    only,
    check = false,
    format,
  }: Pick<SystemBuildOptions, 'host' | 'targetCompiler' | 'builder' | 'only' | 'check' | 'format'>,
): SystemWanted {
  return {
    system,
    pins,
    check,
    ...(format === undefined ? {} : { formats: [...new Set(format)] }),
    ...(only === undefined ? {} : { only }),
    ...(host === undefined ? {} : { host }),
    ...(targetCompiler === undefined ? {} : { targetCompiler }),
    ...(builder === undefined ? {} : { builder }),
  };
}

/** With what it is built. */
export function systemBuilding({ lock }: Repository, options: SystemBuildOptions): BuildingOptions {
  const { jobs, events } = options;
  return {
    lock,
    sources: sourceRequest(options),
    ...(jobs === undefined ? {} : { jobs }),
    ...(events === undefined ? {} : { events }),
  };
}

/** What building chunks takes beside a plan. */
export function chunkBuilding(
  session: Session,
  { pins, aliases }: Pick<SystemWithPins, 'pins' | 'aliases'>,
  options: SystemBuildOptions,
  { context, onEvent, signal }: Pick<Building, 'context' | 'onEvent' | 'signal'>,
): Omit<SystemBuild, 'planned'> {
  const cacheDirectory = path.join(storeDirectory(session, options.store), 'downloads');
  const git = new GitSources({ cacheDirectory, offline: options.offline ?? false });
  return {
    ...{ context, onEvent, signal, pins },
    keepGoing: options.keepGoing ?? false,
    commits: { aliases, git, store: context.store, onEvent },
    guests: guestLimits(options),
  };
}

/** How many guests there may be, and what they may take. */
function guestLimits({ guests, jobs }: SystemBuildOptions): SystemBuild['guests'] {
  return {
    most: guests ?? availableParallelism(),
    // What the system would rather have for its caches is left alone.
    memory: Math.floor((freemem() * 0.8) / 2 ** 20),
    // One more than can run, for the time that they spend on their way.
    jobs: (jobs ?? availableParallelism()) + 1,
  };
}
