/*
 * The system calls refused to actions: those that reach beyond their namespaces, and those that are frequent targets of
 * attacks on the kernel. A refused call fails as it would on a machine without it, so that configure scripts continue. For
 * programs in the processor's other modes, which have their own call numbers, the same list applies if those numbers are
 * known here; otherwise all their calls are refused.
 */
#define _GNU_SOURCE
#include "enter.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define NEW_NAMESPACES \
  (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | 0x02000000 /* cgroup */)
#define NEW_TIME_NAMESPACE 0x80
#define PUSH_INPUT 0x5412  /* TIOCSTI: types on a terminal */
#define LINUX_CONSOLE 0x541c  /* TIOCLINUX: pastes on a console */

/* Numbers that are the same on all processors, for older headers. */
enum {
  nr_io_uring_setup = 425, nr_io_uring_enter, nr_io_uring_register, nr_open_tree, nr_move_mount, nr_fsopen, nr_fsconfig,
  nr_fsmount, nr_fspick, nr_clone3 = 435, nr_mount_setattr = 442, nr_quotactl_fd = 443, nr_open_tree_attr = 467,
};

#define SHARED_NUMBERS \
  nr_io_uring_setup, nr_io_uring_enter, nr_io_uring_register, nr_open_tree, nr_move_mount, nr_fsopen, nr_fsconfig, \
  nr_fsmount, nr_fspick, nr_mount_setattr, nr_quotactl_fd, nr_open_tree_attr

/* System call numbers of one processor mode. */
struct mode {
  unsigned audit;
  /* Calls refused depending on their arguments; socketcall is 0 if there is none. */
  unsigned clone, unshare, socket, socketcall, ioctl;
  const unsigned *refused;
  unsigned count;
};

static const unsigned native_calls[] = {
  SHARED_NUMBERS, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_bpf, SYS_perf_event_open, SYS_mount, SYS_umount2,
  SYS_pivot_root, SYS_setns, SYS_userfaultfd, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
  SYS_fanotify_init, SYS_open_by_handle_at, SYS_quotactl, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_acct, SYS_syslog,
  SYS_vhangup,
#ifdef SYS_kexec_file_load
  SYS_kexec_file_load,
#endif
#ifdef SYS_umount
  SYS_umount,
#endif
#ifdef SYS_iopl
  SYS_iopl,
#endif
#ifdef SYS_ioperm
  SYS_ioperm,
#endif
};

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define NATIVE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE AUDIT_ARCH_PPC64LE
#elif defined(__powerpc64__)
#define NATIVE AUDIT_ARCH_PPC64
#elif defined(__s390x__)
#define NATIVE AUDIT_ARCH_S390X
#elif defined(__loongarch64)
#define NATIVE AUDIT_ARCH_LOONGARCH64
#else
#error "this processor's system calls are not known here: name its AUDIT_ARCH"
#endif
#ifdef SYS_socketcall
#define NATIVE_SOCKETCALL SYS_socketcall
#else
#define NATIVE_SOCKETCALL 0
#endif
#define LIST(calls) calls, sizeof(calls) / sizeof(*calls)

/* The same as numbers for 32-bit programs of two processors, in the same order; those at the end exist on only one of them. */
#if defined(__x86_64__)
static const unsigned i386_calls[] = {
  SHARED_NUMBERS, 288, 286, 287, 357, 336, 21, 52, 217, 346, 374, 283, 128, 350, 129, 338, 342, 131, 87, 115, 88, 51, 103,
  111, 22 /* umount */, 110 /* iopl */, 101 /* ioperm */,
};
#elif defined(__aarch64__)
static const unsigned arm_calls[] = {
  SHARED_NUMBERS, 311, 309, 310, 386, 364, 21, 52, 218, 375, 388, 347, 128, 379, 129, 367, 371, 131, 87, 115, 88, 51, 103,
  111, 401 /* kexec_file_load */,
};
#endif

static const struct mode modes[] = {
  { NATIVE, SYS_clone, SYS_unshare, SYS_socket, NATIVE_SOCKETCALL, SYS_ioctl, LIST(native_calls) },
#if defined(__x86_64__)
  { AUDIT_ARCH_I386, 120, 310, 359, 102, 54, LIST(i386_calls) },
#elif defined(__aarch64__)
  { AUDIT_ARCH_ARM, 120, 337, 281, 0, 54, LIST(arm_calls) },
#endif
};

static struct sock_filter program[512];
static unsigned length;

static void add(unsigned short code, unsigned value, unsigned char yes, unsigned char no)
{
  if (length < sizeof(program) / sizeof(*program)) program[length] = (struct sock_filter){ code, yes, no, value };
  length++;
}

static void load(size_t offset)
{
  add(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

/* Loads the half of an argument that contains an int. */
static void load_argument(unsigned index)
{
  size_t offset = offsetof(struct seccomp_data, args) + 8 * index;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  offset += 4;
#endif
  load(offset);
}

static void answer(unsigned error)
{
  add(BPF_RET | BPF_K, error ? SECCOMP_RET_ERRNO | error : SECCOMP_RET_ALLOW, 0, 0);
}

/* Runs the next instruction only if the loaded value is `value`. */
static void where(unsigned value)
{
  add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
}

/* Refuses a call with one of `flags` in an argument. */
static void refuse_flags(unsigned call, unsigned index, unsigned flags)
{
  add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
  load_argument(index);
  add(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1);
  answer(EPERM);
  answer(0);
}

static void refuse_value(unsigned call, unsigned index, const unsigned *values, unsigned count, unsigned error)
{
  unsigned at;

  add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, (unsigned char)(2 + 2 * count));
  load_argument(index);
  for (at = 0; at < count; at++) {
    where(values[at]);
    answer(error);
  }
  answer(0);
}

/* Allows sockets of four families only: those of the action's own network, and those of files. */
static void refuse_families(unsigned call)
{
  static const unsigned families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
  unsigned at;

  add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 10);
  load_argument(0);
  for (at = 0; at < 4; at++) {
    where(families[at]);
    answer(0);
  }
  answer(EAFNOSUPPORT);
}

static void add_mode(const struct mode *mode)
{
  static const unsigned terminal[] = { PUSH_INPUT, LINUX_CONSOLE }, make_socket[] = { 1 };
#ifdef __s390x__
  unsigned clone_flags = 1;
#else
  unsigned clone_flags = 0;
#endif
  unsigned at;

  load(offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
  /* x32 has the same numbers with an additional bit set. */
  if (mode->audit == AUDIT_ARCH_X86_64) {
    add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    answer(ENOSYS);
  }
#endif
  /* Its flags are in memory, which a filter cannot read. Every libc then uses the older call. */
  where(nr_clone3);
  answer(ENOSYS);
  for (at = 0; at < mode->count; at++) {
    where(mode->refused[at]);
    answer(EPERM);
  }
  refuse_flags(mode->clone, clone_flags, NEW_NAMESPACES);
  refuse_flags(mode->unshare, 0, NEW_NAMESPACES | NEW_TIME_NAMESPACE);
  refuse_families(mode->socket);
  refuse_value(mode->ioctl, 1, terminal, 2, EPERM);
  /* The older call to make a socket has the family in memory. */
  if (mode->socketcall) refuse_value(mode->socketcall, 0, make_socket, 1, ENOSYS);
  answer(0);
}

void refuse_system_calls(void)
{
  struct sock_fprog filter = { .filter = program };
  unsigned at, jump;

  length = 0;
  for (at = 0; at < sizeof(modes) / sizeof(*modes); at++) {
    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, modes[at].audit, 1, 0);
    jump = length;
    add(BPF_JMP | BPF_JA, 0, 0, 0);
    add_mode(&modes[at]);
    program[jump].k = length - jump - 1;
  }
  answer(ENOSYS);
  errno = E2BIG;
  if (length > sizeof(program) / sizeof(*program)) fail("filtering system calls");
  filter.len = (unsigned short)length;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0)) fail("setting a filter of system calls");
}
