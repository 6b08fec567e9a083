# Fractions of seconds, by the commands of a guest: times.sh DIRECTORY PAX-TARBALL [MAKE]. The tarball holds a file `packed` of
# 2023-11-14 22:13:20.123456789; the directory is on the file system in question.
set -eu
tarball=$2
make=${3-}

fail() {
  echo "$1" >&2
  exit 1
}
time_of() { stat -c %y "$1"; }
same() { [ "$(time_of "$1")" = "$(time_of "$2")" ] || fail "$3: $(time_of "$1") has become $(time_of "$2")"; }

# On the other side for mv.
far=$(mktemp -d /run/times-XXXXXX)
mkdir -p "$1"
cd "$1"

tar -x -f "$tarball"
[ "$(TZ=UTC0 time_of packed)" = '2023-11-14 22:13:20.123456789 +0000' ] || fail "tar: $(time_of packed)"

mkdir tree
echo a >tree/a
ln -s a tree/link
for name in tree/a tree; do touch -r packed $name; done
same packed tree/a touch
cp -p tree/a copy
same packed copy 'cp -p'
install -p tree/a installed
same packed installed 'install -p'
cp -a tree archive
for name in a link .; do same tree/$name archive/$name "cp -a: $name"; done
busybox cp -a tree "$far/archive"
for name in a link .; do same tree/$name "$far/archive/$name" "cp -a elsewhere: $name"; done
cp -p tree/a "$far/moved"
mv "$far/moved" moved
same packed moved 'mv from elsewhere'
toybox cp -p tree/a toybox
same packed toybox "toybox's cp -p"

# Two of the same second.
newer_by_less() {
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    echo older >older
    sleep 0.05
    echo newer >newer
    if [ "$(stat -c %Y older)" = "$(stat -c %Y newer)" ]; then return 0; fi
  done
  return 1
}
newer_by_less || fail 'no two files are of the same second'
for shell in 'busybox sh' bash; do
  for test in 'newer -nt older' 'older -ot newer'; do
    $shell -c "[ $test ]" || fail "$shell: $test is false"
    $shell -c "[[ $test ]]" || fail "$shell: $test is false in [["
  done
  for test in 'older -nt newer' 'newer -ot older' 'newer -nt newer' 'newer -ot newer' 'copy -nt packed' 'copy -ot packed'; do
    ! $shell -c "[ $test ]" || fail "$shell: $test is true"
  done
done
busybox test newer -nt older || fail 'test: newer -nt older is false'
! busybox test older -nt newer || fail 'test: older -nt newer is true'
[ "$(find older newer -newer older)" = newer ] || fail "find -newer: $(find older newer -newer older)"
[ "$(find newer -newer newer)" = '' ] || fail 'find -newer: newer than itself'
[ "$(ls -t older newer | head -n 1)" = newer ] || fail 'ls -t: another order'
ls --full-time newer | grep -q -F "$(time_of newer)" || fail "ls --full-time: $(ls --full-time newer)"
cp -p older target
cp -u newer target
[ "$(cat target)" = newer ] || fail 'cp -u: not copied'
cp -u older target
[ "$(cat target)" = newer ] || fail 'cp -u: an older one was copied'

if [ -n "$make" ]; then
  printf 'b: older\n\tcp -p older b\nc: older\n\tinstall -p older c\n' >Makefile
  $make -s b c
  $make -q b c || fail 'make: what was copied is not up to date'
fi
echo good
