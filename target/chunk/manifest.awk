# Writes the manifest of an installation to standard output, and in the working directory a file for each artefact, with the paths
# that belong to it. The first rule that fits a path wins. A directory belongs to an artefact with what lies in it; one in which
# nothing lies is split like a file.
#
#   awk -v chunk=ID -v arch=NAME -v requires='NAME NAME' -f manifest.awk RULES LINKS SUMS NEEDS CONTENTS
#
#   RULES     lines ARTEFACT<tab>EXPRESSION
#   LINKS     lines PATH<tab>TARGET
#   SUMS      as sha256sum writes them
#   NEEDS     as needs.awk writes them
#   CONTENTS  lines `stat -c '%f %a %u %g %s %t %T %n'`, in order of name; names begin with ./

function fail(text) {
  print text >"/dev/stderr"
  failed = 1
  exit 1
}
function quoted(text) {
  gsub(/\\/, "\\\\", text)
  gsub(/"/, "\\\"", text)
  return "\"" text "\""
}
function after(text, mark) {
  return substr(text, index(text, mark) + 1)
}
function before(text, mark) {
  return substr(text, 1, index(text, mark) - 1)
}
function artefact_of(path, n) {
  for (n = 1; n <= rules; n++) if (path ~ expressions[n]) return artefacts[n]
  fail("no rule says which artefact " path " belongs to")
}
function list(kind, n, text) {
  for (n = 1; n <= needs; n++) if (kinds[n] == kind) text = text (text == "" ? "" : ", ") quoted(names[n])
  return "[" text "]"
}
function words(line, parts, n, text) {
  n = split(line, parts, " ")
  for (line = 1; line <= n; line++) text = text (text == "" ? "" : ", ") quoted(parts[line])
  return "[" text "]"
}

FILENAME == ARGV[1] {
  artefacts[++rules] = before($0, "\t")
  expressions[rules] = "^(" after($0, "\t") ")$"
  next
}
FILENAME == ARGV[2] {
  targets[before($0, "\t")] = after($0, "\t")
  next
}
FILENAME == ARGV[3] {
  # A name with a backslash has one before the sum.
  if (sub(/^\\/, "")) gsub(/\\\\/, "\\")
  sums[substr($0, 67)] = substr($0, 1, 64)
  next
}
FILENAME == ARGV[4] {
  kinds[++needs] = $1
  names[needs] = after($0, " ")
  next
}
{
  path = after($0, " ./")
  if (path ~ /[\001-\037]/) fail("a file that is installed has a control character in its name: " path)
  if ($1 !~ /^[2468a]/) fail("a pipe or socket is installed: " path)
  parent = path
  sub("/[^/]*$", "", parent)
  filled[parent] = 1
  paths[++count] = path
  types[count] = substr($1, 1, 1)
  modes[count] = $2
  uids[count] = $3
  gids[count] = $4
  sizes[count] = $5
  devices[count] = "\"0x" $6 ":0x" $7 "\""
}
END {
  if (failed) exit 1
  print "{"
  print "  \"format\": 1,"
  print "  \"chunk\": " quoted(chunk) ","
  print "  \"arch\": " quoted(arch) ","
  print "  \"needs\": " list("needs") ","
  print "  \"provides\": " list("provides") ","
  print "  \"requires\": " words(requires) ","
  print "  \"interpreters\": " list("interpreter") ","
  printf "  \"files\": ["
  for (n = 1; n <= count; n++) {
    path = paths[n]
    shown = substr(path, 3)
    type = types[n]
    name = ""
    if (type != "4" || !(path in filled)) {
      name = artefact_of(shown)
      if (failed) exit 1
      print shown >name
    }
    printf "%s\n    { \"path\": %s", (n > 1 ? "," : ""), quoted(shown)
    if (type == "8") printf ", \"type\": \"file\", \"size\": %s, \"sha256\": %s", sizes[n], quoted(sums[path])
    if (type == "a") printf ", \"type\": \"symlink\", \"target\": %s", quoted(targets[path])
    if (type == "4") printf ", \"type\": \"directory\""
    if (type == "2") printf ", \"type\": \"character device\", \"device\": %s", devices[n]
    if (type == "6") printf ", \"type\": \"block device\", \"device\": %s", devices[n]
    printf ", \"mode\": \"%s\", \"uid\": %s, \"gid\": %s", modes[n], uids[n], gids[n]
    if (name != "") printf ", \"artifact\": %s", quoted(name)
    printf " }"
  }
  print "\n  ]"
  print "}"
}
