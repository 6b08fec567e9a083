import { devices, places, type NumberedMount } from './prepare.ts';
import type { HostPrograms } from '../core/host-programs.ts';
import type { Layout } from './layout.ts';
import { quoteWord } from '../core/shell-word.ts';

/** Which overlay mounts the machine allows in a user namespace. */
export interface Overlays {
  readonly readOnly: boolean;
  readonly writable: boolean;
}

/** Descriptors of the entry script: what it tells us, and our word that we are still there. */
export const statusDescriptor = 4;
export const goDescriptor = 5;

/** Name of every sandbox as a machine. */
export const sandboxHostname = 'bootstrap';

/**
 * Taken from the action's root: with these it could unmount its root, look into the process that set it up, bring up
 * interfaces or make devices. They hold only inside its own user namespace in any case.
 */
const withheld = 'sys_admin sys_ptrace net_admin net_raw mknod sys_module sys_rawio sys_boot sys_time';

const safeFlags = 'nosuid,nodev';

function q(text: string): string {
  return quoteWord(text);
}

function mountUnion({ mount, number }: NumberedMount, overlays: Overlays, programs: HostPrograms): string[] {
  if (mount.kind !== 'union') return [];
  const target = q(`${places.root}${mount.target}`);
  const lowers = [
    ...(mount.directories.length + mount.files.length > 0 ? [places.skeleton(number)] : []),
    ...mount.lowers.map((_, index) => places.lower(number, index)),
  ];
  if (mount.writable ? overlays.writable : overlays.readOnly) {
    const upper = mount.writable ? `,upperdir=${places.upper(number)},workdir=${places.work(number)}` : '';
    // An overlay without upper layer wants two lowers at least; layOut asks for none with fewer.
    const options = `${safeFlags}${mount.writable ? '' : ',ro'},userxattr,lowerdir=${lowers.join(':')}${upper}`;
    return [`${q(programs.mount)} -n -t overlay -o ${options} overlay ${target}`];
  }
  // As root of the namespace, so that directories without write permission are no obstacle.
  const copy = mount.writable ? places.upper(number) : places.skeleton(number);
  const flags = mount.writable ? safeFlags : `ro,${safeFlags}`;
  return [
    `${q(programs.mkdir)} -p ${copy}`,
    ...lowers
      .filter((lower) => lower !== copy)
      .map((lower) => `${q(programs.cp)} -a --reflink=auto ${lower}/. ${copy}/`),
    `${q(programs.mount)} -n -o bind,${flags} ${copy} ${target}`,
  ];
}

function mountOne(numbered: NumberedMount, overlays: Overlays, programs: HostPrograms): string[] {
  const { mount, number } = numbered;
  const target = q(`${places.root}${mount.target}`);
  switch (mount.kind) {
    case 'scratch':
      return [`${q(programs.mount)} -n -o bind,${safeFlags} ${places.scratch(number)} ${target}`];
    case 'tree':
      return [`${q(programs.mount)} -n -o bind,ro,${safeFlags} ${q(mount.source)} ${target}`];
    case 'file':
      return [`${q(programs.mount)} -n -o bind,ro,${safeFlags} ${places.file(number)} ${target}`];
    case 'union':
      return mountUnion(numbered, overlays, programs);
  }
}

/** Lines that copy outputs out of unions, run with the new root as working directory. */
function copyOutputs(layout: Layout, scratch: string, programs: HostPrograms): string[] {
  return Object.entries(layout.outputs)
    .filter(([, place]) => place.united)
    .map(([output, place]) => {
      const from = q(`.${place.path}`);
      const to = q(`${scratch}/${places.output(output)}`);
      return (
        `if [ -d ${from} ]; then ${q(programs.mkdir)} -p ${to} && ` +
        `${q(programs.cp)} -a --reflink=auto ${from}/. ${to}/ || exit 1; fi`
      );
    });
}

/** What an entry script is made of. */
export interface Entry {
  readonly layout: Layout;
  readonly mounts: readonly NumberedMount[];
  /** Scratch directory, prepared. */
  readonly scratch: string;
  /** The action's whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly overlays: Overlays;
  /** Whether descriptor 3 is a jobserver. */
  readonly jobserver: boolean;
  readonly programs: HostPrograms;
  /** What writes down the action's commands, and where to. Undefined: nothing does. */
  readonly recorder?: { readonly program: string; readonly file: string };
}

/**
 * The shell script that becomes process 1 of a sandbox: builds the root out of mounts, runs the action in it, and tells over
 * descriptor 4: `ready PID` (its own number outside), then the processor times, then `exit CODE`. Without the last line
 * the sandbox could not be set up, and standard error says why.
 *
 * The root becomes `/` by being moved onto it. Process 1 itself stays under it, and so can copy outputs with the machine's
 * `cp` at the end; the action has no way there, since it cannot unmount and may not look into process 1.
 */
export function renderEntryScript(entry: Entry): string {
  const { layout, mounts, scratch, environment, overlays, jobserver, programs } = entry;
  const mount = q(programs.mount);
  const status = `&${String(statusDescriptor)}`;
  const closed = `${jobserver ? '' : '3>&- '}${String(statusDescriptor)}>&-`;
  const assignments = Object.entries(environment).map(([name, value]) => q(`${name}=${value}`));
  const { recorder } = entry;
  // It starts three programs before the action's own: env, setpriv and chroot.
  const recording = recorder === undefined ? '' : `${q(recorder.program)} ${q(recorder.file)} 3 `;
  const bounding = withheld.split(' ').map((name) => `-${name}`);
  return [
    'set -e',
    'umask 022',
    'ulimit -c 0',
    // The limits that Linux starts with, whatever those of who started the build are; where a hard limit is lower, that one.
    'ulimit -S -s 8192 2>/dev/null || :',
    'ulimit -S -n 1024 2>/dev/null || :',
    `cd ${q(scratch)}`,
    'read -r outer rest </proc/self/stat',
    `echo "ready $outer" >${status}`,
    // If we were killed before the kernel was told to end this with us, nobody answers here.
    `read -r go <&${String(goDescriptor)}`,
    // With the other descriptors that this process may have inherited from who started the build.
    `exec ${String(goDescriptor)}<&- 6<&- 7<&- 8<&- 9<&-`,
    `${q(programs.hostname)} ${sandboxHostname}`,
    'read -r domain </proc/sys/kernel/domainname',
    `[ "$domain" = '(none)' ] || ${q(programs.domainname)} '(none)'`,
    `${mount} -n --bind ${places.root} ${places.root}`,
    ...mounts.flatMap((one) => mountOne(one, overlays, programs)),
    ...devices.map((device) => `${mount} -n --bind /dev/${device} ${places.root}/dev/${device}`),
    // Read-only: root on the machine would otherwise be allowed to set the machine's sysctls.
    `${mount} -n -t proc -o ro,nosuid,nodev,noexec proc ${places.root}/proc`,
    `cd ${places.root}`,
    `${mount} -n -o remount,bind,ro,${safeFlags} .`,
    `${mount} -n --move . /`,
    'code=0',
    [
      `${recording}${q(programs.env)} -i ${assignments.join(' ')}`,
      `${q(programs.setpriv)} --no-new-privs --bounding-set ${bounding.join(',')} --`,
      `${q(programs.chroot)} . /bin/sh -e /script </dev/null 2>&1 ${closed} || code=$?`,
    ].join(' '),
    'if [ "$code" = 0 ]; then',
    ':',
    ...copyOutputs(layout, scratch, programs),
    'fi',
    `times >${status}`,
    `echo "exit $code" >${status}`,
    '',
  ].join('\n');
}
