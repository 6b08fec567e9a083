import { digest, type Digest } from '../../src/core/digest.ts';
import type { Action, Plan, Product, Ref } from '../../src/plan/action.ts';
import { assemblePlan, type PlanParts } from '../../src/plan/assemble.ts';
import { defineAction, run, type ActionSpec } from '../../src/plan/builder.ts';
import { repoPath, sourceName, type RepoPath } from '../../src/plan/names.ts';

/** A digest that is easy to tell from others. */
export function sampleDigest(digit: string): Digest {
  return digest(`${digit.repeat(64)}-7`);
}

export const platform = { os: 'linux', cpu: 'x86_64' } as const;

/** An action with one output `out` and one command that echoes its name; all else as said. */
export function sampleAction(name: string, spec: Partial<ActionSpec> = {}): Action {
  return defineAction({
    name,
    description: `makes ${name}`,
    commands: [run(['echo', name])],
    platform,
    tools: [],
    outputs: { out: '/build/out' },
    weight: 1,
    ...spec,
  });
}

export function out(action: Action): Extract<Ref, { kind: 'output' }> {
  return { kind: 'output', action: action.name, output: 'out' };
}

export function sourceRef(name: string, version = '1.0'): Ref {
  return { kind: 'source', name: sourceName(name), version };
}

export const sampleLock = {
  sources: [
    { name: sourceName('gcc'), version: '14.2.0', tree: sampleDigest('1') },
    { name: sourceName('musl'), version: '1.0', tree: sampleDigest('2') },
    { name: sourceName('linux'), version: '1.0', tree: sampleDigest('3') },
    { name: sourceName('linux'), version: '2.0', tree: sampleDigest('4') },
  ],
};

export const sampleFiles = new Map<RepoPath, { digest: Digest; executable: boolean }>([
  [repoPath('patches/musl/1.0/0002-b.patch'), { digest: sampleDigest('b'), executable: false }],
  [repoPath('patches/musl/1.0/0001-a.patch'), { digest: sampleDigest('a'), executable: false }],
  [repoPath('patches/musl/1.0/README'), { digest: sampleDigest('c'), executable: false }],
  [repoPath('patches/musl/1.0.1/0001-x.patch'), { digest: sampleDigest('d'), executable: false }],
  [repoPath('target/init'), { digest: sampleDigest('e'), executable: true }],
]);

export function fileRef(path: string): Ref {
  const file = sampleFiles.get(repoPath(path));
  return {
    kind: 'file',
    path: repoPath(path),
    digest: file?.digest ?? sampleDigest('0'),
    executable: file?.executable ?? false,
  };
}

export function product(action: Action, name = `${action.name.replace('/', '-')}.tar.gz`): Product {
  return { name, ref: out(action), path: 'x', description: name };
}

/** Assembles parts; faults fail the test. Goals default to all actions. */
export function samplePlan(actions: readonly Action[], parts: Partial<PlanParts> = {}): Plan {
  const assembled = assemblePlan({
    actions,
    products: [],
    goals: actions.map((action) => action.name),
    lock: sampleLock,
    files: sampleFiles,
    ...parts,
  });
  if (!assembled.ok) throw new Error(JSON.stringify(assembled.failure));
  return assembled.value;
}

/** Faults of parts that cannot be assembled. */
export function faultsOf(actions: readonly Action[], parts: Partial<PlanParts> = {}): readonly string[] {
  const assembled = assemblePlan({
    actions,
    products: [],
    goals: [],
    lock: sampleLock,
    files: sampleFiles,
    ...parts,
  });
  if (assembled.ok) return [];
  return assembled.failure.reason === 'plan-fault' ? assembled.failure.faults : [assembled.failure.reason];
}
