import { quoteWord } from '../core/shell-word.ts';
import { scriptCommand, shellCommand } from '../executor/input-root.ts';

/** Names in the disk that a guest works from. */
export const diskNames = {
  /** The first program of the image runs it. */
  init: 'init',
  /** Enters the root and runs the action's script there. */
  enter: 'enter',
  /** Directory with the action's input root. */
  root: 'root',
} as const;

/** Names of what the guest leaves in the directory that it shares with this machine. */
export const resultNames = {
  /** What the action printed, as it arrives. */
  log: 'log',
  /** Exit code of the action's script, in decimal digits; there once everything else is. */
  status: 'status',
  /** Tar archive of the outputs: a directory for each, named by its place in the list, and one named `end`. */
  outputs: 'outputs.tar',
} as const;

/** Where init mounts the disk that it runs this from, that of the tools, the scratch disk, and the directory that is shared. */
const places = { disk: '/mnt', tools: '/toolchain', scratch: '/home', results: '/upload' } as const;

/** What the guest has to do for an action. */
export interface GuestTask {
  /** The whole environment of the script. */
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute paths of the directories that become outputs. */
  readonly outputs: readonly string[];
  /** Whether it may use the network, which leads to its compile server and nowhere else. */
  readonly network: boolean;
  /** Whether there is a disk of its own for the tools. */
  readonly tools: boolean;
  /** The guest's time when the action starts, in seconds since 1970. */
  readonly seconds: number;
  /** A shell at the console in place of the action's script. */
  readonly shell?: boolean;
}

/**
 * What the image's init runs: unites the input root with a layer on the scratch disk, runs the action in it as the only user of
 * a machine without a network but for its compile server, and leaves log, outputs and exit code. It needs the tools of our root filesystem.
 */
export function guestInit({ outputs, network, tools, seconds, shell = false }: GuestTask): string {
  const { disk, scratch, results } = places;
  const enter = `unshare -m ${network ? '' : '-n '}-i -p -f sh ${disk}/${diskNames.enter} "$root"`;
  const toolsLine = tools ? `mount --bind ${places.tools} "$root/tools"\n` : '';
  return `#!/bin/sh
set -eu
# Not the action's tools, which init puts first.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
date -u -s "@${String(seconds)}" >/dev/null
hostname bootstrap

root=/run/root
mkdir -p "$root" ${scratch}/.action/upper ${scratch}/.action/work
mount -t overlay -o "lowerdir=${disk}/${diskNames.root},upperdir=${scratch}/.action/upper,workdir=${scratch}/.action/work" action "$root"
${toolsLine}mount -t tmpfs -o mode=0755 dev "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "$root/dev/\${device%:*}" c 1 "\${device#*:}"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"

${shell ? atConsole(enter) : logged(enter)}
${shell ? '' : packed(outputs)}sync
echo "$status" >${results}/${resultNames.status}
`;
}

/** Runs the action and leaves what it says, and its exit code in `status`. */
function logged(enter: string): string {
  return `# By way of a pipe, which programs can open by the name /dev/stdout; a file of the host's would be emptied by that.
{
  status=0
  ${enter} 2>&1 </dev/null || status=$?
  echo "$status" >/run/status
  if [ "$status" -ne 0 ] && [ "$(df -Pk ${places.scratch} | awk 'END { print $4 }')" -lt 1024 ]; then
    echo '+ the disk of the guest that the action wrote to is full'
  fi
} | cat >${places.results}/${resultNames.log}
read -r status </run/status`;
}

/** Runs a shell with the console as its terminal. */
function atConsole(enter: string): string {
  return `status=0
setsid cttyhack ${enter} || status=$?`;
}

/** Packs the outputs of an action that succeeded. */
function packed(outputs: readonly string[]): string {
  return `if [ "$status" -eq 0 ]; then
  mkdir -p /run/outputs/end
  number=0
  for output in ${outputs.map(quoteWord).join(' ')}; do
    # No directory through a link of the action's: it would be one of this system.
    place="$root" found=yes
    rest="\${output#/}/"
    while [ -n "$rest" ]; do
      place="$place/\${rest%%/*}"
      rest="\${rest#*/}"
      if [ -h "$place" ] || [ ! -d "$place" ]; then found=no; fi
    done
    if [ "$found" = yes ]; then
      mkdir "/run/outputs/$number"
      mount --bind "$place" "/run/outputs/$number"
    fi
    number=$((number + 1))
  done
  tar -c -f ${places.results}/${resultNames.outputs} -C /run/outputs .
fi
`;
}

/** Enters the root, which is its one argument, and runs the action's script. */
export function guestEnter({ environment, shell = false }: GuestTask): string {
  const variables = Object.entries(environment)
    .map(([name, value]) => quoteWord(`${name}=${value}`))
    .join(' ');
  // Found before PATH is that of the action.
  return `ip link set lo up
mount -t proc proc "$1/proc"
umask 022
ulimit -c 0
chroot=$(command -v chroot)
exec env -i ${variables} "$chroot" "$1" ${(shell ? shellCommand : scriptCommand).map(quoteWord).join(' ')}
`;
}
