#!/bin/sh
# Builds one test program, with whichever compiler CC and CXX name.
#
#   build-program.sh NAME SOURCES OUT static|dynamic
#
# The source is SOURCES/NAME.c or .cc. NAME-library beside it becomes a shared library where the program is dynamic. Objects are
# compiled once for both; the program lands in OUT/static or OUT/dynamic. The one called "position" is position independent, and
# its stacks are guarded.
set -eu

name=$1
sources=$2
out=$3
mode=$4
objects=$out/objects
mkdir -p "$objects" "$out/$mode"

if [ -e "$sources/$name.cc" ]; then
  compiler=$CXX
  suffix=cc
else
  compiler=$CC
  suffix=c
fi

guard=
position=
pie=
if [ "$name" = position ]; then
  guard=-fstack-protector-strong
  position=-fPIE
  case $mode in
    static) pie=-static-pie ;;
    dynamic) pie=-pie ;;
  esac
fi

# 64-bit offsets and times, for C libraries of 32-bit machines that have others too.
object() {
  [ -e "$objects/$1.o" ] ||
    $compiler -O2 -pthread -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 $2 -c -o "$objects/$1.o" "$sources/$1.$suffix"
}

object "$name" "$guard $position"
set -- "$objects/$name.o"
if [ -e "$sources/$name-library.$suffix" ]; then
  object "$name-library" "$guard -fPIC"
  if [ "$mode" = dynamic ]; then
    $compiler -s -shared -o "$out/dynamic/lib$name.so" "$objects/$name-library.o"
    set -- "$@" -L"$out/dynamic" "-l$name"
  else
    set -- "$@" "$objects/$name-library.o"
  fi
fi
if [ "$mode" = static ] && [ -z "$pie" ]; then set -- -static "$@"; fi
$compiler $pie -s -pthread -o "$out/$mode/$name" "$@" -lm -latomic
