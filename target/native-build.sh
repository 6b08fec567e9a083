#!/bin/sh
# Builds unattended: boots the system image that this lies in, lets the init of a control image do its work
# there, and brings back what it leaves in /upload.
#
#   native-build.sh CONTROL [UPLOAD_DIR]
#
#   CONTROL       a directory or tar archive with an executable `init` at its top, which the guest has on /mnt; packing
#                 it takes mksquashfs. Or the same as a squashfs file (gzip), which takes nothing.
#   UPLOAD_DIR    what the guest has on /upload (./upload). Made if missing, and never emptied.
#
#   GUEST_CONSOLE     file for all that the guest says (UPLOAD_DIR.log)
#   GUEST_TIME_LIMIT  seconds after which the guest is ended (43200)
#   GUEST_HOME        scratch disk for the guest's /home, a file; if not set, a fresh one that is removed afterwards
#   GUEST_HOME_SIZE   MiB of that (4096); it takes room on this machine as it fills
#   TMPDIR            where temporary files lie (/tmp)
#   and everything that dev-environment.sh takes.
#
# Ends with the exit status of the control image's init. If there is none, with
#   2 wrong use, nothing was booted; 124 time limit; 125 the guest did not start or came to no end; 127 a program is
#   missing; 128+N ended by signal N
set -eu

say() { printf '%s\n' "native-build.sh: $*"; }
fail() {
  say "$2" >&2
  exit "$1"
}

guest=
waited=no
scratch=

# In a session of its own the guest is a process group with all that it starts, and Ctrl-C reaches it by way of this
# script. Once it was waited for, its number may be another's, but not while the group has members.
signal_guest() {
  kill -s "$1" -- "-$guest" 2>/dev/null || { [ "$waited" = no ] && kill -s "$1" "$guest" 2>/dev/null; }
}
end_guest() {
  [ -n "$guest" ] || return 0
  signal_guest TERM || :
  seconds=0
  while [ "$seconds" -lt 30 ] && signal_guest 0; do
    sleep 1
    seconds=$((seconds + 1))
  done
  signal_guest KILL || :
  [ "$waited" = yes ] || wait "$guest" 2>/dev/null || :
  guest=
}
clean_up() {
  trap '' HUP INT TERM
  end_guest
  [ -n "$scratch" ] || return 0
  chmod -R u+rwX "$scratch" && rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

self=$0
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  # A name may end with a line break, which the shell would drop at the end of what it reads.
  link=$(readlink -- "$self" && echo .)
  link=${link%??}
  case $link in
    /*) self=$link ;;
    *) self=${self%/*}/$link ;;
  esac
done
directory=$(CDPATH= cd -P -- "${self%/*}/" && pwd -P && echo .)
directory=${directory%??}
start=$directory/dev-environment.sh
[ -x "$start" ] || start=$directory/run-emulator.sh
[ -x "$start" ] || fail 125 "$start is missing; unpack the system image again"

case $# in
  1 | 2) ;;
  *) fail 2 'usage: native-build.sh CONTROL [UPLOAD_DIR]' ;;
esac
control=$1
upload=${2:-upload}
# As an operand of any program it begins with no hyphen.
case $control in /*) ;; *) control=$PWD/$control ;; esac
case $upload in /*) ;; *) upload=$PWD/$upload ;; esac
while [ "$upload" != "${upload%/}" ]; do upload=${upload%/}; done
log=${GUEST_CONSOLE:-$upload.log}

limit=${GUEST_TIME_LIMIT:-43200}
case $limit in
  0* | *[!0-9]* | ?????????*) fail 2 "GUEST_TIME_LIMIT=$limit: must be a number of seconds" ;;
esac
size=${GUEST_HOME_SIZE:-4096}
case $size in
  0* | *[!0-9]* | ????????*) fail 2 "GUEST_HOME_SIZE=$size: must be a number of MiB" ;;
esac
case " ${KERNEL_EXTRA-} " in
  *' HANDOFF='*) fail 2 'KERNEL_EXTRA: HANDOFF= would run instead of the control image' ;;
esac

# Byte $2 of the file $1, and as many as $3 says, in decimal.
bytes() { od -A n -t u1 -j "$2" -N "$3" <"$1" | tr -s ' \n' '  ' | sed 's/^ //; s/ $//'; }

if [ -d "$control" ]; then
  kind=directory
elif [ ! -f "$control" ]; then
  fail 2 "$1: no such file or directory"
elif [ "$(bytes "$control" 0 4)" = '104 115 113 115' ]; then
  kind=squashfs
  [ "$(bytes "$control" 20 2)" = '1 0' ] || fail 2 "$1: the guest reads squashfs with gzip compression only"
else
  kind=archive
fi
if [ "$kind" != squashfs ] && ! command -v mksquashfs >/dev/null 2>&1; then
  fail 127 'mksquashfs is not installed; on Debian: apt install squashfs-tools'
fi

umask 077
scratch=$(mktemp -d -- "${TMPDIR:-/tmp}/native-build.XXXXXX") || fail 125 "${TMPDIR:-/tmp}: cannot make a directory there"
case $scratch in /*) ;; *) scratch=$PWD/$scratch ;; esac

if [ "$kind" = archive ]; then
  mkdir "$scratch/control"
  tar -xpf "$control" -C "$scratch/control" 2>"$scratch/errors" || {
    sed 's/^/  | /' "$scratch/errors" >&2
    fail 2 "$1: neither a directory, nor a tar archive that can be unpacked, nor squashfs"
  }
  control=$scratch/control
  # An archive may hold everything in one directory.
  if [ ! -e "$control/init" ]; then
    set -- "$1" "$control"/* "$control"/.[!.]*
    if [ $# -eq 3 ] && [ -d "$2" ] && [ ! -e "$3" ]; then control=$2; fi
  fi
fi
if [ "$kind" != squashfs ]; then
  [ -e "$control/init" ] || fail 2 "$1: has no init, which is what the guest would run"
  if [ ! -f "$control/init" ] || [ ! -x "$control/init" ]; then
    fail 2 "$1: its init is no executable file (chmod +x init)"
  fi
  mksquashfs "$control" "$scratch/control.sqf" -noappend -no-progress -all-root -no-xattrs -comp gzip -exit-on-error \
    >"$scratch/errors" 2>&1 || {
    tail -n 10 "$scratch/errors" | sed 's/^/  | /' >&2
    fail 125 "$1: mksquashfs could not pack it"
  }
  control=$scratch/control.sqf
fi

if [ -z "${GUEST_HOME-}" ]; then
  GUEST_HOME=$scratch/home
  dd if=/dev/null of="$GUEST_HOME" bs=1048576 seek="$size" 2>/dev/null ||
    fail 125 "$GUEST_HOME: cannot make a scratch disk of $size MiB there; name another place with TMPDIR"
fi

umask 022
mkdir -p "$upload" 2>/dev/null && [ -w "$upload" ] || fail 2 "$upload: no directory that can be written"
rm -f "$upload/.exit-status" "$upload/.virtfs_metadata/.exit-status"
: >"$log" || fail 2 "$log: cannot be written"

export GUEST_HOME GUEST_CONTROL="$control" GUEST_UPLOAD="$upload"
set -- "$start"
# It ends with this script, also when that is killed.
# A shell that has commands built in may have one of this name without the option.
for setpriv in setpriv /usr/bin/setpriv; do
  if "$setpriv" --pdeathsig TERM true 2>/dev/null; then
    set -- "$setpriv" --pdeathsig TERM "$@"
    break
  fi
done
if command -v setsid >/dev/null 2>&1; then set -- setsid "$@"; fi
say "the guest works; its console is in $log"
"$@" </dev/null >"$log" 2>&1 &
guest=$!

# KiB that are free where the scratch disk lies. When nothing is, the emulator makes its guest stand still, forever.
room() { df -P -k -- "$GUEST_HOME" | tail -n 1 | sed 's/.* \([0-9][0-9]*\)  *[0-9]*% .*/\1/'; }

began=$(date +%s)
looks=0
verdict=ended
while kill -0 "$guest" 2>/dev/null; do
  if [ $(($(date +%s) - began)) -ge "$limit" ]; then
    verdict=late
    break
  fi
  if [ $((looks % 10)) -eq 0 ] && [ "$(room)" -lt 1024 ] 2>/dev/null; then
    verdict=full
    break
  fi
  looks=$((looks + 1))
  sleep 1
done
if [ "$verdict" = ended ]; then
  code=0
  wait "$guest" || code=$?
  waited=yes
fi
end_guest

status=
[ ! -r "$upload/.exit-status" ] || status=$(cat "$upload/.exit-status")
case $status in
  0)
    say "init ended well; what it left is in $upload"
    exit 0
    ;;
  [1-9] | [1-9][0-9] | [12][0-9][0-9]) what="init ended with status $status" ;;
  *)
    status=125
    if [ "$verdict" = late ]; then
      status=124
      what="the guest was ended after $limit seconds, the time limit (GUEST_TIME_LIMIT)"
    elif [ "$verdict" = full ]; then
      what="there is no room left on this machine for the guest's scratch disk, $GUEST_HOME; the guest was ended"
    elif grep -q '^init: the control image has no init' "$log"; then
      status=2
      what='the control image has no init'
    elif grep -q '^init: cannot mount the control image' "$log"; then
      status=2
      what='the guest cannot mount the control image'
    else
      what="the guest ended before init did, the emulator with code $code"
      # What run-emulator.sh refuses, and what it misses.
      case $code in 2 | 127) status=$code ;; esac
    fi
    ;;
esac
{
  say "$what; the end of its console, which is in $log:"
  tr -d '\000-\010\013-\037\177' <"$log" | tail -n 30 | sed 's/^/  | /'
} >&2
exit "$status"
