# What composing a file system consists of. It is composed in the working directory, of /chunks/NUMBER/installed and
# /chunks/NUMBER/manifest, by root.

set -eu
umask 022
mkdir -p /tmp/owned
: >/tmp/directories

# overlay NAME: the files of /overlays/NAME win over what is there.
overlay() {
  echo "+ files of the overlay $1"
  cp -a "/overlays/$1/." .
}

# outside COMMAND: in the top directory of the file system, which need not have a shell yet.
outside() {
  printf '%s\n' "+ $1"
  sh -e -c "$1" </dev/null
}

# inside COMMAND: with the file system as root, by its own shell.
inside() {
  printf '%s\n' "+ $1"
  chroot . /bin/sh -e -c "$1" </dev/null
}

# add NUMBER ID VERSION [ARTEFACT…]: without artefacts, everything. No file may be there already.
add() {
  number=$1 id=$2 version=$3
  echo "+ $id"
  shift 3
  whole=yes
  if [ $# -gt 0 ]; then whole=no; fi
  for artefact; do
    if [ -e "/chunks/$number/manifest/splits/$artefact" ]; then cat "/chunks/$number/manifest/splits/$artefact"; fi
  done >/tmp/chosen
  awk -v whole=$whole '
    BEGIN { printf "" >"/tmp/files"; printf "" >"/tmp/own" }
    FILENAME == "/tmp/chosen" { chosen["./" $0]; path = "./" $0; while (sub("/[^/]*$", "", path)) above[path]; next }
    {
      path = substr($0, index($0, " ./") + 1)
      if (whole == "no" && !(path in chosen) && !(path in above)) next
      if ($1 !~ /^4/) { print path >"/tmp/files"; next }
      if (path in chosen) print path >"/tmp/files"
      print path >"/tmp/own"
      print $2, $3 ":" $4, path >>"/tmp/directories"
      # As tar makes those that it is not told of.
      if (whole == "no" && !(path in chosen)) print "755 0:0", path >>"/tmp/directories"
    }
  ' /tmp/chosen "/chunks/$number/installed/contents"
  while IFS= read -r path; do
    if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then
      other=$(find /tmp/owned -type f -exec grep -lxF -e "$path" {} + | head -n 1)
      echo "${path#.} is installed by $id, and ${other:+by }${other#/tmp/owned/}${other:-an overlay or a command} has made it already"
      exit 1
    fi
  done </tmp/files
  if [ $whole = yes ]; then
    tar -x -f "/chunks/$number/installed/installed.tar"
  else
    tar -x -f "/chunks/$number/installed/installed.tar" -T /tmp/files
  fi
  mkdir -p "/tmp/owned/${id%/*}"
  cp /tmp/files "/tmp/owned/$id"
  record "$@"
}

# record [ARTEFACT…]: writes what who manages packages wants to know of the chunk that was added, and then a line for each thing of
# it: d(irectory), f(ile), or c(onfiguration) with its checksum.
record() {
  place=var/lib/packages/$id
  mkdir -p "${place%/*}"
  {
    echo "version $version"
    echo "artefacts${*:+ $*}"
    sed -n 's/^  "\(needs\|provides\)": \[\(.*\)\],$/\1 \2/p' "/chunks/$number/manifest/manifest.json" | tr -d '",'
    echo
    sed 's,^\./,d ,' /tmp/own
    while IFS= read -r path; do
      case $path in
        ./etc/*)
          if [ -f "$path" ] && [ ! -L "$path" ]; then
            sum=$(sha256sum <"$path")
            printf 'c %s %s\n' "${sum%% *}" "${path#./}"
            continue
          fi
          ;;
      esac
      if [ -L "$path" ] || [ ! -d "$path" ]; then printf 'f %s\n' "${path#./}"; fi
    done </tmp/files
  } >"$place"
}

# directories: of those that several chunks have, the modes and owners of the first one count.
directories() {
  awk '
    {
      made = $1 " " $2
      path = substr($0, length(made) + 2)
      if (!(path in first)) first[path] = made
      last[path] = made
    }
    END { for (path in first) if (first[path] != last[path]) print first[path], path }
  ' /tmp/directories | while read -r mode owner path; do
    chown "$owner" "$path"
    chmod "$mode" "$path"
  done
}

# finish SECONDS ARCHIVE CONTENTS: packs it, with one time for all.
finish() {
  find . -exec touch -h -d "@$1" {} +
  find . -mindepth 1 | sort >/tmp/names
  find . -mindepth 1 -exec stat -c '%f %a %u %g %s %t %T %n' {} + | sort -k 8 >"$3"
  tar -c -f "$2" --no-recursion -T /tmp/names
}
