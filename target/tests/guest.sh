#!/bin/sh
# Checks a system image from inside its guest, where init runs this instead of a shell. Beside it lie:
#
#   settings      shell variables: nonce, arch, port, lacks, programs, musl, cross, native
#   programs/     sources of test programs, with build-program.sh beside this
#   expected/     what each has to print
#   static/ dynamic/ musl/   the same, compiled elsewhere
#
# Every check says on the console, and in /upload/results where that is there, when it begins and how it ended:
#
#   @NONCE begun ID
#   @NONCE passed ID WHAT WAS SEEN
#   @NONCE failed ID WHY
#
# and at the end `@NONCE done`. Who waits for them knows a check that hangs by the last one that began.
cd "${0%/*}" || exit
. ./settings

# The kernel's messages would come in between.
dmesg -n 1

lacks() { case " $lacks " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

results=
if ! lacks share && mountpoint -q /upload; then results=/upload/results; fi

tell() {
  printf '\n@%s %s\n' "$nonce" "$*"
  if [ -n "$results" ]; then printf '@%s %s\n' "$nonce" "$*" >>"$results"; fi
}

# check ID COMMAND…: what it prints is what was seen, or why it failed.
check() {
  id=$1
  shift
  tell begun "$id"
  if ("$@") >/tmp/said 2>&1 </dev/null; then verdict=passed; else verdict=failed; fi
  tell "$verdict" "$id" "$(tr -s '[:space:]' ' ' </tmp/said | cut -c 1-300)"
}

check_init() {
  [ "$(cat /proc/1/comm)" = init ] || {
    echo "process 1 is $(cat /proc/1/comm)"
    return 1
  }
  grep -q "^BOOTSTRAP_ARCH=$arch\$" /etc/os-release || {
    echo "this is the system of another arch: $(grep BOOTSTRAP_ARCH /etc/os-release)"
    return 1
  }
  tr '\0' ' ' </proc/1/cmdline
}

check_loopback() {
  said=$(ping -c 1 -W 60 127.0.0.1 2>&1) || {
    echo "$said"
    return 1
  }
  echo '127.0.0.1 answers'
}

check_eth0() {
  [ -e /sys/class/net/eth0 ] || {
    echo 'there is no eth0'
    return 1
  }
  address=$(ip -4 address show eth0)
  case $address in
    *'inet 10.0.2.15/'*) ;;
    *)
      echo "eth0 has no address 10.0.2.15: $address"
      return 1
      ;;
  esac
  driver=$(readlink /sys/class/net/eth0/device/driver)
  echo "10.0.2.15, driver ${driver##*/}"
}

# Of the emulator's network, 10.0.2.2 is the machine that it runs on.
check_tcp() {
  answer=$(echo "$nonce" | timeout 120 nc 10.0.2.2 "$port")
  [ "$answer" = "heard $nonce" ] || {
    echo "no answer from port $port of the host: '$answer'"
    return 1
  }
  echo "port $port of the host answers"
}

check_disk() {
  mountpoint -q /home || {
    echo 'nothing is mounted on /home'
    return 1
  }
  seq 1 300000 >/home/written || return 1
  (cd /home && sha256sum written >written.sum) || return 1
  sync
  echo "$(grep ' /home ' /proc/mounts | cut -d ' ' -f 3), $(df -P -m /home | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2) MiB"
}

check_share_in() {
  mountpoint -q /share || {
    echo 'nothing is mounted on /share'
    return 1
  }
  [ "$(cat /share/from-host)" = "$nonce" ] || return 1
  echo 'a file of the host was read'
}

check_share_out() {
  mkdir /share/from-guest && chmod 700 /share/from-guest && echo "$nonce" >/share/from-guest/file || return 1
  mv /share/from-guest/file /share/from-guest/nonce || return 1
  [ "$(cat /share/from-guest/nonce)" = "$nonce" ] || return 1
  echo 'a file was left for the host'
}

check_entropy() {
  [ "$(timeout 120 head -c 32 /dev/random | wc -c)" -eq 32 ] || {
    echo 'no random bytes came within two minutes'
    return 1
  }
  echo "$(cat /proc/sys/kernel/random/entropy_avail) bits"
}

# run_program DIRECTORY NAME: what it prints has to be what is expected.
run_program() {
  LD_LIBRARY_PATH=$1 timeout 1800 "$1/$2" >/tmp/output 2>/tmp/errors </dev/null
  status=$?
  if [ "$status" -ne 0 ]; then
    echo "${1##*/}: ended with status $status: $(tail -n 2 /tmp/output) $(tail -n 2 /tmp/errors)"
    return 1
  fi
  cmp -s "expected/$2" /tmp/output || {
    echo "${1##*/}: - is expected, + was printed: $(diff "expected/$2" /tmp/output | grep '^[-+][^-+]' | head -n 4)"
    return 1
  }
}

check_cross() {
  run_program static "$1" && run_program dynamic "$1" && echo 'static, dynamic'
}

check_musl() {
  said=$(timeout 1800 "musl/$1" 2>&1)
  status=$?
  [ "$status" -eq 0 ] || echo "ended with status $status"
  echo "$said"
  return "$status"
}

check_native() {
  [ -x /toolchain/bin/gcc ] || {
    echo 'there is no /toolchain/bin/gcc'
    return 1
  }
  for mode in static dynamic; do
    sh ./build-program.sh "$1" programs "$work" "$mode" || return 1
    run_program "$work/$mode" "$1" || return 1
  done
  rm -f "$work"/*/"$1" "$work"/*/"$1".o
  echo 'static, dynamic'
}

check kernel uname -srm
check init check_init
check clock date +%s
check loopback check_loopback
if ! lacks network; then
  check eth0 check_eth0
  check tcp check_tcp
fi
if ! lacks disk; then check disk check_disk; fi
if ! lacks share; then
  check share-in check_share_in
  check share-out check_share_out
fi
check entropy check_entropy
if [ "$cross" = yes ]; then
  for name in $programs; do check "cross:$name" check_cross "$name"; done
  for name in $musl; do check "musl:$name" check_musl "$name"; done
fi
if [ "$native" = yes ]; then
  work=/tmp/native
  if mountpoint -q /home; then work=/home/native; fi
  export CC=gcc CXX=g++
  for name in $programs; do check "native:$name" check_native "$name"; done
fi
tell done
