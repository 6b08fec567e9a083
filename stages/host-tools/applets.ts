/**
 * The commands of the busybox that every later action runs, one a word. The recipe switches off all that is not
 * named here and compares what came out, so this table is what `bin/` holds, beside `busybox` itself.
 *
 * Left out: what another host tool brings (bash, make, xz, mke2fs …), what compilers bring (ar, strings), and what
 * no build runs (daemons, login, network, consoles, modules' loading, editors with a screen).
 */
const groups = {
  shell: 'sh ash [ [[ test true false echo printf expr seq sleep usleep yes time timeout getopt env printenv',
  files:
    'cat chgrp chmod chown cp dd fallocate install link ln ls mkdir mkfifo mknod mktemp mv readlink realpath rm rmdir ' +
    'shred split stat sync fsync touch truncate unlink du df',
  names: 'basename dirname pwd find xargs which tree',
  text:
    'awk sed grep egrep fgrep cut sort uniq comm paste tr head tail tac rev fold nl wc tee expand unexpand cmp diff ' +
    'patch ed shuf tsort dos2unix unix2dos',
  bytes:
    'od hexdump hd xxd base32 base64 uuencode uudecode cksum crc32 sum md5sum sha1sum sha256sum sha512sum sha3sum',
  arithmetic: 'bc dc factor',
  archives: 'tar cpio gzip gunzip zcat bzip2 bunzip2 bzcat unzip',
  system:
    'arch uname hostname id whoami groups logname nproc date tty ps kill nice nohup flock setsid chroot setarch linux32 ' +
    'linux64 depmod',
};

/** In code-unit order. */
export const applets: readonly string[] = Object.values(groups)
  .flatMap((names) => names.split(' '))
  .sort();
