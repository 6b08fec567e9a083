#!/bin/sh
# Manages packages in a running system, by its root; what it needs comes with it.
#
#   package.sh install DIRECTORY   installs what lies there, or replaces what was installed before: `list` has lines
#                                  NUMBER ID VERSION [ARTEFACT…], and there are NUMBER/installed and NUMBER/manifest
#   package.sh remove ID…
#   package.sh list                a line for each package: ID VERSION CHECKSUM [ARTEFACT…]
#
# Files in /etc that differ from what was installed stay when their package is replaced or removed; the new one is then
# called NAME.new.

set -eu
here=${0%/*}
records=var/lib/packages
cd "${ROOT:-/}"

# fields ID NAME: what the record of a package says.
fields() {
  sed -n -e '/^$/q' -e "s/^$2 //p" "$records/$1"
}

installed() {
  if [ -d "$records" ]; then (cd "$records" && find . -type f | sed 's,^\./,,' | sort); fi
}

# keep ID: puts configuration that was changed aside.
keep() {
  sed -n 's/^c //p' "$records/$1" | while read -r sum path; do
    if [ ! -f "$path" ] || [ -L "$path" ]; then continue; fi
    now=$(sha256sum <"$path")
    if [ "${now%% *}" = "$sum" ]; then continue; fi
    mkdir -p "$work/kept/${path%/*}"
    mv "$path" "$work/kept/$path"
  done
}

# restore: what was put aside comes back.
restore() {
  if [ ! -d "$work/kept" ]; then return; fi
  (cd "$work/kept" && find . -type f) | while IFS= read -r path; do
    if [ -e "$path" ]; then
      mv "$path" "$path.new"
      echo "  ${path#.} was changed, and stays; the new one is ${path#.}.new"
    fi
    mkdir -p "${path%/*}"
    mv "$work/kept/$path" "$path"
  done
  rm -r "$work/kept"
}

# clear RECORD: removes the files of a package.
clear() {
  sed -n -e 's/^f /.\//p' -e 's/^c [0-9a-f]* /.\//p' "$1" | while IFS= read -r path; do
    if [ -L "$path" ] || [ ! -d "$path" ]; then rm -f "$path"; fi
  done
}

# sweep RECORD: removes its directories that nobody else has and in which nothing is left.
sweep() {
  sed -n 's/^d /.\//p' "$1" | sort -r | while IFS= read -r path; do
    if [ -L "$path" ] || [ ! -d "$path" ]; then continue; fi
    if grep -rqxF -e "d ${path#./}" "$records"; then continue; fi
    rmdir "$path" 2>/dev/null || :
  done
}

install() {
  chunks=$1
  work=$here/work
  mkdir "$work"
  . "$here/install.sh"
  for id in $(installed); do
    mkdir -p "$work/owned/${id%/*}"
    sed -n -e 's/^f /.\//p' -e 's/^c [0-9a-f]* /.\//p' "$records/$id" >"$work/owned/$id"
  done
  # Nothing is changed before everything is known to fit.
  while read -r number id version artefacts; do
    choose "$number" $artefacts
    : >"$work/old"
    if [ -e "$work/owned/$id" ]; then cat "$work/owned/$id" >"$work/old"; fi
    check "$id" "$work/old"
    while IFS= read -r path; do
      if [ -d "$path" ] && [ ! -L "$path" ] && awk -v path="$path" '
        substr($0, index($0, " ./") + 1) == path { found = $1 !~ /^4/ } END { exit !found }' "$chunks/$number/installed/contents"; then
        echo "${path#.} is a directory here, and something else in $id: this is no system of such packages"
        exit 1
      fi
    done <"$work/files"
  done <"$chunks/list"
  : >"$work/directories"
  while read -r number id version artefacts; do
    choose "$number" $artefacts
    verb=installed
    if [ -e "$records/$id" ]; then
      verb="replaced $(fields "$id" version) by"
      cp "$records/$id" "$work/before"
      keep "$id"
      clear "$records/$id"
    fi
    unpack "$number"
    record "$number" "$id" "$version" $artefacts
    if [ "$verb" != installed ]; then sweep "$work/before"; fi
    echo "$id: $verb $version"
    restore
  done <"$chunks/list"
  directories
}

remove() {
  work=$here/work
  mkdir "$work"
  for id; do
    if [ ! -e "$records/$id" ]; then
      echo "$id is not installed"
      exit 1
    fi
  done
  # Libraries that nobody else has when these are gone.
  for other in $(installed); do
    case " $* " in *" $other "*) ;; *) fields "$other" provides | tr ' ' '\n' ;; esac
  done | sort -u >"$work/left"
  for other in $(installed); do
    case " $* " in *" $other "*) continue ;; esac
    for library in $(fields "$other" needs); do
      if grep -qxF -e "$library" "$work/left"; then continue; fi
      for id; do
        case " $(fields "$id" provides) " in
          *" $library "*)
            echo "$other needs $library of $id"
            exit 1
            ;;
        esac
      done
    done
  done
  # Packages that others say they need when they run, by their names without the stratum.
  for other in $(installed); do
    case " $* " in *" $other "*) ;; *) echo "${other##*/}" ;; esac
  done >"$work/left"
  for other in $(installed); do
    case " $* " in *" $other "*) continue ;; esac
    for name in $(fields "$other" requires); do
      if grep -qxF -e "$name" "$work/left"; then continue; fi
      for id; do
        if [ "${id##*/}" = "$name" ]; then
          echo "$other needs $id when it runs"
          exit 1
        fi
      done
    done
  done
  for id; do
    keep "$id"
    cp "$records/$id" "$work/before"
    clear "$records/$id"
    rm "$records/$id"
    restore
    sweep "$work/before"
    rmdir "$records/${id%/*}" 2>/dev/null || :
    echo "$id: removed"
  done
}

case $1 in
  install) install "$2" ;;
  remove)
    shift
    remove "$@"
    ;;
  list)
    for id in $(installed); do
      echo "$id $(fields "$id" version) $(fields "$id" manifest) $(fields "$id" artefacts)"
    done
    ;;
esac
