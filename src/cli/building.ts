import { performance } from 'node:perf_hooks';
import type { BuildContext, OpenBuildContext } from '../build/build-context.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Lock } from '../inputs/lock.ts';
import type { ExitCode } from './exit-code.ts';
import { readCacheOptions } from './cache-options.ts';
import { catchInterrupts } from './interrupt.ts';
import { openReporter } from './open-reporter.ts';
import type { SourceRequest } from './options.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/** What a building command works with. */
export interface Building {
  readonly context: BuildContext;
  /** Shows an event to the user; failures too. */
  readonly onEvent: (event: BuildEvent) => void;
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** Releases the terminal, for results that are printed before `work` ends. */
  readonly closeReporter: () => void;
}

export interface BuildingOptions {
  readonly lock: Lock;
  readonly sources: SourceRequest;
  /** Tokens of the jobserver. Undefined: as many as there are processors. */
  readonly jobs?: number;
  /** `--events`, as the user wrote it. */
  readonly events?: string;
  /** Undefined: the real one. */
  readonly open?: OpenBuildContext | undefined;
}

/** Opens store, providers and reporter, catches signals, and runs `work`, whose exit code it returns. */
export async function whileBuilding(
  session: Session,
  { events, ...options }: BuildingOptions,
  work: (building: Building) => Promise<ExitCode>,
): Promise<ExitCode> {
  const reporter = openReporter(session, events);
  if (!reporter.ok) return explain(session, reporter.failure);
  const report = (event: BuildEvent): void => reporter.value.report(event);
  const close = (): void => reporter.value.close();
  const say = (text: string): void => report({ kind: 'note', at: performance.now(), text });
  const context = await openContext(session, { ...options, say });
  if (!context.ok) return explain(session, context.failure);
  const interrupt = catchInterrupts(say, close);
  try {
    const { signal } = interrupt;
    return await work({ context: context.value, onEvent: report, signal, closeReporter: close });
  } finally {
    close();
    interrupt.release();
    for (const executor of context.value.executors) await executor.close();
    await context.value.cache?.close();
  }
}

/** Everything needed to build, according to the user's options. */
export async function openContext(
  session: Session,
  { sources, open, ...rest }: BuildingOptions & { readonly say: (text: string) => void },
): ReturnType<OpenBuildContext> {
  const { store, cache: cacheOptions = {}, ...policy } = sources;
  const cache = await readCacheOptions(session, cacheOptions);
  if (!cache.ok) return cache;
  // Loaded this late so that a mistake on the command line is reported without loading what only a build needs.
  const openBuildContext = open ?? (await import('../build/build-context.ts')).openBuildContext;
  const { repository } = session;
  return openBuildContext({
    ...{ ...policy, ...rest, repository, cache: cache.value },
    store: storeDirectory(session, store),
  });
}
