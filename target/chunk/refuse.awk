# Refuses an installation that cannot be the root of what is built with it: says which files are where none may be, and fails.
#
#   awk -v names='NAME NAME' -f refuse.awk CONTENTS
#
#   names     directories of the root that belong to whoever builds, and have to be empty; devices do not count
#   CONTENTS  lines `stat -c '%f %a %u %g %s %t %T %n'`; names begin with ./

function refuse(paths, many, why, n) {
  if (!many) return
  print "It installs " (many == 1 ? "a file" : many " files") " " why
  for (n = 1; n <= many && n <= 5; n++) print "  " paths[n]
  if (many > 5) print "  and " (many - 5) " more"
  failed = 1
}
BEGIN {
  count = split(names, list, " ")
  for (n = 1; n <= count; n++) reserved[list[n]] = 1
}
$1 ~ /^[26]/ { next }
{
  path = substr($0, index($0, " ./") + 3)
  first = path
  sub("/.*", "", first)
  if (first in reserved) {
    if (path != first || $1 !~ /^4/) own[++owns] = "/" path
  } else if (path == first && $1 !~ /^[4a]/) top[++tops] = "/" path
}
END {
  refuse(top, tops, "in the top directory of the system, where there may be directories and links only:")
  refuse(own, owns, "in directories that belong to whoever builds, or runs, what is built with it:")
  exit failed
}
