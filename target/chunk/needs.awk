# Reads what `readelf -dl` says of programs and libraries; prints a line `KIND NAME` for each library that is needed (needs), each
# name by which others need one (provides), and each dynamic loader (interpreter).

function bracketed(text) {
  sub(/^[^[]*\[/, "", text)
  sub(/\].*$/, "", text)
  return text
}
/\(NEEDED\)/ { print "needs", bracketed($0) }
/\(SONAME\)/ { print "provides", bracketed($0) }
/Requesting program interpreter/ {
  sub(/.*interpreter: /, "")
  sub(/\]$/, "")
  print "interpreter", $0
}
