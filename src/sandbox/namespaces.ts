import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Store } from '../store/store.ts';
import { helperPath, statusDescriptor, type Overlays } from './entry-script.ts';
import { findHostPrograms, type HostPrograms } from '../core/host-programs.ts';
import { obtainHelper } from './helper.ts';
import { findIdentities, type Identity } from './identity.ts';
import { runSandbox } from './sandbox-process.ts';
import { quoteWord } from '../core/shell-word.ts';

/** What this machine provides for sandboxes. */
export interface SandboxMeans {
  readonly programs: HostPrograms;
  /** The program that enters sandboxes. */
  readonly helper: string;
  readonly identity: Identity;
  readonly overlays: Overlays;
}

/** Goes through the steps of entering a sandbox, naming each on standard output once it is done. */
function renderProbe(programs: HostPrograms, scratch: string): string {
  const mount = quoteWord(programs.mount);
  const overlay = `${mount} -n -t overlay overlay -o nosuid,nodev,userxattr,lowerdir=a:b`;
  return [
    'set -e',
    `cd ${quoteWord(scratch)}`,
    'read -r outer rest </proc/self/stat',
    `echo "ready $outer" >&${String(statusDescriptor)}`,
    `echo namespaces`,
    `${mount} -n --bind root root`,
    `${mount} -n -o bind,ro,nosuid,nodev a root/a`,
    `${mount} -n --bind /dev/null root/dev/null`,
    `echo binds`,
    `${mount} -n -t proc -o nosuid,nodev,noexec proc root/proc`,
    `echo proc`,
    `if ${overlay} root/b 2>/dev/null; then echo overlay; fi`,
    `if ${overlay},upperdir=upper,workdir=work root/c 2>/dev/null && : >root/c/file; then echo upper; fi`,
    `${quoteWord(programs.cp)} ${helperPath} root/enter`,
    `cd root`,
    `${helperPath} action 3 -- /enter`,
    `echo root`,
    `echo 'exit 0' >&${String(statusDescriptor)}`,
    '',
  ].join('\n');
}

const steps: Readonly<Record<string, string>> = {
  namespaces: 'making user, mount, pid, ipc, uts and network namespaces',
  binds: 'binding directories into a namespace',
  proc: 'mounting a fresh /proc in a namespace',
  root: 'changing the root of a program',
};

/**
 * Finds out by trial whether sandboxes work here, with which identity, and with which kinds of overlay. If the machine
 * refuses, the failure names the setting responsible.
 *
 * @param repository absolute path of this program's own repository
 */
export async function probeNamespaces(
  store: Store,
  overlayUse: 'where-allowed' | 'never',
  repository: string,
): Promise<Result<SandboxMeans, Failure>> {
  const programs = await findHostPrograms();
  if (!programs.ok) return programs;
  const helper = await obtainHelper(store, repository);
  if (!helper.ok) return helper;
  let best: Result<SandboxMeans, Failure> | undefined;
  for (const identity of await findIdentities(store.root)) {
    const means = await probeAs(identity, store, programs.value, helper.value, overlayUse);
    if (means.ok && (hasOverlays(means.value) || overlayUse === 'never')) return means;
    // An identity that has to copy everything is better than none.
    if (best?.ok !== true) best = means;
  }
  if (best === undefined) throw new Error('there is no identity to run actions as');
  return best;
}

function hasOverlays({ overlays }: SandboxMeans): boolean {
  return overlays.readOnly && overlays.writable;
}

async function probeAs(
  identity: Identity,
  store: Store,
  programs: HostPrograms,
  helper: string,
  overlayUse: 'where-allowed' | 'never',
): Promise<Result<SandboxMeans, Failure>> {
  const scratch = await store.makeScratch('namespaces');
  try {
    for (const directory of [
      'a',
      'b',
      'upper',
      'work',
      'root/a',
      'root/b',
      'root/c',
      'root/proc',
      'root/dev',
    ]) {
      await mkdir(join(scratch.path, directory), { recursive: true });
    }
    await writeFile(join(scratch.path, 'root/dev/null'), '');
    let output = '';
    const end = await runSandbox({
      programs,
      helper,
      identity,
      scratch: scratch.path,
      entryScript: renderProbe(programs, scratch.path),
      onOutput: (bytes) => {
        output += Buffer.from(bytes).toString();
      },
    });
    const done = new Set(output.split('\n'));
    const stopped = Object.entries(steps).find(([step]) => !done.has(step));
    if (stopped !== undefined) {
      const answer = end.kind === 'broken' ? end.detail : 'no answer';
      return failed({
        reason: 'namespaces-refused',
        detail: `${stopped[1]}: ${answer}`,
        remedy: await findRemedy(),
      });
    }
    const allowed = overlayUse === 'where-allowed';
    const overlays = { readOnly: allowed && done.has('overlay'), writable: allowed && done.has('upper') };
    return ok({ programs, helper, identity, overlays });
  } finally {
    await scratch.release();
  }
}

/** Settings that forbid namespaces, each with its forbidding values and the command that lifts it. */
const settings: readonly { file: string; forbids: (value: number) => boolean; remedy: string }[] = [
  {
    file: 'kernel/unprivileged_userns_clone',
    forbids: (value) => value === 0,
    remedy: 'sysctl kernel.unprivileged_userns_clone=1',
  },
  {
    file: 'user/max_user_namespaces',
    forbids: (value) => value === 0,
    remedy: 'sysctl user.max_user_namespaces=15000',
  },
  {
    file: 'kernel/apparmor_restrict_unprivileged_userns',
    forbids: (value) => value === 1,
    remedy: 'sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  },
];

/** The command that allows namespaces again, according to the machine's settings. */
export async function findRemedy(root = '/proc/sys'): Promise<string> {
  for (const { file, forbids, remedy } of settings) {
    const text = await readFile(join(root, file), 'utf8').catch(() => undefined);
    if (text !== undefined && forbids(Number(text.trim()))) return remedy;
  }
  return 'let this container make user namespaces and mount /proc (docker run --privileged; podman run --security-opt unmask=ALL)';
}
