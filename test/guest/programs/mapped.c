/*
 * Files on a share, mapped: mapped DIRECTORY.
 *
 * Where the machine that runs the emulator has a part, it waits for the file NAME.ready and makes NAME.done when it has done it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LENGTH = 3 * 4096 };

static const char *doing = "start";

static void insist(int fine, const char *what)
{
	if (fine)
		return;
	printf("%s: %s (errno: %s)\n", doing, what, strerror(errno));
	exit(1);
}

static int fill(const char *name, int flags, char with)
{
	char buffer[LENGTH];
	int fd = open(name, O_CREAT | O_TRUNC | flags, 0644);

	insist(fd >= 0, "open");
	memset(buffer, with, sizeof buffer);
	insist(write(fd, buffer, sizeof buffer) == sizeof buffer, "write");
	return fd;
}

static char *map(int fd, int protection, int flags)
{
	char *at = mmap(NULL, LENGTH, protection, flags, fd, 0);

	insist(at != MAP_FAILED, "mmap");
	return at;
}

/* Hands NAME to the other machine. */
static void hand_over(const char *name)
{
	char file[100];
	int fd, left;

	snprintf(file, sizeof file, "%s.ready", name);
	fd = open(file, O_CREAT | O_WRONLY, 0644);
	insist(fd >= 0 && close(fd) == 0, "handing over");
	snprintf(file, sizeof file, "%s.done", name);
	for (left = 6000; access(file, F_OK) != 0; left--) {
		insist(left > 0, "the other machine does not answer");
		usleep(100000);
	}
}

static void stores_are_written(void)
{
	char *at, buffer[LENGTH];
	struct stat seen;
	int fd = fill("stored", O_RDWR, 'a');

	doing = "what is stored in a mapping can be read";
	at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	at[0] = at[5000] = at[LENGTH - 1] = 'b';
	insist(pread(fd, buffer, LENGTH, 0) == LENGTH, "read");
	insist(buffer[0] == 'b' && buffer[5000] == 'b' && buffer[LENGTH - 1] == 'b' && buffer[1] == 'a', "old data");

	doing = "what is written shows in a mapping, beside what was stored there";
	at[10] = 'c';
	insist(pwrite(fd, "dd", 2, 20) == 2, "write");
	at[4096] = 'c';
	insist(at[20] == 'd' && at[10] == 'c', "the mapping differs");
	insist(pread(fd, buffer, LENGTH, 0) == LENGTH, "read");
	insist(buffer[10] == 'c' && buffer[20] == 'd' && buffer[21] == 'd' && buffer[4096] == 'c', "the file differs");

	doing = "a mapping is written to the other machine";
	memset(at, 'e', LENGTH);
	insist(msync(at, LENGTH, MS_SYNC) == 0, "msync");
	hand_over("stored");

	doing = "what was stored before stat is no later change";
	at[0] = 'f';
	insist(fstat(fd, &seen) == 0, "stat");
	sleep(1);
	insist(munmap(at, LENGTH) == 0 && close(fd) == 0, "munmap");
	{
		struct stat later;

		insist(stat("stored", &later) == 0, "stat");
		insist(later.st_mtim.tv_sec == seen.st_mtim.tv_sec && later.st_mtim.tv_nsec == seen.st_mtim.tv_nsec, "another time");
	}
}

static void processes_share(void)
{
	char *at;
	int fd, status;
	pid_t child;

	doing = "two processes share a mapping";
	fd = fill("shared", O_RDWR, '0');
	at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	child = fork();
	insist(child >= 0, "fork");
	if (child == 0) {
		char *own;
		int again = open("shared", O_RDWR);

		if (again < 0 || (own = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0)) == MAP_FAILED)
			_exit(1);
		own[100] = '1';
		for (status = 0; own[200] != '2' && status < 600; status++)
			usleep(100000);
		_exit(own[200] != '2');
	}
	for (status = 0; at[100] != '1' && status < 600; status++)
		usleep(100000);
	insist(at[100] == '1', "the other one's store does not show");
	at[200] = '2';
	insist(waitpid(child, &status, 0) == child && status == 0, "the child missed something");
	insist(munmap(at, LENGTH) == 0 && close(fd) == 0, "munmap");
}

static void ways_to_map(void)
{
	char *at, buffer[LENGTH];
	struct stat seen;
	int fd;

	doing = "a mapping that becomes writable";
	fd = fill("protected", O_RDWR, 'a');
	at = map(fd, PROT_READ, MAP_SHARED);
	insist(at[7] == 'a', "old data");
	insist(mprotect(at, LENGTH, PROT_READ | PROT_WRITE) == 0, "mprotect");
	at[7] = 'b';
	insist(munmap(at, LENGTH) == 0, "munmap");
	insist(pread(fd, buffer, 8, 0) == 8 && buffer[7] == 'b', "the store is lost");
	close(fd);

	doing = "a mapping of a file opened with O_APPEND";
	fd = fill("appended", O_RDWR | O_APPEND, 'a');
	at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	at[0] = 'b';
	insist(msync(at, LENGTH, MS_SYNC) == 0 && munmap(at, LENGTH) == 0 && close(fd) == 0, "msync");
	insist(stat("appended", &seen) == 0 && seen.st_size == LENGTH, "the file has grown");
	fd = open("appended", O_RDONLY);
	insist(read(fd, buffer, LENGTH) == LENGTH && buffer[0] == 'b' && buffer[1] == 'a', "the store is lost");
	close(fd);

	doing = "a mapping of a file without a name";
	fd = fill("nameless", O_RDWR, 'a');
	insist(unlink("nameless") == 0, "unlink");
	at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	at[4096] = 'b';
	insist(at[0] == 'a' && msync(at, LENGTH, MS_SYNC) == 0, "msync");
	insist(pread(fd, buffer, 1, 4096) == 1 && buffer[0] == 'b', "the store is lost");
	insist(munmap(at, LENGTH) == 0 && close(fd) == 0, "munmap");

	doing = "a mapping of a file that ftruncate makes longer";
	fd = open("longer", O_RDWR | O_CREAT | O_TRUNC, 0644);
	insist(ftruncate(fd, 4096) == 0, "ftruncate");
	at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	at[0] = 'a';
	insist(ftruncate(fd, LENGTH) == 0, "ftruncate");
	at[LENGTH - 1] = 'b';
	insist(munmap(at, LENGTH) == 0, "munmap");
	at = map(fd, PROT_READ, MAP_SHARED);
	insist(at[0] == 'a' && at[4096] == '\0' && at[LENGTH - 1] == 'b', "the mapping differs");
	insist(munmap(at, LENGTH) == 0 && close(fd) == 0, "munmap");

	doing = "a private mapping";
	fd = fill("private", O_RDWR, 'a');
	at = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	at[0] = 'b';
	insist(munmap(at, LENGTH) == 0 && pread(fd, buffer, 1, 0) == 1 && buffer[0] == 'a', "it was written");
	close(fd);

	doing = "a file that may only be written";
	fd = open("write-only", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0200);
	insist(fd >= 0 && write(fd, "ab", 2) == 2 && close(fd) == 0, "write");
}

/* The other machine replaces what is in the file while it is mapped here. */
static void others_change_it(const char *name, size_t before, size_t after, char with)
{
	char *old, *at, buffer[LENGTH];
	int first, fd;
	size_t i;

	doing = name;
	first = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	memset(buffer, 'a', sizeof buffer);
	insist(first >= 0 && write(first, buffer, before) == (ssize_t)before, "write");
	old = map(first, PROT_READ | PROT_WRITE, MAP_SHARED);
	for (i = 0; i < before; i += 4096)
		insist(old[i] == 'a', "the mapping differs");
	hand_over(name);

	fd = open(name, O_RDWR);
	insist(fd >= 0, "open");
	insist(read(fd, buffer, LENGTH) == (ssize_t)after, "read: another length");
	for (i = 0; i < after; i++)
		insist(buffer[i] == with, "read: old data");
	at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	for (i = 0; i < after; i++)
		insist(at[i] == with, "a new mapping has old data");
	/* and back, by the new mapping */
	memset(at, 'z', after);
	insist(msync(at, LENGTH, MS_SYNC) == 0, "msync");
	insist(munmap(at, LENGTH) == 0 && munmap(old, LENGTH) == 0 && close(fd) == 0 && close(first) == 0, "munmap");
}

static void times_are_exact(void)
{
	struct timespec times[2] = { { 1234567890, 123456789 }, { 1700000000, 987654321 } };
	struct stat seen;
	int fd;

	doing = "times";
	fd = open("times", O_RDWR | O_CREAT, 0644);
	insist(fd >= 0 && futimens(fd, times) == 0, "futimens");
	insist(fstat(fd, &seen) == 0, "stat");
	insist(seen.st_mtim.tv_sec == 1700000000 && seen.st_mtim.tv_nsec == 987654321, "mtime");
	insist(seen.st_atim.tv_sec == 1234567890 && seen.st_atim.tv_nsec == 123456789, "atime");
	close(fd);
	insist(stat("times", &seen) == 0 && seen.st_mtim.tv_nsec == 987654321, "mtime after close");
	insist(symlink("times", "link") == 0 && utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW) == 0, "utimensat");
	insist(lstat("link", &seen) == 0 && seen.st_mtim.tv_nsec == 987654321, "mtime of a link");
	insist(mkdir("directory", 0755) == 0 && utimensat(AT_FDCWD, "directory", times, 0) == 0, "utimensat");
	insist(stat("directory", &seen) == 0 && seen.st_mtim.tv_nsec == 987654321, "mtime of a directory");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	insist(argc == 2 && chdir(argv[1]) == 0, "usage");
	times_are_exact();
	stores_are_written();
	processes_share();
	ways_to_map();
	others_change_it("same-size", LENGTH, LENGTH, 'b');
	others_change_it("same-time", LENGTH, LENGTH, 'c');
	others_change_it("grown", 4096, LENGTH, 'd');
	others_change_it("shrunk", LENGTH, 4096, 'e');
	doing = "done";
	puts("good");
	return 0;
}
