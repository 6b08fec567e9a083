import { sh } from '../core/shell-text.ts';
import type { Arch } from '../inputs/arch.ts';
import { imageFiles } from './emulator.ts';
import { findDirectory } from './run-script.ts';

/** Address at which the guest sees the machine that runs the emulator. */
const hostSeenByGuest = '10.0.2.2';

/** MiB of memory for a guest whose board sets no limit. */
const ampleMemory = 2048;

/** MiB of the scratch disk, unless the user specifies another size. It is a sparse file. */
const scratchSize = 4096;

/** `distccd`'s exit code if its port is in use. */
const portTaken = 102;

/**
 * Text of `dev-environment.sh`, which boots the image beside it with `run-emulator.sh` as a development environment.
 * POSIX shell; needs the emulator, and for speed a cross compiler, but nothing else of ours.
 */
export function renderDevEnvironment(arch: Arch): string {
  const { name, triple, emulator } = arch;
  const memory = emulator.memory.limit ?? Math.max(ampleMemory, emulator.memory.preset);
  return sh`#!/bin/sh
# Boots this ${name} system image as a place to work in: with much memory, a scratch disk on /home, and distcc, by which
# a cross compiler on this machine does most of the compiling for gcc and g++ in the guest.
#
#   QEMU_MEMORY      MiB of memory (${memory})
#   GUEST_HOME       the scratch disk, a file (${imageFiles.home} beside this script); made when there is none
#   GUEST_HOME_SIZE  MiB of a new one (${scratchSize}); it takes room on this machine as it fills
#   CROSS_COMPILER   directory of the unpacked cross compiler. When not set, one for ${name} that runs on this machine is
#                    looked for beside this script, one directory up, and in PATH; beside and above, one that another
#                    user could have put there is passed over. Empty: the guest compiles alone
#   DISTCCD_LOG      file to which the compile server adds what it does (none)
#   and everything that ${imageFiles.script} takes.
#
# The compile server, distccd, listens on 127.0.0.1, serves only the user who runs this, runs only the cross compiler's
# programs, and ends with the emulator, however that ends.
set -eu

say() { printf '%s\\n' "${imageFiles.environment}: $*" >&2; }
fail() {
  say "$2"
  exit "$1"
}

${findDirectory}
# Sets place to the absolute name of a directory, without links.
absolute() {
  place=$(CDPATH= cd -P -- "$1/" && pwd -P && echo .) || return
  place=\${place%??}
}

[ -x "$directory/${imageFiles.script}" ] ||
  fail 1 "$directory/${imageFiles.script} is missing; unpack the system image again"

size=\${GUEST_HOME_SIZE:-${scratchSize}}
case $size in
  0* | *[!0-9]* | ????????*) fail 2 "GUEST_HOME_SIZE=$size: must be a number of MiB" ;;
esac
export GUEST_HOME="\${GUEST_HOME:-$directory/${imageFiles.home}}"
if [ ! -e "$GUEST_HOME" ]; then
  # As an operand of dd it does not begin with a hyphen.
  dd if=/dev/null "of=$GUEST_HOME" bs=1048576 "seek=$size" 2>/dev/null ||
    fail 1 "GUEST_HOME=$GUEST_HOME: cannot make a scratch disk of $size MiB there"
fi
export QEMU_MEMORY="\${QEMU_MEMORY:-${memory}}"

# Whether nobody but this user and root could have written what lies in $1.
is_ours() {
  others=$(find -H "$1" "$1/bin" "$1/bin/distccd" "$1/distcc" -prune \\
    \\( ! \\( -user "$(id -u)" -o -user 0 \\) -o -perm -002 \\)) || return
  [ -z "$others" ]
}
# Sets compiler to the cross compiler that $1 is, or that lies there; it has to run on this machine. With $2, a place where
# others may have put something, it has to be ours too.
compiler_in() {
  for candidate in "$1" "$1/cross-compiler-${name}" "$1/cross-compiler-${name}"-*; do
    [ -x "$candidate/bin/${triple}-gcc" ] && [ -d "$candidate/distcc" ] && absolute "$candidate" || continue
    if [ -n "\${2-}" ] && ! is_ours "$place"; then
      say "$place is passed over, because another user can write there (CROSS_COMPILER takes it all the same)"
      continue
    fi
    "$place/bin/distccd" --version >/dev/null 2>&1 || continue
    compiler=$place
    return
  done
  return 1
}
find_compiler() {
  if [ -n "\${CROSS_COMPILER+set}" ]; then
    compiler_in "$CROSS_COMPILER" || compiler_in "$CROSS_COMPILER/.." || {
      say "CROSS_COMPILER=$CROSS_COMPILER: there is no cross compiler for ${name} that runs on this machine"
      return 1
    }
    return
  fi
  compiler_in "$directory" found && return
  compiler_in "$directory/.." found && return
  if file=$(command -v ${triple}-gcc); then
    while [ -L "$file" ]; do
      link=$(readlink -- "$file" && echo .)
      link=\${link%??}
      case $link in
        /*) file=$link ;;
        *) file=\${file%/*}/$link ;;
      esac
    done
    compiler_in "\${file%/*}/.." && return
  fi
  say "there is no cross compiler for ${name} beside this script, one directory up, or in PATH (CROSS_COMPILER names one)"
  for packed in "$directory" "$directory/.."; do
    for packed in "$packed/cross-compiler-${name}"-*.tar.gz; do
      if [ -e "$packed" ]; then say "$packed is one; unpack it there"; fi
    done
  done
  return 1
}

# Starts the compile server of the compiler $1 and prints its port. Nothing in here may hold the writing end of the
# lifeline, which ends when the emulator does; and no signal for the terminal's programs is to end what waits for that.
serve() {
  # What fails in here is looked at, or does not matter.
  set +e
  exec 9>&-
  trap '' HUP INT QUIT TERM PIPE
  as=
  if [ "$(id -u)" -eq 0 ]; then
    # distccd refuses to be root.
    as='--user nobody'
    chown nobody "$temporary" "$temporary/server" && { [ -z "\${DISTCCD_LOG-}" ] || chown nobody "$DISTCCD_LOG"; }
  fi
  # There is no way to ask for a free port: one is tried after the other.
  port=$((20000 + $$ % 10000))
  last=$((port + 100))
  while :; do
    code=0
    # shellcheck disable=SC2086
    TMPDIR=$temporary/server "$1/bin/distccd" --daemon --listen 127.0.0.1 --port "$port" --allow 127.0.0.1 --own-user $as \\
      --programs "$1/distcc" --confine "$1" --jobs "$jobs" --pid-file "$temporary/server/pid" \\
      --log-file "\${DISTCCD_LOG:-$temporary/server/log}" --log-level "$level" \\
      8<&- </dev/null >/dev/null 2>"$temporary/errors" || code=$?
    if [ "$code" -ne ${portTaken} ] || [ "$port" -eq "$last" ]; then break; fi
    port=$((port + 1))
  done
  if [ "$code" -ne 0 ]; then
    say "$1/bin/distccd does not start (exit code $code):"
    cat "$temporary/errors" "\${DISTCCD_LOG:-$temporary/server/log}" 2>/dev/null | tail -n 3 >&2
    rm -rf "$temporary"
    return 1
  fi
  {
    read -r _ <&8 || :
    if read -r server <"$temporary/server/pid"; then
      kill "$server"
      seconds=0
      while kill -0 "$server" && [ "$seconds" -lt 5 ]; do
        sleep 1
        seconds=$((seconds + 1))
      done
      # It leads its process group.
      kill -KILL "-$server"
    fi
    rm -rf "$temporary"
  } </dev/null >/dev/null 2>&1 &
  echo "$port"
}

compiler=
case " \${KERNEL_EXTRA-} " in
  # The user knows better.
  *' DISTCC_HOSTS='*) ;;
  *)
    # Without the native compiler there is nothing to help.
    if [ -r "$directory/${imageFiles.toolchain}" ]; then
      if [ -z "\${CROSS_COMPILER-set}" ] || ! find_compiler; then
        compiler=
        say 'the guest compiles alone'
      fi
    fi
    ;;
esac
if [ -n "$compiler" ]; then
  level=warning
  if [ -n "\${DISTCCD_LOG-}" ]; then
    level=info
    case $DISTCCD_LOG in /*) ;; *) DISTCCD_LOG=$PWD/$DISTCCD_LOG ;; esac
    : >>"$DISTCCD_LOG" || fail 2 "DISTCCD_LOG=$DISTCCD_LOG: cannot be written"
  fi
  processors=$(getconf _NPROCESSORS_ONLN 2>/dev/null) || processors=2
  case $processors in '' | *[!0-9]*) processors=2 ;; esac
  # Served at a time: two more than can run, for the time that they spend on their way. Good for \`make -j\` in the guest too.
  jobs=$((processors + 2))
  umask 077
  temporary=$(mktemp -d -- "\${TMPDIR:-/tmp}/dev-environment.XXXXXX") ||
    fail 1 "\${TMPDIR:-/tmp}: cannot make a directory there"
  # Until there is a server, which sees to it itself.
  trap 'rm -rf -- "$temporary"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  absolute "$temporary"
  temporary=$place
  mkdir "$temporary/server"
  # The emulator inherits descriptor 9, and nobody else keeps it. When the last holder is gone, even by kill -9, who reads
  # the other end learns of it.
  mkfifo "$temporary/lifeline"
  exec 9<>"$temporary/lifeline" 8<"$temporary/lifeline"
  umask 022
  trap - EXIT HUP INT TERM
  if port=$(serve "$compiler"); then
    say "gcc and g++ in the guest go by way of $compiler (distccd on port $port of 127.0.0.1)"
    export KERNEL_EXTRA="\${KERNEL_EXTRA:+$KERNEL_EXTRA }DISTCC_HOSTS=${hostSeenByGuest}:$port/$jobs"
  else
    say 'the guest compiles alone'
  fi
  exec 8<&-
  # Named once more, because some shells keep descriptors that exec has opened for themselves.
  exec "$directory/${imageFiles.script}" 9>&9
fi
exec "$directory/${imageFiles.script}"
`.text;
}
