/*
 * What programs expect of a Linux, tried: facilities [WITHOUT...]. Names each facility that does not work, and is good if that is
 * none but those that are named.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_alg.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static char place[] = "/tmp/facilities-XXXXXX";

static const char *in(const char *name)
{
	static char path[2][100];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", place, name);
	return path[turn];
}

static int is_open(int fd)
{
	if (fd < 0)
		return 0;
	close(fd);
	return 1;
}

static int with_inotify(void)
{
	char event[sizeof(struct inotify_event) + 256];
	int fd = inotify_init1(IN_NONBLOCK);

	return fd >= 0 && inotify_add_watch(fd, place, IN_CREATE) >= 0 &&
	       is_open(open(in("watched"), O_CREAT | O_WRONLY, 0600)) && read(fd, event, sizeof event) > 0;
}

static int with_fanotify(void)
{
	struct fanotify_event_metadata event;
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);

	return fd >= 0 && fanotify_mark(fd, FAN_MARK_ADD, FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD, AT_FDCWD, place) == 0 &&
	       is_open(open(in("watched"), O_CREAT | O_WRONLY, 0600)) && read(fd, &event, sizeof event) > 0;
}

/* Each check has a process of its own. */
static int uts_namespace(void) { return unshare(CLONE_NEWUTS) == 0 && sethostname("other", 5) == 0; }
static int ipc_namespace(void) { return unshare(CLONE_NEWIPC) == 0; }
static int mount_namespace(void) { return unshare(CLONE_NEWNS) == 0; }
static int network_namespace(void) { return unshare(CLONE_NEWNET) == 0; }
static int control_group_namespace(void) { return unshare(CLONE_NEWCGROUP) == 0; }
static int time_namespace(void) { return unshare(CLONE_NEWTIME) == 0; }

static int process_namespace(void)
{
	int status;
	pid_t child;

	if (unshare(CLONE_NEWPID) != 0 || (child = fork()) < 0)
		return 0;
	if (child == 0)
		_exit(getpid() != 1);
	return waitpid(child, &status, 0) == child && status == 0;
}

/* What a container without root begins with. */
static int user_namespace(void)
{
	int fd;

	if (setgid(1000) != 0 || setuid(1000) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0 || (fd = open("/proc/self/uid_map", O_WRONLY)) < 0)
		return 0;
	return write(fd, "0 1000 1", 8) == 8 && getuid() == 0 && mount("none", "/tmp", "tmpfs", 0, NULL) == 0;
}

static int multicast(void)
{
	struct ip_mreqn group;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(&group, 0, sizeof group);
	group.imr_multiaddr.s_addr = htonl(0xe0000177);
	group.imr_address.s_addr = htonl(INADDR_LOOPBACK);
	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0;
}

static int seccomp_filters(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 0;
	return syscall(SYS_getppid) == -1 && errno == 77;
}

static int fuse(void)
{
	char options[100];
	int fd = open("/dev/fuse", O_RDWR);

	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	return fd >= 0 && mount("fuse", place, "fuse", 0, options) == 0 && umount2(place, MNT_DETACH) == 0;
}

static int tun(void)
{
	struct ifreq request;
	int fd = open("/dev/net/tun", O_RDWR);

	memset(&request, 0, sizeof request);
	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	return fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0;
}

static int keys(void)
{
	char secret[6];
	/* the process keyring is -2, reading is 11 */
	long key = syscall(SYS_add_key, "user", "facilities", "secret", 6, -2);

	return key > 0 && syscall(SYS_keyctl, 11, key, secret, 6) == 6 && memcmp(secret, "secret", 6) == 0;
}

static int uring(void)
{
	struct io_uring_params parameters;

	memset(&parameters, 0, sizeof parameters);
	return is_open(syscall(SYS_io_uring_setup, 4, &parameters));
}

static int aio(void)
{
	aio_context_t context = 0;

	return syscall(SYS_io_setup, 4, &context) == 0;
}

static int event_fds(void) { return is_open(eventfd(0, 0)) && is_open(timerfd_create(CLOCK_MONOTONIC, 0)) && is_open(epoll_create1(0)); }

static int signal_fds(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return is_open(signalfd(-1, &set, 0));
}

static int memory_files(void)
{
	int fd = syscall(SYS_memfd_create, "file", 2);

	return fd >= 0 && ftruncate(fd, 4096) == 0 && fcntl(fd, 1033 /* F_ADD_SEALS */, 2) == 0;
}

static int page_faults(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0;
}

static int posix_queues(void)
{
	mqd_t queue = mq_open("/facilities", O_CREAT | O_RDWR, 0600, NULL);

	return queue >= 0 && mq_send(queue, "x", 1, 0) == 0 && mq_unlink("/facilities") == 0;
}

static int system_v(void)
{
	int shared = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), semaphores = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

	return shared >= 0 && shmctl(shared, IPC_RMID, NULL) == 0 && semaphores >= 0 && semctl(semaphores, 0, IPC_RMID) == 0 &&
	       queue >= 0 && msgctl(queue, IPC_RMID, NULL) == 0;
}

static int control_groups(void)
{
	char controllers[200];
	ssize_t length;
	int fd;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return 0;
	if (mount("none", place, "cgroup2", 0, NULL) != 0 || (fd = open(in("cgroup.controllers"), O_RDONLY)) < 0)
		return 0;
	length = read(fd, controllers, sizeof controllers - 1);
	controllers[length < 0 ? 0 : length] = '\0';
	return strstr(controllers, "memory") && strstr(controllers, "pids") && strstr(controllers, "cpu");
}

static int overlays(void)
{
	char options[300];

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return 0;
	if (mount("none", place, "tmpfs", 0, NULL) != 0)
		return 0;
	mkdir(in("lower"), 0755), mkdir(in("upper"), 0755), mkdir(in("work"), 0755), mkdir(in("merged"), 0755);
	snprintf(options, sizeof options, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", place, place, place);
	return mount("none", in("merged"), "overlay", 0, options) == 0;
}

static int attributes_in_memory(void)
{
	/* version 2; user::rw-, user:1:r--, group::r--, mask::r--, other::--- */
	static const unsigned char list[] = {
		2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255,
		16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
	};

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return 0;
	return mount("none", place, "tmpfs", 0, NULL) == 0 && is_open(open(in("file"), O_CREAT | O_WRONLY, 0600)) &&
	       setxattr(in("file"), "trusted.x", "y", 1, 0) == 0 &&
	       setxattr(in("file"), "system.posix_acl_access", list, sizeof list, 0) == 0;
}

static int locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(in("locked"), O_CREAT | O_RDWR, 0600);

	return fd >= 0 && fcntl(fd, 37 /* F_OFD_SETLK */, &lock) == 0;
}

static int sockets(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && is_open(socket(AF_INET6, SOCK_STREAM, 0)) &&
	       is_open(socket(AF_PACKET, SOCK_RAW, 0)) && is_open(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

static int diagnostics(void) { return is_open(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)); }

static int cryptography(const char *type, const char *name)
{
	struct sockaddr_alg address = { .salg_family = AF_ALG };
	int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);

	strcpy((char *)address.salg_type, type);
	strcpy((char *)address.salg_name, name);
	return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static int hashes(void) { return cryptography("hash", "sha256") && cryptography("hash", "hmac(sha1)"); }
static int ciphers(void) { return cryptography("skcipher", "cbc(aes)") && cryptography("skcipher", "ctr(aes)"); }

static int performance(void)
{
	struct perf_event_attr event;

	memset(&event, 0, sizeof event);
	event.type = PERF_TYPE_SOFTWARE;
	event.size = sizeof event;
	event.config = PERF_COUNT_SW_TASK_CLOCK;
	return is_open(syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
}

static int debugging(void)
{
	static int value = 1;
	struct iovec here = { &value, sizeof value }, there = { &value, sizeof value };
	int status, fine;
	pid_t child = fork();

	if (child == 0) {
		value = 42;
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	fine = waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
	       process_vm_readv(child, &here, 1, &there, 1, 0) == sizeof value && value == 42;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return fine;
}

static int process_fds(void) { return is_open(syscall(SYS_pidfd_open, getpid(), 0)); }

static int exists(const char *path) { return access(path, F_OK) == 0; }
static int loop_devices(void) { return exists("/dev/loop-control"); }
static int network_disks(void) { return exists("/dev/nbd0"); }
static int memory_device(void) { return is_open(open("/dev/mem", O_RDONLY)); }
static int watchdog(void) { return exists("/dev/watchdog"); }
static int random_device(void) { return exists("/dev/hwrng"); }
static int clock_device(void) { return is_open(open("/dev/rtc0", O_RDONLY)); }

static int knows(const char *type)
{
	char line[100], name[50];
	FILE *list = fopen("/proc/filesystems", "r");

	while (list != NULL && fgets(line, sizeof line, list) != NULL) {
		if (sscanf(line, "nodev %49s", name) == 1 || sscanf(line, " %49s", name) == 1)
			if (strcmp(name, type) == 0)
				return 1;
	}
	return 0;
}

static int file_systems(void)
{
	static const char *const types[] = { "ext2", "ext4", "squashfs", "vfat", "minix", "iso9660", "fuseblk", "binfmt_misc", "mqueue", "9p" };
	size_t i;

	for (i = 0; i < sizeof types / sizeof *types; i++)
		if (!knows(types[i]))
			return 0;
	return 1;
}

static const struct {
	const char *name;
	int (*works)(void);
} facilities[] = {
	{ "inotify", with_inotify },
	{ "fanotify", with_fanotify },
	{ "uts-namespace", uts_namespace },
	{ "ipc-namespace", ipc_namespace },
	{ "mount-namespace", mount_namespace },
	{ "network-namespace", network_namespace },
	{ "pid-namespace", process_namespace },
	{ "user-namespace", user_namespace },
	{ "cgroup-namespace", control_group_namespace },
	{ "time-namespace", time_namespace },
	{ "control-groups", control_groups },
	{ "overlayfs", overlays },
	{ "multicast", multicast },
	{ "seccomp", seccomp_filters },
	{ "fuse", fuse },
	{ "tun", tun },
	{ "keys", keys },
	{ "io_uring", uring },
	{ "aio", aio },
	{ "eventfd", event_fds },
	{ "signalfd", signal_fds },
	{ "memfd", memory_files },
	{ "userfaultfd", page_faults },
	{ "mqueue", posix_queues },
	{ "sysvipc", system_v },
	{ "attributes", attributes_in_memory },
	{ "locks", locks },
	{ "sockets", sockets },
	{ "sock-diag", diagnostics },
	{ "hashes", hashes },
	{ "ciphers", ciphers },
	{ "perf", performance },
	{ "ptrace", debugging },
	{ "pidfd", process_fds },
	{ "loop", loop_devices },
	{ "nbd", network_disks },
	{ "devmem", memory_device },
	{ "watchdog", watchdog },
	{ "hwrng", random_device },
	{ "rtc", clock_device },
	{ "file-systems", file_systems },
};

int main(int argc, char **argv)
{
	int status, wrong = 0;
	size_t i;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (mkdtemp(place) == NULL || chmod(place, 0755) != 0)
		return 2;
	for (i = 0; i < sizeof facilities / sizeof *facilities; i++) {
		int expected = 1, n;
		pid_t child = fork();

		if (child == 0) {
			errno = 0;
			if (facilities[i].works())
				_exit(0);
			_exit(errno > 0 && errno < 255 ? errno : 255);
		}
		for (n = 1; n < argc; n++)
			if (strcmp(argv[n], facilities[i].name) == 0)
				expected = 0;
		if (waitpid(child, &status, 0) != child || (status == 0) != expected) {
			printf("%s: %s\n", facilities[i].name,
			       status == 0 ? "works" : WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "died");
			wrong = 1;
		}
	}
	if (!wrong)
		puts("good");
	return wrong;
}
