import { arch as armv5l } from '../../arches/armv5l.ts';
import { arch as i686 } from '../../arches/i686.ts';
import { digest } from '../../src/core/digest.ts';
import { repoPath, sourceName, type ActionName } from '../../src/plan/names.ts';
import type { Action, Ref } from '../../src/plan/action.ts';
import { actionName } from '../../src/plan/names.ts';
import type { PlanInputs } from '../../stages/inputs.ts';

const anyDigest = digest(`${'0'.repeat(64)}-0`);

const versions = {
  bash: '5.2.37',
  binutils: '2.44',
  busybox: '1.37.0',
  distcc: '3.4',
  dropbear: '2025.89',
  gcc: '14.2.0',
  gmp: '6.3.0',
  linux: '6.1.176',
  make: '4.4.1',
  mimalloc: '3.5.0',
  mpc: '1.3.1',
  mpfr: '4.2.2',
  musl: '1.2.5',
  toybox: '0.8.9',
};

const targetFiles = [
  'target/init',
  'target/native-build.sh',
  ...['group', 'hosts', 'passwd', 'profile', 'resolv.conf', 'shells'].map(
    (name) => `target/root-filesystem/etc/${name}`,
  ),
];

/** Inputs of a plan for armv5l, host i686, that need neither lock nor disk. */
export const imageInputs: PlanInputs = {
  lock: {
    choice: { set: 'any', instead: {} },
    sourceDateEpoch: 1735689600,
    sources: Object.entries(versions).map(([name, version]) => ({
      name: sourceName(name),
      version,
      homepage: `https://example.org/${name}`,
      licence: '0BSD',
      licenceFiles: name === 'gcc' ? ['COPYING3', 'gcc/COPYING.LIB'] : ['COPYING'],
      tree: anyDigest,
      origins: [],
    })),
  },
  files: new Map(targetFiles.map((path) => [repoPath(path), { digest: anyDigest, executable: false }])),
  build: { os: 'linux', cpu: 'x86_64' },
  target: armv5l,
  host: i686,
  runs: [],
};

/** A tree that some other stage makes. */
export function madeElsewhere(name: string): Extract<Ref, { kind: 'output' }> {
  return { kind: 'output', action: actionName(`elsewhere/${name}`), output: 'out' };
}

/** Names of the actions whose outputs an action reads, as input or as tool. */
export function reads(action: Action): readonly ActionName[] {
  const refs = [...action.recipe.tools, ...action.recipe.inputs.flatMap((input) => input.refs)];
  return [...new Set(refs.flatMap((ref) => (ref.kind === 'output' ? [ref.action] : [])))].sort();
}

/** All that an action's commands say, as one text. */
export function said(action: Action): string {
  return action.recipe.commands
    .map((command) => (command.kind === 'run' ? command.argv.join(' ') : `${command.path}\n${command.text}`))
    .join('\n');
}
