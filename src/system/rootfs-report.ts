import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { versionOf } from '../definitions/read-system.ts';
import { planIds } from '../plan/bind.ts';
import { chunkActionName } from '../../stages/chunk.ts';
import type { BuiltRootfs } from './build-rootfs.ts';
import type { PublishedForm } from './publish-system.ts';

/** What a run did, from its events. */
export interface RunFacts {
  readonly run: readonly { readonly action: string; readonly seconds: number }[];
  readonly cached: number;
  readonly failed: readonly { readonly text: string; readonly log?: string }[];
  readonly skipped: readonly string[];
}

/** Gathers what a run does. */
export class RunRecord {
  readonly #run: { action: string; seconds: number }[] = [];
  readonly #skipped: string[] = [];
  readonly #failed: { text: string; log?: string }[] = [];
  readonly #cached = new Set<string>();
  readonly #textOf: (failure: Failure) => string;

  constructor(textOf: (failure: Failure) => string) {
    this.#textOf = textOf;
  }

  add(event: BuildEvent): void {
    if (event.kind === 'action-finished')
      this.#run.push({ action: event.action, seconds: event.wallSeconds });
    if (event.kind === 'action-cached') this.#cached.add(event.action);
    if (event.kind === 'action-skipped') this.#skipped.push(event.action);
    if (event.kind === 'failed') {
      const { failure } = event;
      const log = 'log' in failure && typeof failure.log === 'string' ? { log: failure.log } : {};
      this.#failed.push({ text: this.#textOf(failure), ...log });
    }
  }

  facts(): RunFacts {
    return { run: this.#run, cached: this.#cached.size, failed: this.#failed, skipped: this.#skipped };
  }
}

/** What a report is made of. */
export interface ReportParts {
  readonly title: string;
  readonly arch: string;
  readonly exitCode: number;
  readonly facts: RunFacts;
  readonly seconds: number;
  /** Undefined: it was not built. */
  readonly built?: BuiltRootfs;
  readonly published?: readonly PublishedForm[];
}

/** A report of a run for other programs, as JSON; everything but `run` is the same for the same result. */
export function rootfsReport({
  title,
  arch,
  exitCode,
  facts,
  seconds,
  built,
  published,
}: ReportParts): string {
  const ids = built === undefined ? new Map() : planIds(built.planned.plan);
  const packages = (built?.installed ?? []).map(({ chunk, artefacts }) => {
    const files =
      built?.manifestOf(chunk).files.filter(({ artifact }) => artefacts.includes(artifact ?? '')) ?? [];
    return {
      id: chunk.id,
      version: versionOf(chunk),
      planId: ids.get(chunkActionName(arch, chunk.id)) as string | undefined,
      artefacts,
      files: files.length,
      bytes: files.reduce((sum, { size = 0 }) => sum + size, 0),
    };
  });
  const products = (published ?? []).map(({ path, content }) => ({
    path,
    ...(content.kind === 'file'
      ? { size: content.size, sha256: content.sha256 }
      : { files: content.entries.length }),
  }));
  const report = {
    format: 1,
    name: title,
    arch,
    exitCode,
    packages,
    products,
    failures: facts.failed,
    notTried: facts.skipped,
    run: {
      seconds: Math.round(seconds),
      cached: facts.cached,
      actions: facts.run.map(({ action, seconds: each }) => ({ action, seconds: Math.round(each) })),
    },
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
