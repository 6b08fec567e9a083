/* Offsets beyond 4 GiB in a file that is nearly all hole, and a pipe to a child. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(void)
{
	char name[] = "/tmp/files.XXXXXX", text[16] = "";
	const off_t far = (off_t)5 * 1024 * 1024 * 1024 + 3;
	struct stat found;
	int ends[2], status = -1, before, at, file = mkstemp(name);
	FILE *stream;
	pid_t child;

	if (file < 0)
		return fail(name);
	unlink(name);
	if (pwrite(file, "far away", 8, far) != 8)
		return fail("pwrite");
	if (fstat(file, &found) || pread(file, text, 3, far + 4) != 3)
		return fail("pread");
	printf("%zu %lld %s", sizeof(off_t), (long long)found.st_size, text);
	stream = fdopen(file, "r+");
	if (!stream || fseeko(stream, far - 1, SEEK_SET))
		return fail("fseeko");
	before = getc(stream);
	at = getc(stream);
	printf(" %d %c", before, at);
	printf(" %lld\n", (long long)ftello(stream));
	if (ftruncate(fileno(stream), far + 1) || fseeko(stream, 0, SEEK_END))
		return fail("ftruncate");
	printf("%lld\n", (long long)ftello(stream));
	fclose(stream);
	fflush(stdout);
	if (pipe(ends))
		return fail("pipe");
	child = fork();
	if (child == 0)
		_exit(write(ends[1], "child", 5) == 5 ? 42 : 1);
	if (child < 0 || read(ends[0], text, 5) != 5 || waitpid(child, &status, 0) != child)
		return fail("fork");
	printf("%.5s %d\n", text, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return 0;
}
