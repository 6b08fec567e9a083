# What installing chunks into the file system in the working directory consists of, by root. Whoever reads this has set
#   chunks  directory with NUMBER/installed and NUMBER/manifest of each chunk
#   work    empty directory for notes

umask 022
mkdir -p "$work/owned"
: >"$work/directories"

# overlay DIRECTORY: its files win over what is there.
overlay() {
  echo "+ files of ${1#/}"
  cp -a "$1/." .
}

# outside COMMAND: in the top directory of the file system, which need not have a shell yet.
outside() {
  printf '%s\n' "+ $1"
  sh -e -c "$1" </dev/null
}

# inside COMMAND: with the file system as root, by its own shell and with its own programs.
chroot=$(command -v chroot || :)
inside() {
  printf '%s\n' "+ $1"
  PATH=/usr/sbin:/usr/bin:/sbin:/bin "$chroot" . /bin/sh -e -c "$1" </dev/null
}

# choose NUMBER [ARTEFACT…]: notes what these artefacts install; without any, all. In files what is no directory, or an empty one,
# in own its directories.
choose() {
  number=$1
  shift
  whole=yes
  if [ $# -gt 0 ]; then whole=no; fi
  for artefact; do
    if [ -e "$chunks/$number/manifest/splits/$artefact" ]; then cat "$chunks/$number/manifest/splits/$artefact"; fi
  done >"$work/chosen"
  awk -v whole=$whole -v work="$work" '
    BEGIN { printf "" >(work "/files"); printf "" >(work "/own") }
    FILENAME == work "/chosen" { chosen["./" $0]; path = "./" $0; while (sub("/[^/]*$", "", path)) above[path]; next }
    {
      path = substr($0, index($0, " ./") + 1)
      if (whole == "no" && !(path in chosen) && !(path in above)) next
      if ($1 !~ /^4/) { print path >(work "/files"); next }
      if (path in chosen) print path >(work "/files")
      print path >(work "/own")
      print $2, $3 ":" $4, path >>(work "/directories")
      # As tar makes those that it is not told of.
      if (whole == "no" && !(path in chosen)) print "755 0:0", path >>(work "/directories")
    }
  ' "$work/chosen" "$chunks/$number/installed/contents"
}

# check ID [FILE]: fails if what was chosen is there already, and is no line of FILE.
check() {
  while IFS= read -r path; do
    if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then
      if [ -n "${2-}" ] && grep -qxF -e "$path" "$2"; then continue; fi
      other=$(find "$work/owned" -type f -exec grep -lxF -e "$path" {} + | head -n 1)
      other=${other#"$work/owned/"}
      echo "${path#.} is installed by $1, and was by ${other:-something else}"
      return 1
    fi
  done <"$work/files"
}

# unpack NUMBER: what was chosen.
unpack() {
  if [ $whole = yes ]; then
    tar -x -f "$chunks/$1/installed/installed.tar"
  else
    tar -x -f "$chunks/$1/installed/installed.tar" -T "$work/files"
  fi
}

# add NUMBER ID VERSION [ARTEFACT…]: without artefacts, everything. No file may be there already.
add() {
  number=$1 id=$2 version=$3
  echo "+ $id"
  shift 3
  choose "$number" "$@"
  check "$id"
  unpack "$number"
  mkdir -p "$work/owned/${id%/*}"
  cp "$work/files" "$work/owned/$id"
  record "$number" "$id" "$version" "$@"
}

# record NUMBER ID VERSION [ARTEFACT…]: writes what who manages packages wants to know of what was chosen, and then a line for each
# thing of it: d(irectory), f(ile), or c(onfiguration) with its checksum.
record() {
  number=$1 id=$2 version=$3
  shift 3
  manifest=$chunks/$number/manifest/manifest.json
  mkdir -p "var/lib/packages/${id%/*}"
  {
    echo "version $version"
    echo "artefacts${*:+ $*}"
    sum=$(sha256sum <"$manifest")
    echo "manifest ${sum%% *}"
    sed -n 's/^  "\(needs\|provides\|requires\)": \[\(.*\)\],$/\1 \2/p' "$manifest" | tr -d '",'
    echo
    sed 's,^\./,d ,' "$work/own"
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
    done <"$work/files"
  } >"var/lib/packages/$id"
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
  ' "$work/directories" | while read -r mode owner path; do
    chown "$owner" "$path"
    chmod "$mode" "$path"
  done
}

# finish SECONDS ARCHIVE CONTENTS: packs the file system, with one time for all.
finish() {
  find . -exec touch -h -d "@$1" {} +
  find . -mindepth 1 | sort >"$work/names"
  find . -mindepth 1 -exec stat -c '%f %a %u %g %s %t %T %n' {} + | sort -k 8 >"$3"
  tar -c -f "$2" --no-recursion -T "$work/names"
}
