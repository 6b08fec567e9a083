/*
 * enter start USER GROUP LENT PROGRAM [ARGUMENT...]
 * enter action DESCRIPTORS [NAME=VALUE...] -- PROGRAM [ARGUMENT...]
 *
 * `start` runs a program as process 1 of new user, mount, pid, ipc, uts and network namespaces, and waits for its end. Uid and
 * gid 0 inside are USER and GROUP outside. LENT is a directory whose files belong to root on disk and to uid and gid 0 inside,
 * or an empty string. Descriptors 0 to 5 are passed on, and 6, which is this program. Everything is killed when the parent
 * ends, however it ends. The parent's keyrings are not accessible inside.
 *
 * `action` runs an untrusted program. The working directory, a mount that contains a new proc, becomes its root, which it
 * cannot leave: the machine's own mounts are gone from its mount namespace. It can neither make user namespaces nor mount
 * anything; it has only the capabilities that a build needs within its own namespace, and no system calls that reach
 * beyond it. Only the first DESCRIPTORS descriptors are passed on, and only the environment variables named.
 *
 * Without arguments it does nothing and succeeds, which shows whether it can be executed at all.
 *
 * If either mode fails, a line `fault REASON` is written to descriptor 4 and to standard error, and the program is not run.
 */
#define _GNU_SOURCE
#include "enter.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { status_descriptor = 4, own_descriptor = 6 };

/* All that a build needs: its root may own, open and run any of its own files. */
static const int kept_rights[] = {
  CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID,
  CAP_KILL,  CAP_SETGID,       CAP_SETUID,          CAP_SETPCAP, CAP_SYS_CHROOT,
};

/* They reveal something about the machine or affect it, and no build reads them. */
static const char *const masked[] = {
  "/proc/keys", "/proc/key-users", "/proc/kcore", "/proc/kmsg", "/proc/sysrq-trigger", "/proc/timer_list",
};

void fail(const char *what, ...)
{
  int reason = errno;
  char text[512] = "fault ";
  size_t at = strlen(text);
  va_list values;

  va_start(values, what);
  vsnprintf(text + at, sizeof(text) - at - 1, what, values);
  va_end(values);
  at = strlen(text);
  if (reason) snprintf(text + at, sizeof(text) - at - 1, ": %s", strerror(reason));
  strcat(text, "\n");
  /* Descriptor 4 may be missing, as when this is run by hand; standard error has the message too. */
  if (write(status_descriptor, text, strlen(text)) < 0) errno = 0;
  fprintf(stderr, "enter: %s", text + strlen("fault "));
  exit(125);
}

static void close_from(unsigned first)
{
  struct rlimit limit;
  unsigned long last = 65536;

#ifdef SYS_close_range
  if (!syscall(SYS_close_range, first, ~0U, 0)) return;
#endif
  /* Before Linux 5.9. At least 65536, as descriptors may be above a limit that was lowered later; no loop reaches infinity. */
  if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_max != RLIM_INFINITY && limit.rlim_max > last)
    last = limit.rlim_max;
  for (; first < last; first++) close((int)first);
}

/* Keys are inherited with the session's keyring. If the system refuses this call, it refuses keys altogether. */
static void leave_keys(void)
{
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS && errno != EPERM)
    fail("joining a new session keyring");
}

/* Only a process outside the new user namespace may map ids other than its own. */
static pid_t start_mapper(unsigned user, unsigned group, int go[2], int done[2])
{
  char made, process[32];
  pid_t mapper;

  snprintf(process, sizeof(process), "%d", (int)getpid());
  if (pipe2(go, O_CLOEXEC) || pipe2(done, O_CLOEXEC) || (mapper = fork()) < 0) fail("starting a process");
  if (mapper) return mapper;
  close(go[1]);
  if (read(go[0], &made, 1) == 1) map_ids(process, 0, user, group);
  exit(0);
}

static void become_root_of_namespaces(unsigned user, unsigned group)
{
  int namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  int go[2], done[2], status, itself = user == geteuid() && group == getegid();
  pid_t mapper = itself ? 0 : start_mapper(user, group, go, done);

  if (unshare(namespaces)) fail("making user, mount, pid, ipc, uts and network namespaces");
  if (itself) map_ids("self", 0, user, group);
  else {
    close(go[0]);
    if (write(go[1], "x", 1) != 1) fail("asking for ids");
    while (waitpid(mapper, &status, 0) < 0 && errno == EINTR);
    errno = 0;
    if (status) fail("mapping ids of a user namespace");
    close(go[1]);
    close(done[0]);
    close(done[1]);
  }
  if (setresgid(0, 0, 0) || setresuid(0, 0, 0)) fail("becoming root of a user namespace");
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) fail("making mounts private");
  if (sethostname("bootstrap", strlen("bootstrap")) || setdomainname("(none)", strlen("(none)")))
    fail("setting the hostname of a namespace");
}

/* Ends this process with its parent. Changing ids clears the setting, so it comes after that. */
static void end_with(pid_t parent)
{
  if (prctl(PR_SET_PDEATHSIG, SIGKILL)) fail("setting the parent-death signal");
  if (getppid() != parent) _exit(125);
}

static int start(char **words)
{
  unsigned user = (unsigned)strtoul(words[0], NULL, 10), group = (unsigned)strtoul(words[1], NULL, 10);
  const char *lent = words[2];
  pid_t engine = getppid(), foreground = tcgetpgrp(0), child;
  int status, own, alive[2];
  char cwd[4096];

  close_from(own_descriptor);
  own = open("/proc/self/exe", O_RDONLY);
  if (own != own_descriptor && (dup2(own, own_descriptor) < 0 || close(own))) fail("opening this program");
  leave_keys();
  /* Supplementary groups would be kept, although they have no id inside. Only root may drop them. */
  if (!geteuid() && setgroups(0, NULL) && errno != EPERM) fail("dropping supplementary groups");
  if (*lent) {
    if (!getcwd(cwd, sizeof(cwd))) fail("finding the working directory");
    lend_to(lent, user, group);
    if (chdir(cwd)) fail("returning to %s", cwd);
  }
  become_root_of_namespaces(user, group);
  end_with(engine);
  if (pipe2(alive, O_CLOEXEC) || (child = fork()) < 0) fail("starting a process");
  if (!child) {
    struct pollfd parent = { .fd = alive[0] };

    /* The parent is in another pid namespace, so its pid is not visible here: the pipe hangs up once it is gone. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL)) fail("setting the parent-death signal");
    close(alive[1]);
    if (poll(&parent, 1, 0)) _exit(125);
    execv(words[3], words + 3);
    fail("running %s", words[3]);
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("waiting for process 1");
  /* A shell that was killed does not give its terminal back, and nobody reads a terminal that belongs to nobody. */
  signal(SIGTTOU, SIG_IGN);
  if (foreground > 0) tcsetpgrp(0, foreground);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Makes the working directory the root in a new mount namespace, and detaches everything else. */
static void leave_machine(void)
{
  if (unshare(CLONE_NEWNS)) fail("making a mount namespace");
  if (syscall(SYS_pivot_root, ".", ".")) fail("changing the root");
  if (umount2(".", MNT_DETACH)) fail("detaching the machine's root");
  if (chdir("/")) fail("entering the new root");
}

/* The limit applies to our own user namespace, in which the action is root. */
static void refuse_user_namespaces(void)
{
  int limit = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);

  if (limit < 0 || write(limit, "0", 1) != 1 || close(limit)) fail("disabling user namespaces");
}

static void close_proc(void)
{
  unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  size_t at;

  for (at = 0; at < sizeof(masked) / sizeof(*masked); at++)
    if (mount("/dev/null", masked[at], NULL, MS_BIND, NULL) && errno != ENOENT) fail("covering %s", masked[at]);
  if (mount("none", "/proc", NULL, flags, NULL)) fail("making /proc read-only");
}

static void drop_rights(void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2] = { 0 };
  unsigned long long kept = 0;
  size_t at;
  int right;

  for (at = 0; at < sizeof(kept_rights) / sizeof(*kept_rights); at++) kept |= 1ULL << kept_rights[at];
  /* The first number that is unknown to the kernel ends the list. */
  for (right = 0; right < 64 && prctl(PR_CAPBSET_READ, right, 0, 0, 0) >= 0; right++)
    if (!(kept >> right & 1) && prctl(PR_CAPBSET_DROP, right, 0, 0, 0)) fail("dropping capability %d", right);
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL) fail("dropping ambient capabilities");
  for (at = 0; at < 2; at++) data[at].effective = data[at].permitted = (unsigned)(kept >> 32 * at);
  if (syscall(SYS_capset, &header, data)) fail("dropping capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("setting no_new_privs");
}

static int action(char **words)
{
  char **environment = words + 1, **program = environment;
  unsigned handed_on = (unsigned)strtoul(words[0], NULL, 10);

  while (*program && strcmp(*program, "--")) program++;
  if (!*program || !program[1]) return 2;
  *program++ = NULL;
  leave_machine();
  refuse_user_namespaces();
  close_proc();
  drop_rights();
  refuse_system_calls();
  close_from(handed_on);
  execve(*program, program, environment);
  fprintf(stderr, "%s: %s\n", *program, strerror(errno));
  return errno == ENOENT ? 127 : 126;
}

int main(int count, char **words)
{
  errno = 0;
  if (count == 1) return 0;
  if (count > 5 && !strcmp(words[1], "start")) return start(words + 2);
  if (count > 4 && !strcmp(words[1], "action")) return action(words + 2);
  fputs("enter start USER GROUP LENT PROGRAM [ARGUMENT...]\n", stderr);
  fputs("enter action DESCRIPTORS [NAME=VALUE...] -- PROGRAM [ARGUMENT...]\n", stderr);
  return 2;
}
