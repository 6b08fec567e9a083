import type { Action, Ref } from './action.ts';
import { refLabel, refsOf, refsOfInput, sourceId } from './graph.ts';
import type { ActionName, RepoPath, SourceName } from './names.ts';
import type { Digest } from '../core/digest.ts';

/** The part of `sources.lock` that a plan depends on. */
export interface PinnedSources {
  readonly sources: readonly {
    readonly name: SourceName;
    readonly version: string;
    readonly tree: Digest;
  }[];
}

/** Files of this repository by path. */
export type RepoFiles = ReadonlyMap<RepoPath, { readonly digest: Digest; readonly executable: boolean }>;

/** What actions are checked against. */
export interface CheckContext {
  readonly actions: ReadonlyMap<ActionName, Action>;
  readonly lock: PinnedSources;
  readonly files: RepoFiles;
}

/** All faults of one action, as sentences that begin with its name. */
export function checkAction(action: Action, context: CheckContext): readonly string[] {
  return [
    ...checkRefs(action, context),
    ...checkPlaces(action),
    ...checkOutputs(action),
    ...checkCommands(action, context),
  ].map((fault) => `${action.name}: ${fault}`);
}

/** The fault of a ref to an output; undefined if the ref is valid. */
export function outputFault(
  ref: Extract<Ref, { kind: 'output' }>,
  actions: ReadonlyMap<ActionName, Action>,
): string | undefined {
  const producer = actions.get(ref.action);
  if (producer === undefined) return `there is no action ${ref.action}`;
  if (Object.hasOwn(producer.recipe.outputs, ref.output)) return undefined;
  const known = Object.keys(producer.recipe.outputs).join(', ');
  return `${ref.action} has no output ${ref.output} (it has: ${known})`;
}

function checkRefs(action: Action, { actions, lock, files }: CheckContext): string[] {
  const faults: string[] = [];
  for (const ref of refsOf(action.recipe)) {
    if (ref.kind === 'output') {
      const fault = outputFault(ref, actions);
      if (fault !== undefined) faults.push(fault);
    } else if (ref.kind === 'source') {
      const known = lock.sources.some((entry) => sourceId(entry) === sourceId(ref));
      if (!known) faults.push(`the lock has no source ${sourceId(ref)}`);
    } else if (ref.kind === 'file') {
      const fault = fileFault(ref, files);
      if (fault !== undefined) faults.push(fault);
    }
  }
  return [...new Set(faults)];
}

function fileFault(ref: Extract<Ref, { kind: 'file' }>, files: RepoFiles): string | undefined {
  const file = files.get(ref.path);
  if (file === undefined) return `the repository has no file ${ref.path}`;
  const same = file.digest === ref.digest && file.executable === ref.executable;
  return same ? undefined : `the digest of ${ref.path} is not that of the repository's file`;
}

/** Where each kind of ref may be used. */
function checkPlaces(action: Action): string[] {
  const faults: string[] = [];
  for (const ref of action.recipe.tools) {
    if (ref.kind !== 'output') faults.push(`${refLabel(ref)} cannot be a tool, only outputs of actions can`);
  }
  const paths = new Set<string>();
  for (const input of action.recipe.inputs) {
    if (paths.has(input.path)) faults.push(`two inputs are at ${input.path}`);
    paths.add(input.path);
    const refs = refsOfInput(input);
    if (refs.length === 0) faults.push(`the input at ${input.path} is empty`);
    for (const ref of refs) {
      const machine = ref.kind === 'compiler' || ref.kind === 'machine-utilities';
      if (machine && input.path !== '/')
        faults.push(`${refLabel(ref)} may only be mounted at /, not ${input.path}`);
      if (ref.kind === 'file' && (input.path === '/' || refs.length > 1)) {
        faults.push(`the file ${ref.path} cannot be united with a tree at ${input.path}`);
      }
    }
  }
  return faults;
}

/** Directories of the sandbox that are never written, in addition to `/tools`. An input at `/` provides the top-level ones of the first row. */
const readOnlyPlaces = ['/usr', '/lib', '/lib32', '/lib64', '/libx32', '/bin', '/sbin', '/etc'];
const ownPlaces = ['/tools', '/dev', '/proc'];

function checkOutputs(action: Action): string[] {
  const faults: string[] = [];
  const { inputs, outputs } = action.recipe;
  const list = Object.entries(outputs);
  for (const [name, path] of list) {
    const around = inputs.filter((input) => input.path !== '/' && lies(path, input.path));
    const innermost = around.sort((a, b) => b.path.length - a.path.length)[0];
    if (innermost !== undefined && innermost.writable !== true) {
      faults.push(`the output ${name} at ${path} is inside the read-only input ${innermost.path}`);
    }
    const place = [...ownPlaces, ...readOnlyPlaces].find((directory) => lies(path, directory));
    if (place !== undefined && innermost === undefined) {
      faults.push(`the output ${name} at ${path} is inside ${place}, which is read-only`);
    }
    for (const [other, otherPath] of list) {
      if (other !== name && lies(path, otherPath) && (path !== otherPath || name < other)) {
        faults.push(`the output ${name} at ${path} is inside the output ${other} at ${otherPath}`);
      }
    }
  }
  for (const name of action.scratch) {
    if (!Object.hasOwn(outputs, name)) faults.push(`it calls ${name} scratch, but has no such output`);
  }
  for (const name of Object.keys(action.provides)) {
    if (!Object.hasOwn(outputs, name)) faults.push(`it provides commands in ${name}, but has no such output`);
  }
  return faults;
}

/** Whether a path is `directory` or below it. */
function lies(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** If two tools provided the same command, the mount order would decide which one runs. */
function checkCommands(action: Action, { actions }: CheckContext): string[] {
  const faults: string[] = [];
  const providers = new Map<string, string>();
  const seen = new Set<string>();
  for (const ref of action.recipe.tools) {
    if (ref.kind !== 'output' || seen.has(refLabel(ref))) continue;
    seen.add(refLabel(ref));
    for (const command of actions.get(ref.action)?.provides[ref.output] ?? []) {
      const other = providers.get(command);
      if (other !== undefined) faults.push(`both ${other} and ${refLabel(ref)} provide ${command}`);
      providers.set(command, refLabel(ref));
    }
  }
  return faults;
}
