/*
 * Lends a directory that belongs to root to another user within one mount namespace: a mount with mapped ids (Linux 5.12 and
 * later, on file systems that support it). On disk, existing and new files belong to root.
 */
#define _GNU_SOURCE
#include "enter.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Headers may be older than the kernel. These numbers are the same on every processor except alpha. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

enum { clone_tree = 1, take_empty_path = 4, take_submounts = 0x8000, empty_path = 0x1000, map_attribute = 0x100000 };

struct attributes {
  uint64_t set, clear, propagation, user_namespace;
};

static void write_file(const char *process, const char *name, const char *text)
{
  char path[64];
  int file;

  snprintf(path, sizeof(path), "/proc/%s/%s", process, name);
  file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0 || close(file)) fail("writing %s", path);
}

void map_ids(const char *process, unsigned inside, unsigned user, unsigned group)
{
  char line[64];

  write_file(process, "setgroups", "deny");
  snprintf(line, sizeof(line), "%u %u 1\n", inside, user);
  write_file(process, "uid_map", line);
  snprintf(line, sizeof(line), "%u %u 1\n", inside, group);
  write_file(process, "gid_map", line);
}

/* A descriptor of a user namespace that maps root to the given user and group. */
static int open_map(unsigned user, unsigned group)
{
  char process[32], path[64], byte;
  int made[2], held[2], space;
  pid_t holder;

  if (pipe2(made, O_CLOEXEC) || pipe2(held, O_CLOEXEC) || (holder = fork()) < 0) fail("starting a process");
  if (!holder) {
    close(held[1]);
    if (unshare(CLONE_NEWUSER) || write(made[1], "x", 1) != 1) fail("making a user namespace");
    /* Until it is no longer needed, or the process that needs it was killed. */
    while (read(held[0], &byte, 1) < 0 && errno == EINTR);
    _exit(0);
  }
  close(made[1]);
  close(held[0]);
  /* The child has reported why. */
  if (read(made[0], &byte, 1) != 1) _exit(125);
  close(made[0]);
  snprintf(process, sizeof(process), "%d", (int)holder);
  map_ids(process, 0, user, group);
  snprintf(path, sizeof(path), "/proc/%s/ns/user", process);
  space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0) fail("opening %s", path);
  close(held[1]);
  while (waitpid(holder, NULL, 0) < 0 && errno == EINTR);
  return space;
}

/*
 * Other users may not be allowed to enter a parent directory, such as root's home. The first such directory is covered by an
 * empty tmpfs, in this namespace only, and the path to `directory` is created in that.
 */
static void make_way(const char *directory)
{
  char path[PATH_MAX];
  size_t at, covered = 0;
  struct stat found;

  if (strlen(directory) >= sizeof(path)) {
    errno = ENAMETOOLONG;
    fail("%s", directory);
  }
  for (at = 1; directory[at]; at++) {
    if (directory[at] != '/') continue;
    memcpy(path, directory, at);
    path[at] = 0;
    if (!covered) {
      if (stat(path, &found)) fail("%s", path);
      if (found.st_mode & S_IXOTH) continue;
      if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k")) fail("covering %s", path);
      covered = 1;
    } else if (mkdir(path, 0755)) fail("making %s", path);
  }
  if (covered && mkdir(directory, 0755)) fail("making %s", directory);
}

void lend_to(const char *directory, unsigned user, unsigned group)
{
  struct attributes attributes = { .set = map_attribute, .user_namespace = (uint64_t)open_map(user, group) };
  int tree;

  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) fail("making a mount namespace");
  umask(022);
  tree = (int)syscall(SYS_open_tree, AT_FDCWD, directory, clone_tree | O_CLOEXEC | take_submounts);
  if (tree < 0) fail("cloning the mount of %s", directory);
  if (syscall(SYS_mount_setattr, tree, "", empty_path | take_submounts, &attributes, sizeof(attributes)))
    fail("mapping ids of %s", directory);
  make_way(directory);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, directory, take_empty_path)) fail("mounting %s", directory);
  close(tree);
  close((int)attributes.user_namespace);
}
