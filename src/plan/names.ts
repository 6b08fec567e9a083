import type { Brand } from '../core/brand.ts';

/** Name of an action: `<stage>[-<arch>…]/<step>`, for example `stage-1-armv5l/gcc`. Unique in a plan. */
export type ActionName = Brand<'ActionName'>;
/** Name of a source in `sources.lock`, for example `gcc`. */
export type SourceName = Brand<'SourceName'>;
/** Absolute, normalised path inside a sandbox, without trailing slash. */
export type SandboxPath = Brand<'SandboxPath'>;
/** Path of a file of this repository, relative to its root, `/` as separator. */
export type RepoPath = Brand<'RepoPath'>;
/** GNU triple (with or without vendor), for example `armv5l-linux-musleabi`. */
export type Triple = Brand<'Triple'>;
/** Digest of a recipe with the plan ids of its inputs; 64 hex digits. Known without running anything. */
export type PlanId = Brand<'PlanId'>;
/** Digest of a recipe with the content digests of its inputs; 64 hex digits. Names a result in the store. */
export type Key = Brand<'Key'>;

const segment = /^[a-zA-Z0-9][a-zA-Z0-9._+@-]*$/;

export function actionName(text: string): ActionName {
  const parts = text.split('/');
  if (parts.length !== 2 || !parts.every((part) => segment.test(part))) {
    throw new Error(`malformed action name: ${text}`);
  }
  return text as ActionName;
}

export function sourceName(text: string): SourceName {
  if (!/^[a-z0-9][a-z0-9.+-]*$/.test(text)) throw new Error(`malformed source name: ${text}`);
  return text as SourceName;
}

export function sandboxPath(text: string): SandboxPath {
  const parts = text.split('/').slice(1);
  if (!text.startsWith('/') || text === '/' || parts.some((part) => ['', '.', '..'].includes(part))) {
    throw new Error(`malformed sandbox path: ${text}`);
  }
  return text as SandboxPath;
}

export function repoPath(text: string): RepoPath {
  if (text.startsWith('/') || text.split('/').some((part) => ['', '.', '..'].includes(part))) {
    throw new Error(`malformed repository path: ${text}`);
  }
  return text as RepoPath;
}

export function triple(text: string): Triple {
  if (!/^[a-z0-9_]+(-[a-z0-9_]+){2,3}$/.test(text)) throw new Error(`malformed triple: ${text}`);
  return text as Triple;
}

export function planId(text: string): PlanId {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`malformed plan id: ${text}`);
  return text as PlanId;
}

export function key(text: string): Key {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`malformed key: ${text}`);
  return text as Key;
}
