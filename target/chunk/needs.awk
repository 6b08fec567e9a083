# Reads what `readelf -dl` says of programs and libraries; prints a line `KIND NAME` for each library that is needed (needs), each
# name by which others need one (provides), and each dynamic loader (interpreter).

function bracketed(text) {
  sub(/^[^[]*\[/, "", text)
  sub(/\].*$/, "", text)
  return text
}
# A library that has no name of its own goes by that of its file: perl's is one.
function flush() {
  if (file ~ /^lib.*\.so/ && dynamic && !named) print "provides", file
  dynamic = named = 0
}
/^File: / {
  flush()
  file = $0
  sub(/.*\//, "", file)
}
/^Dynamic section/ { dynamic = 1 }
/\(SONAME\)/ { named = 1 }
/\(NEEDED\)/ { print "needs", bracketed($0) }
/\(SONAME\)/ { print "provides", bracketed($0) }
/Requesting program interpreter/ {
  sub(/.*interpreter: /, "")
  sub(/\]$/, "")
  print "interpreter", $0
}
END { flush() }
