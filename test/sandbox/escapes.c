/*
 * What an action might try. Without words, and in a sandbox only, because root would do harm elsewhere: tries everything
 * that needs no help and prints a line for each, `NAME ANSWER`, where ANSWER is `done` or the system's reason. With words:
 *
 *   escapes with PROGRAM [ARGUMENT...]   runs a program that has /etc/passwd open as descriptors 9, 20 and 300, and a key in
 *                                        its session keyring, whose number takes the place of @KEY@ in its arguments
 *   escapes read-key NUMBER              prints what the key holds
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *what, long answer)
{
  printf("%s %s\n", what, answer < 0 ? strerrorname_np(errno) : "done");
  fflush(stdout);
}

/* In a process of its own, so that it harms nobody. */
static void attempt(const char *what, long (*work)(void))
{
  int status;
  pid_t child = fork();

  if (!child) {
    errno = 0;
    tell(what, work());
    _exit(0);
  }
  waitpid(child, &status, 0);
  if (status) printf("%s killed\n", what);
}

static long user_namespace(void) { return unshare(CLONE_NEWUSER); }
static long mount_namespace(void) { return unshare(CLONE_NEWNS); }
static long cloned_namespace(void) { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }

static long cloned3_namespace(void)
{
  uint64_t words[8] = { CLONE_NEWUSER, 0, 0, 0, SIGCHLD };

  return syscall(435, words, sizeof(words));
}

static long open_all(const char *path)
{
  return open(path, O_WRONLY);
}

static long own_sysctl(void) { return open_all("/proc/sys/kernel/core_pattern"); }

/* The way that was found: with a user namespace of its own it may mount what it likes. */
static long nested_sysctl(void)
{
  int status = 0;

  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)) return -1;
  if (!fork()) {
    mkdir("/build/p", 0755);
    if (mount("proc", "/build/p", "proc", 0, NULL)) _exit(1);
    _exit(open_all("/build/p/sys/kernel/core_pattern") < 0);
  }
  wait(&status);
  errno = EACCES;
  return status ? -1 : 0;
}

static long mount_tmpfs(void) { return mount("tmpfs", "/build", "tmpfs", 0, NULL); }
static long unmount_proc(void) { return umount2("/proc", MNT_DETACH); }
static long write_proc(void) { return mount("none", "/proc", NULL, MS_REMOUNT | MS_BIND, NULL); }
static long take_mount(void) { return syscall(428, AT_FDCWD, "/", 1); }
static long open_file_system(void) { return syscall(430, "tmpfs", 0); }
static long new_root(void) { return syscall(SYS_pivot_root, ".", "."); }
static long program_kernel(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long measure_kernel(void) { return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static long io_ring(void) { return syscall(425, 1, NULL); }
static long handle_faults(void) { return syscall(SYS_userfaultfd, 1); }
static long read_kernel_log(void) { return syscall(SYS_syslog, 10, NULL, 0); }
static long add_key(void) { return syscall(SYS_add_key, "user", "a", "b", 1, KEY_SPEC_PROCESS_KEYRING); }
static long request_key(void) { return syscall(SYS_request_key, "user", "a", NULL, 0); }
static long session_key(void) { return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1); }
static long make_device(void) { return mknod("/build/zero", S_IFCHR | 0666, 0x105); }
static long terminal(void) { return open("/dev/tty", O_RDWR); }
static long type_ahead(void) { return ioctl(0, TIOCSTI, "x"); }
static long next_descriptor(void) { return setns(0, 0); }
static long trace_itself(void) { return ptrace(PTRACE_TRACEME, 0, 0, 0); }
static long change_owner(void) { return chown("/build", 0, 0); }
static long change_root(void) { return chroot("/build"); }
static long process_one(void) { return open("/proc/1/root/etc", O_RDONLY); }

#ifdef __x86_64__
/* The same calls under the numbers of other kinds of programs. */
static long by_32_bit_call(long number, long first, long second)
{
  long answer;

  __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(first), "c"(second), "d"(0), "S"(0), "D"(0) : "memory");
  if (answer < 0) errno = (int)-answer;
  return answer < 0 ? -1 : answer;
}

static long user_namespace_32(void) { return by_32_bit_call(310, CLONE_NEWUSER, 0); }
static long session_key_32(void) { return by_32_bit_call(288, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING); }
static long process_number_32(void) { return by_32_bit_call(20, 0, 0); }
static long process_number_x32(void) { return syscall(0x40000000 + SYS_getpid); }
#endif

static void sockets(void)
{
  int family;

  printf("sockets");
  for (family = 0; family < 64; family++)
    if (socket(family, SOCK_STREAM, 0) >= 0 || socket(family, SOCK_RAW, 0) >= 0 || socket(family, SOCK_DGRAM, 0) >= 0)
      printf(" %d", family);
  puts("");
}

static void descriptors(void)
{
  int at;

  printf("descriptors");
  for (at = 0; at < 4096; at++)
    if (fcntl(at, F_GETFD) >= 0) printf(" %d", at);
  puts("");
  fflush(stdout);
}

static int with(char **words)
{
  int file = open("/etc/passwd", O_RDONLY);
  char **at;
  long key;

  if (dup2(file, 9) < 0 || dup2(file, 20) < 0 || dup2(file, 300) < 0) return 1;
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) return 1;
  key = syscall(SYS_add_key, "user", "of-the-machine", "secret", 6, KEY_SPEC_SESSION_KEYRING);
  if (key < 0) return 1;
  for (at = words; *at; at++) {
    char *place = strstr(*at, "@KEY@"), *filled;

    if (place && asprintf(&filled, "%.*s%ld%s", (int)(place - *at), *at, key, place + 5) > 0) *at = filled;
  }
  execvp(*words, words);
  return 127;
}

static int read_key(const char *number)
{
  char payload[64] = "";

  errno = 0;
  tell("key", syscall(SYS_keyctl, KEYCTL_READ, strtol(number, NULL, 10), payload, sizeof(payload) - 1));
  printf("payload %s\n", payload);
  return 0;
}

int main(int count, char **words)
{
  char name[64] = "";

  if (count > 2 && !strcmp(words[1], "with")) return with(words + 2);
  if (count > 2 && !strcmp(words[1], "read-key")) return read_key(words[2]);
  if (gethostname(name, sizeof(name)) || strcmp(name, "bootstrap") || access("/script", F_OK)) {
    fputs("this is no sandbox\n", stderr);
    return 2;
  }
  descriptors();
  attempt("user-namespace", user_namespace);
  attempt("mount-namespace", mount_namespace);
  attempt("cloned-namespace", cloned_namespace);
  attempt("cloned3-namespace", cloned3_namespace);
  attempt("own-sysctl", own_sysctl);
  attempt("nested-sysctl", nested_sysctl);
  attempt("mount-tmpfs", mount_tmpfs);
  attempt("unmount-proc", unmount_proc);
  attempt("write-proc", write_proc);
  attempt("open-tree", take_mount);
  attempt("open-file-system", open_file_system);
  attempt("new-root", new_root);
  attempt("program-kernel", program_kernel);
  attempt("measure-kernel", measure_kernel);
  attempt("io-ring", io_ring);
  attempt("handle-faults", handle_faults);
  attempt("read-kernel-log", read_kernel_log);
  attempt("add-key", add_key);
  attempt("request-key", request_key);
  attempt("session-key", session_key);
  attempt("make-device", make_device);
  attempt("terminal", terminal);
  attempt("type-ahead", type_ahead);
  attempt("next-namespace", next_descriptor);
  attempt("process-one", process_one);
#ifdef __x86_64__
  attempt("user-namespace-32", user_namespace_32);
  attempt("session-key-32", session_key_32);
  attempt("process-number-32", process_number_32);
  attempt("process-number-x32", process_number_x32);
#endif
  attempt("trace-itself", trace_itself);
  attempt("change-owner", change_owner);
  attempt("change-root", change_root);
  sockets();
  return 0;
}
