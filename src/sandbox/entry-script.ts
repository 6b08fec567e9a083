import { devices, places, type NumberedMount } from './prepare.ts';
import type { HostPrograms } from '../core/host-programs.ts';
import type { Layout, Mount } from './layout.ts';
import { quoteWord } from '../core/shell-word.ts';

/** Which overlay mounts the machine allows in a user namespace. */
export interface Overlays {
  readonly readOnly: boolean;
  readonly writable: boolean;
}

/** Descriptors of the entry script: its status output, and our signal that we are still alive. */
export const statusDescriptor = 4;
export const goDescriptor = 5;
/** The helper, wherever it is: `enter start` passes itself on as this descriptor. */
export const helperPath = '/proc/self/fd/6';

const safeFlags = 'nosuid,nodev';

function q(text: string): string {
  return quoteWord(text);
}

/** Copies everything except ownership: the copy belongs to the sandbox's root, who owns everything there. */
function copyAll(programs: HostPrograms): string {
  return `${q(programs.cp)} -a --no-preserve=ownership --reflink=auto`;
}

function mountUnion({ mount, number }: NumberedMount, { overlays, programs, left = false }: Entry): string[] {
  if (mount.kind !== 'union') return [];
  const target = q(`${places.root}${mount.target}`);
  const lowers = [
    ...(addsNothing(mount) ? [] : [places.skeleton(number)]),
    ...mount.lowers.map((_, index) => places.lower(number, index)),
  ];
  if (mount.copied !== true && (mount.writable ? overlays.writable : overlays.readOnly)) {
    const upper = mount.writable ? `,upperdir=${places.upper(number)},workdir=${places.work(number)}` : '';
    // An overlay without an upper layer needs at least two lower directories; layOut never requests one with fewer.
    const options = `${safeFlags}${mount.writable ? '' : ',ro'},userxattr,lowerdir=${lowers.join(':')}${upper}`;
    return [`${q(programs.mount)} -n -t overlay -o ${options} overlay ${target}`];
  }
  // As root of the namespace, so that directories without write permission are no obstacle.
  const copy = mount.writable ? places.upper(number) : places.skeleton(number);
  const flags = mount.writable ? safeFlags : `ro,${safeFlags}`;
  const copied = left ? [] : lowers.filter((lower) => lower !== copy);
  return [
    `${q(programs.mkdir)} -p ${copy}`,
    // The last first, so that the others replace what they hide, and are not written through its links.
    ...copied.reverse().map((lower) => `${copyAll(programs)} --remove-destination ${lower}/. ${copy}/`),
    `${q(programs.mount)} -n -o bind,${flags} ${copy} ${target}`,
  ];
}

function addsNothing({ directories, files, texts }: Mount & { kind: 'union' }): boolean {
  return directories.length + files.length + Object.keys(texts).length === 0;
}

function mountOne(numbered: NumberedMount, entry: Entry): string[] {
  const { mount, number } = numbered;
  const { programs } = entry;
  const target = q(`${places.root}${mount.target}`);
  switch (mount.kind) {
    case 'scratch':
      return [`${q(programs.mount)} -n -o bind,${safeFlags} ${places.scratch(number)} ${target}`];
    case 'tree':
      return [`${q(programs.mount)} -n -o bind,ro,${safeFlags} ${q(mount.source)} ${target}`];
    case 'file':
      return [`${q(programs.mount)} -n -o bind,ro,${safeFlags} ${places.file(number)} ${target}`];
    case 'union':
      return mountUnion(numbered, entry);
  }
}

/**
 * Lines that copy outputs out of unions, with the new root as working directory. What the action left running is killed
 * first, and no component of a path may be a link, which from here would resolve in the machine's file system.
 */
function copyOutputs(layout: Layout, scratch: string, programs: HostPrograms): string[] {
  const copies = Object.entries(layout.outputs)
    .filter(([, place]) => place.united)
    .map(([output, place]) => {
      const names = place.path.split('/').slice(1);
      const prefixes = names.map((_, depth) => q(`./${names.slice(0, depth + 1).join('/')}`));
      const direct = prefixes.map((prefix) => `[ ! -L ${prefix} ] && `).join('');
      const from = q(`.${place.path}`);
      const to = q(`${scratch}/${places.output(output)}`);
      return (
        `if ${direct}[ -d ${from} ]; then ${q(programs.mkdir)} -p ${to} && ` +
        `${copyAll(programs)} ${from}/. ${to}/ || exit 1; fi`
      );
    });
  return copies.length === 0 ? [] : ['kill -s KILL -- -1 2>/dev/null || :', ...copies];
}

/** The parameters of an entry script. */
export interface Entry {
  readonly layout: Layout;
  readonly mounts: readonly NumberedMount[];
  /** Prepared scratch directory. */
  readonly scratch: string;
  /** The action's complete environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly overlays: Overlays;
  /** Whether descriptor 3 is a jobserver. */
  readonly jobserver: boolean;
  readonly programs: HostPrograms;
  /** What the action runs: a program's path in the root, and its arguments. */
  readonly argv: readonly string[];
  /** It has the standard input and output of who started it. Undefined: an empty input, and one output for all that it says. */
  readonly attached?: boolean;
  /** The scratch directory is one that an action left: unions that are made by copying are there. Undefined: no. */
  readonly left?: boolean;
  /** The program that records the action's commands, and its output file. Undefined: nothing is recorded. */
  readonly recorder?: { readonly program: string; readonly file: string };
}

/**
 * The shell script that becomes process 1 of a sandbox: it builds the root out of mounts, runs the action in it, and
 * reports on descriptor 4: `ready PID` (its own pid outside), then the processor times, then `exit CODE`. Without the
 * last line the sandbox could not be set up, and a line `fault REASON` or standard error says why.
 *
 * The root becomes `/` in a mount namespace of the action's own, which contains nothing else (`enter action`). Process
 * 1 keeps the machine's mounts and can therefore copy outputs with the machine's `cp` at the end; the action cannot
 * look into it.
 */
export function renderEntryScript(entry: Entry): string {
  const { layout, mounts, scratch, environment, jobserver, programs, attached = false } = entry;
  const mount = q(programs.mount);
  const status = `&${String(statusDescriptor)}`;
  const assignments = Object.entries(environment).map(([name, value]) => q(`${name}=${value}`));
  const { recorder } = entry;
  // One program is executed before the action's own: the helper.
  const recording = recorder === undefined ? '' : `${q(recorder.program)} ${q(recorder.file)} 1 `;
  return [
    'set -e',
    'umask 022',
    'ulimit -c 0',
    // Linux's initial limits, regardless of those of the user who started the build; if a hard limit is lower, that
    // one.
    'ulimit -S -s 8192 2>/dev/null || :',
    'ulimit -S -n 1024 2>/dev/null || :',
    `cd ${q(scratch)}`,
    'read -r outer rest </proc/self/stat',
    `echo "ready $outer" >${status}`,
    // If we were killed before the parent-death signal was set, nobody answers here.
    `read -r go <&${String(goDescriptor)}`,
    `exec ${String(goDescriptor)}<&-`,
    `${mount} -n --bind ${places.root} ${places.root}`,
    ...mounts.flatMap((one) => mountOne(one, entry)),
    ...devices.map((device) => `${mount} -n --bind /dev/${device} ${places.root}/dev/${device}`),
    // It becomes read-only before the action starts; otherwise root could set the machine's sysctls.
    `${mount} -n -t proc -o nosuid,nodev,noexec proc ${places.root}/proc`,
    `cd ${places.root}`,
    `${mount} -n -o remount,bind,${layout.writable ? '' : 'ro,'}${safeFlags} .`,
    'code=0',
    [
      `${recording}${helperPath} action ${jobserver ? '4' : '3'}`,
      ...assignments,
      `-- ${entry.argv.map(q).join(' ')} ${attached ? '' : '</dev/null 2>&1 '}|| code=$?`,
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
