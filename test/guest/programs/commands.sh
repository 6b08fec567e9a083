# Commands of the root filesystem that need something of the kernel: commands.sh DIRECTORY
set -eu

fail() {
  echo "$1" >&2
  exit 1
}
directory=$(mktemp -d "$1/commands-XXXXXX")
cd "$directory"

mkdir watched
inotifyd - watched:n >events &
watcher=$!
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1
  echo >"watched/$attempt"
  if grep -q watched events; then break; fi
done
kill $watcher
grep -q watched events || fail 'inotifyd saw nothing'

name=$(hostname)
[ "$(unshare -u sh -c 'hostname other && hostname')" = other ] || fail 'unshare -u'
[ "$(hostname)" = "$name" ] || fail 'unshare -u: the name has changed for all'
[ "$(unshare -p -f --mount-proc sh -c 'echo $$; ls -d /proc/[2-9]* | wc -l' | head -n 1)" = 1 ] || fail 'unshare -p'
[ "$(unshare -n ip link show | grep -c '^[0-9]')" = 1 ] || fail 'unshare -n'
unshare -i ipcs >/dev/null || fail 'unshare -i'
unshare -m sh -c 'mount -t tmpfs none watched' || fail 'unshare -m'
[ -e watched/1 ] || fail 'unshare -m: mounted for all'
[ "$(su -s /bin/sh nobody -c 'unshare -U -r id -u')" = 0 ] || fail 'unshare -U -r'

unshare -u sh -c 'hostname inner && touch there && exec sleep 1000' &
sleeper=$!
until [ -e there ]; do sleep 1; done
[ "$(nsenter -t $sleeper -u hostname)" = inner ] || fail 'nsenter -u'
kill $sleeper

tunctl -t tap9 >/dev/null || fail tunctl
brctl addbr bridge9 || fail brctl
brctl addif bridge9 tap9 || fail 'brctl addif'
ip link set tap9 up
vconfig add tap9 5 >/dev/null || fail vconfig
ip link add link tap9 name vlan9 type vlan id 7 || fail 'ip link add type vlan'
ip rule add from 192.0.2.1 table 7 || fail 'ip rule'
ip rule del from 192.0.2.1 table 7
ip link del vlan9
ip link set tap9 down
brctl delbr bridge9
tunctl -d tap9 >/dev/null

dd if=/dev/zero of=disk bs=1M count=8 2>/dev/null
for type in vfat minix ext2; do
  "mkfs.$type" disk >/dev/null 2>&1 || fail "mkfs.$type"
  mount -o loop -t $type disk watched || fail "mount -t $type"
  echo hello >watched/file
  umount watched
  mount -o loop -t $type disk watched
  [ "$(cat watched/file)" = hello ] || fail "$type: another content"
  umount watched
done

cd /
rm -r "$directory"
echo good
